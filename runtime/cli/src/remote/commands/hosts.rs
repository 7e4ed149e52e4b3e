//! `sluicebox hosts`: which hosts share the work.

use super::super::HostArgs;
use super::super::answers::Host;
use super::super::text::{columns, harmless, short, time};
use crate::output::Format;
use anyhow::Result;

const EXAMPLES: &str = "\
Examples:
  sluicebox hosts
  sluicebox hosts --output json | jq -r '.[].url'";

/// Arguments of `hosts`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    host: HostArgs,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Ask and print.
pub fn run(args: Args) -> Result<()> {
    let client = args.host.connect()?;
    let answer = client.get("/v1/hosts")?;
    answer.print(args.output, |hosts: Vec<Host>| text(&hosts))
}

fn text(hosts: &[Host]) -> String {
    let row = |host: &Host| {
        let unknown = "unknown: set `peers.url` there";
        vec![
            short(&host.id).to_owned(),
            host.url.clone().unwrap_or_else(|| unknown.to_owned()),
            host.version.clone(),
            time(host.started_ms),
            if host.this { "asked" } else { "" }.to_owned(),
        ]
    };
    let rows: Vec<_> = hosts.iter().map(row).collect();
    harmless(&columns(&["host", "url", "version", "started", ""], &rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_listed() {
        let host = |id: &str, url: Option<&str>, this| Host {
            id: id.repeat(4),
            url: url.map(str::to_owned),
            version: "0.1.0".to_owned(),
            started_ms: 1_767_225_600_000,
            this,
        };
        let hosts = [
            host("01234567", Some("https://one:7070"), true),
            host("89abcdef", None, false),
        ];
        insta::assert_snapshot!(text(&hosts), @r"
        host          url                             version  started
        012345670123  https://one:7070                0.1.0    2026-01-01T00:00:00Z  asked
        89abcdef89ab  unknown: set `peers.url` there  0.1.0    2026-01-01T00:00:00Z
        ");
    }
}
