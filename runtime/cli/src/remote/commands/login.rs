//! `sluicebox login`: try a token, and remember it.

use super::super::answers::Whoami;
use super::super::client::Client;
use super::super::names::name;
use super::super::profiles::{self, Profile, Profiles};
use super::super::target::environment;
use super::super::text::list;
use super::super::wire::address;
use crate::failure::{Usage, advised};
use crate::output::{print, stderr_paint};
use anyhow::{Context, Result};
use sluicebox_core::spec::is_clear_text;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use ureq::http::Uri;

const EXAMPLES: &str = "\
Examples:
  sluicebox login https://sluice.example:7070 --token-file token.txt
  pass show sluicebox | sluicebox login https://sluice.example:7070 --profile prod
  sluicebox login http://127.0.0.1:7070 --token-file data/admin-token --tenant shop

The first profile is the one that commands mean; --profile NAME or SLUICEBOX_PROFILE chooses another, `sluicebox profiles use` for good.
Without a profile, SLUICEBOX_URL, SLUICEBOX_TOKEN and, where needed, SLUICEBOX_TENANT and SLUICEBOX_CA do.";
/// Longest text that is read as a token, in bytes.
const TOKEN_BYTES_MAX: u64 = 4 << 10;

/// Arguments of `login`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The host's address
    #[arg(value_name = "URL")]
    url: String,
    /// Whose modules and jobs are meant, where the token is for all tenants
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// What to call it
    #[arg(long, value_name = "NAME", default_value = profiles::DEFAULT)]
    profile: String,
    /// A file with the token; else it is read from standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A PEM file with the root certificate of the host; else those of this system are trusted
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Ask the host who this is, then remember it.
pub fn run(args: Args) -> Result<()> {
    let profile_name = name("profile", &args.profile)?.to_owned();
    let url = address(&args.url)?;
    let tenant = args.tenant.as_deref().map(|tenant| name("tenant", tenant));
    let tenant = tenant.transpose()?.map(str::to_owned);
    let path = profiles::path(&environment)?;
    let mut known = Profiles::read(&path)?;
    let ca = args.ca.as_deref().map(std::path::absolute).transpose();
    let mut profile = Profile {
        token: token(args.token_file.as_deref())?,
        url: url.clone(),
        tenant: None,
        ca: ca.context("can't tell where the file of --ca is")?,
    };
    let whoami: Whoami = Client::new(profile.clone(), &environment)?
        .get("/v1/whoami")?
        .read()?;
    profile.tenant = whose(&whoami, tenant)?;
    if is_readable_on_the_way(&url) {
        let text = "warning: without https, whoever is on the way can read the token";
        eprintln!("{}", stderr_paint().warn(text));
    }
    let text = said(&profile_name, &url, &whoami, profile.tenant.as_deref());
    known.put(&profile_name, profile);
    known.write(&path)?;
    print(&text)
}

/// The tenant to remember: that of the token, or which the user names if the token is for all.
fn whose(whoami: &Whoami, named: Option<String>) -> Result<Option<String>> {
    match (&whoami.tenant, named) {
        (Some(tenant), Some(named)) if *tenant != named => Err(advised(
            Usage(format!(
                "this token is for tenant `{tenant}`, not `{named}`"
            )),
            "leave --tenant out, or use a token of that tenant",
        )),
        (Some(tenant), _) => Ok(Some(tenant.clone())),
        (None, named) => Ok(named),
    }
}

fn said(profile: &str, url: &str, whoami: &Whoami, tenant: Option<&str>) -> String {
    let whose = match (&whoami.tenant, tenant) {
        (Some(tenant), _) => format!("tenant `{tenant}`"),
        (None, Some(tenant)) => {
            format!("the whole installation (tenant `{tenant}` if none is named)")
        }
        (None, None) => "the whole installation".to_owned(),
    };
    format!(
        "profile {profile}: {url}, token `{}` for {whose}, which may: {}\n",
        super::super::text::harmless(&whoami.name),
        list(&whoami.scopes, "nothing")
    )
}

/// Not as an argument: those are seen by everybody on the machine, and stay in the shell's history.
fn token(file: Option<&Path>) -> Result<String> {
    let mut text = String::new();
    match file {
        Some(path) => {
            let read = File::open(path)
                .and_then(|file| file.take(TOKEN_BYTES_MAX).read_to_string(&mut text));
            read.map_err(|error| {
                advised(
                    Usage(format!(
                        "can't read the token from {}: {error}",
                        path.display()
                    )),
                    "name a file that has the token in it, and nothing else",
                )
            })?;
        }
        None => {
            let stdin = std::io::stdin();
            if stdin.is_terminal() {
                eprintln!("token (paste it, then Enter and Ctrl-D):");
            }
            let read = stdin.take(TOKEN_BYTES_MAX).read_to_string(&mut text);
            read.context("can't read the token from standard input")?;
        }
    }
    let token = text.trim();
    match !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(token.to_owned()),
        false => Err(advised(
            Usage("there is no token".to_owned()),
            "give it in a file (--token-file FILE) or on standard input",
        )),
    }
}

fn is_readable_on_the_way(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    uri.is_some_and(|uri| {
        let scheme = uri.scheme_str().unwrap_or_default();
        is_clear_text(scheme, uri.host().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure;

    #[test]
    fn whoever_can_read_along_is_warned_of() {
        for (url, want) in [
            ("http://sluice.example", true),
            ("https://sluice.example", false),
            ("http://127.0.0.1:7070", false),
            ("http://[::1]:7070", false),
        ] {
            assert_eq!(is_readable_on_the_way(url), want, "{url}");
        }
    }

    #[test]
    fn a_token_of_a_tenant_is_for_no_other() {
        let whoami = |tenant: Option<&str>| Whoami {
            token_id: "abcdefghij".to_owned(),
            name: "ci".to_owned(),
            tenant: tenant.map(str::to_owned),
            scopes: vec!["push".to_owned(), "view".to_owned()],
            expires_ms: None,
        };
        let shop = || Some("shop".to_owned());
        assert_eq!(whose(&whoami(Some("shop")), None).ok(), Some(shop()));
        assert_eq!(whose(&whoami(None), shop()).ok(), Some(shop()));
        let error = whose(&whoami(Some("bank")), shop()).expect_err("refused");
        insta::assert_snapshot!(failure::shown(&error), @r"
        exit 2
        error: this token is for tenant `bank`, not `shop`
        help: leave --tenant out, or use a token of that tenant
        ");
        insta::assert_snapshot!(said("eu", "https://eu.example", &whoami(Some("shop")), None), @"profile eu: https://eu.example, token `ci` for tenant `shop`, which may: push, view");
        insta::assert_snapshot!(said("eu", "https://eu.example", &whoami(None), Some("shop")), @"profile eu: https://eu.example, token `ci` for the whole installation (tenant `shop` if none is named), which may: push, view");
    }
}
