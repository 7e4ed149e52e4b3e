//! `sluicebox whoami`: which host, and who one is there.

use super::super::HostArgs;
use super::super::answers::Whoami;
use super::super::text::{harmless, list, time};
use crate::output::Format;
use anyhow::Result;

const EXAMPLES: &str = "\
Examples:
  sluicebox whoami
  sluicebox whoami --profile prod --output json";

/// Arguments of `whoami`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    host: HostArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Ask and print.
pub fn run(args: Args) -> Result<()> {
    let client = args.host.connect()?;
    let answer = client.get("/v1/whoami")?;
    answer.print(args.output, |whoami| {
        text(client.url(), client.named_tenant(), &whoami)
    })
}

fn text(url: &str, named: Option<&str>, whoami: &Whoami) -> String {
    let tenant = match (&whoami.tenant, named) {
        (Some(tenant), _) => tenant.clone(),
        (None, Some(named)) => format!("all; `{named}` is meant if none is named"),
        (None, None) => "all: the token is for the whole installation".to_owned(),
    };
    let expires = whoami.expires_ms.map_or("never".to_owned(), time);
    format!(
        "host     {url}\ntenant   {}\ntoken    {} ({})\nmay      {}\nexpires  {expires}\n",
        harmless(&tenant),
        harmless(&whoami.name),
        harmless(&whoami.token_id),
        harmless(&list(&whoami.scopes, "nothing")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_one_is_is_said_in_full() {
        let whoami = Whoami {
            token_id: "abcdefghij".to_owned(),
            name: "ci".to_owned(),
            tenant: Some("shop".to_owned()),
            scopes: vec!["push".to_owned(), "view".to_owned()],
            expires_ms: Some(1_767_225_600_000),
        };
        insta::assert_snapshot!(text("https://eu.example", None, &whoami), @r"
        host     https://eu.example
        tenant   shop
        token    ci (abcdefghij)
        may      push, view
        expires  2026-01-01T00:00:00Z
        ");
    }
}
