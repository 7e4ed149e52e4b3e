//! `sluicebox tokens`: who may do what on a host. A token's text is printed once, when it is made.

use super::super::HostArgs;
use super::super::answers::Token;
use super::super::client::Client;
use super::super::names::name;
use super::super::text::{columns, harmless, list, time};
use crate::failure::Usage;
use crate::output::{Format, print, print_json, stderr_paint};
use anyhow::Result;
use serde_json::json;
use sluicebox_core::spec::parse_duration_ms;
use ureq::http::Method;

const EXAMPLES: &str = "\
Examples:
  sluicebox tokens list --tenant shop
  sluicebox tokens create ci --scope push,deploy --expires 90d --tenant shop > token.txt
  sluicebox tokens create grafana --scope view --installation
  sluicebox tokens revoke abcdefghij --tenant shop

Scopes: view (look), push (change modules), deploy (change jobs), admin (all of it, --installation only).";

/// Arguments of `tokens`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// Tokens for the whole installation, instead of for a tenant
    #[arg(long, global = true, conflicts_with = "tenant")]
    installation: bool,
    #[command(flatten)]
    host: HostArgs,
    /// How to print it
    #[arg(long, global = true, value_enum, default_value_t)]
    output: Format,
}

/// What to do.
#[derive(clap::Subcommand)]
enum What {
    /// List the tokens
    List,
    /// Make a token and print it, once
    Create {
        /// What to call it, such as who or what it is for
        #[arg(value_name = "NAME")]
        name: String,
        /// What it allows
        #[arg(long, value_name = "SCOPE,...", required = true, value_delimiter = ',')]
        scope: Vec<Scope>,
        /// How long it can be used; else until it is revoked
        #[arg(long, value_name = "DURATION", value_parser = seconds)]
        expires: Option<u64>,
    },
    /// Revoke a token, for good
    Revoke {
        /// Its id, as `list` shows it
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// What a token allows.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Scope {
    /// Everything
    Admin,
    /// Change jobs, and look
    Deploy,
    /// Change modules, and look
    Push,
    /// Look
    View,
}

impl Scope {
    fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Deploy => "deploy",
            Self::Push => "push",
            Self::View => "view",
        }
    }
}

fn seconds(text: &str) -> Result<u64, String> {
    match parse_duration_ms(text)? {
        ms if ms >= 1_000 => Ok(ms.unsigned_abs() / 1_000),
        _ => Err("a token can be used for a second at least".to_owned()),
    }
}

/// Do it.
pub fn run(args: Args) -> Result<()> {
    let client = args.host.connect()?;
    let base = match args.installation {
        true => "/v1/tokens".to_owned(),
        false => client.of_tenant("/tokens")?,
    };
    match args.what {
        What::List => client
            .get(&base)?
            .print(args.output, |tokens: Vec<Token>| listed(&tokens)),
        What::Create {
            name,
            scope,
            expires,
        } => {
            let scopes: Vec<_> = scope.into_iter().map(Scope::word).collect();
            let mut body = json!({ "name": name, "scopes": scopes });
            if let Some(expires) = expires {
                body["expires_in_s"] = expires.into();
            }
            create(&client, &base, &body, args.output)
        }
        What::Revoke { id } => {
            client.delete(&format!("{base}/{}", name("token", &id)?))?;
            print(&format!("revoked {id}\n"))
        }
    }
}

/// Standard output has the token and nothing else, so that it can go straight to where it is kept.
fn create(client: &Client, base: &str, body: &serde_json::Value, output: Format) -> Result<()> {
    let answer = client.send(Method::POST, base, body)?;
    let made: Token = answer.read()?;
    let Some(token) = &made.token else {
        return Err(Usage("the host made a token and did not say which".to_owned()).into());
    };
    if matches!(output, Format::Json) {
        return print_json(&answer.value);
    }
    eprintln!("{}", stderr_paint().dim(about(&made)));
    print(&format!("{}\n", harmless(token)))
}

fn about(token: &Token) -> String {
    let expires = token.expires_ms.map_or("never expires".to_owned(), |ms| {
        format!("expires {}", time(ms))
    });
    harmless(&format!(
        "token {} (id {}) may: {}; {expires}; it is not shown again",
        token.name,
        token.id,
        list(&token.scopes, "nothing"),
    ))
}

fn listed(tokens: &[Token]) -> String {
    let row = |token: &Token| {
        vec![
            token.id.clone(),
            token.name.clone(),
            list(&token.scopes, "nothing"),
            token.expires_ms.map_or("never".to_owned(), time),
            if token.revoked { "revoked" } else { "" }.to_owned(),
        ]
    };
    let rows: Vec<_> = tokens.iter().map(row).collect();
    columns(&["id", "name", "may", "expires", ""], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_listed_and_told_of() {
        let token = |revoked, expires_ms| Token {
            id: "abcdefghij".to_owned(),
            token: Some("sbx_secret".to_owned()),
            name: "ci".to_owned(),
            scopes: vec!["deploy".to_owned(), "push".to_owned()],
            expires_ms,
            revoked,
        };
        let tokens = [token(false, Some(1_767_225_600_000)), token(true, None)];
        insta::assert_snapshot!(listed(&tokens), @r"
        id          name  may           expires
        abcdefghij  ci    deploy, push  2026-01-01T00:00:00Z
        abcdefghij  ci    deploy, push  never                 revoked
        ");
        insta::assert_snapshot!(about(&tokens[0]), @"token ci (id abcdefghij) may: deploy, push; expires 2026-01-01T00:00:00Z; it is not shown again");
    }

    #[test]
    fn lives_are_durations() {
        assert_eq!(seconds("90d"), Ok(7_776_000));
        assert!(seconds("10ms").is_err() && seconds("30").is_err());
    }
}
