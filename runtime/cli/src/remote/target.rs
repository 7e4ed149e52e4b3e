//! Which host a command means, and as whom: the command line before the environment before the profiles. Pure, but for
//! the last step.

use super::client::Client;
use super::names::name;
use super::profiles::{self, Profile, Profiles};
use crate::failure::{Usage, advised};
use anyhow::Result;
use std::path::PathBuf;

/// Which host, and whose things there.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct HostArgs {
    /// Which profile (see `sluicebox login`); else SLUICEBOX_PROFILE says so, or `sluicebox profiles use` did
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Whose modules and jobs are meant; else SLUICEBOX_TENANT, the profile or the token say so
    #[arg(long, global = true, value_name = "NAME")]
    pub tenant: Option<String>,
}

/// The environment, as this process has it.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl HostArgs {
    /// A client for that host.
    pub fn connect(&self) -> Result<Client> {
        let target = choose(self, &environment, || {
            Profiles::read(&profiles::path(&environment)?)
        })?;
        Client::new(target, &environment)
    }
}

/// Who is meant, from everything that may say so.
fn choose(
    args: &HostArgs,
    env: &dyn Fn(&str) -> Option<String>,
    profiles: impl FnOnce() -> Result<Profiles>,
) -> Result<Profile> {
    let mut target = match (&args.profile, env("SLUICEBOX_URL")) {
        (None, Some(url)) => from_environment(url, env)?,
        (named, _) => {
            let named = named.clone().or_else(|| env("SLUICEBOX_PROFILE"));
            find(profiles()?, named)?
        }
    };
    if let Some(tenant) = args.tenant.clone().or_else(|| env("SLUICEBOX_TENANT")) {
        target.tenant = Some(name("tenant", &tenant)?.to_owned());
    }
    Ok(target)
}

fn from_environment(url: String, env: &dyn Fn(&str) -> Option<String>) -> Result<Profile> {
    let token = env("SLUICEBOX_TOKEN").ok_or_else(|| {
        advised(
            Usage("SLUICEBOX_URL is set, and SLUICEBOX_TOKEN is not".to_owned()),
            "set both; or unset it, to use a profile of `sluicebox login`",
        )
    })?;
    Ok(Profile {
        url,
        token,
        tenant: None,
        ca: env("SLUICEBOX_CA").map(PathBuf::from),
    })
}

fn find(mut profiles: Profiles, named: Option<String>) -> Result<Profile> {
    let Some(wanted) = named.or_else(|| profiles.current.clone()) else {
        let help = match names(&profiles) {
            None => "`sluicebox login URL`, or set SLUICEBOX_URL and SLUICEBOX_TOKEN".to_owned(),
            Some(known) => {
                format!("`sluicebox profiles use NAME` chooses a profile; there are: {known}")
            }
        };
        let why = Usage("you are not logged in to a host".to_owned());
        return Err(advised(why, help));
    };
    (profiles.profiles.remove(&wanted)).ok_or_else(|| no_such_profile(&profiles, &wanted))
}

/// A profile that is not there, and which ones are.
pub fn no_such_profile(profiles: &Profiles, wanted: &str) -> anyhow::Error {
    let help = match names(profiles) {
        None => "`sluicebox login URL` makes one".to_owned(),
        Some(known) => {
            format!("there are: {known}; `sluicebox login URL --profile {wanted}` makes it")
        }
    };
    advised(Usage(format!("there is no profile `{wanted}`")), help)
}

fn names(profiles: &Profiles) -> Option<String> {
    let known: Vec<_> = profiles.profiles.keys().map(String::as_str).collect();
    (!known.is_empty()).then(|| known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure;

    fn profiles() -> Result<Profiles> {
        let mut profiles = Profiles::default();
        for name in ["eu", "us"] {
            let profile = Profile {
                url: format!("https://{name}.example"),
                token: name.to_owned(),
                tenant: Some("shop".to_owned()),
                ca: None,
            };
            profiles.put(name, profile);
        }
        Ok(profiles)
    }

    fn chosen(profile: Option<&str>, tenant: Option<&str>, env: &[(&str, &str)]) -> String {
        let args = HostArgs {
            profile: profile.map(str::to_owned),
            tenant: tenant.map(str::to_owned),
        };
        let lookup = |name: &str| {
            let found = env.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        match choose(&args, &lookup, profiles) {
            Ok(Profile {
                url, token, tenant, ..
            }) => {
                format!("{url} {token} {}", tenant.unwrap_or_default())
            }
            Err(error) => failure::shown(&error),
        }
    }

    #[test]
    fn the_command_line_comes_before_the_environment_before_the_profiles() {
        let url = ("SLUICEBOX_URL", "http://here");
        let token = ("SLUICEBOX_TOKEN", "t");
        let tenant = ("SLUICEBOX_TENANT", "bank");
        let us = ("SLUICEBOX_PROFILE", "us");
        assert_eq!(chosen(None, None, &[]), "https://eu.example eu shop");
        assert_eq!(chosen(None, None, &[us]), "https://us.example us shop");
        assert_eq!(
            chosen(Some("eu"), None, &[us, url, token]),
            "https://eu.example eu shop"
        );
        assert_eq!(chosen(None, None, &[us, url, token]), "http://here t ");
        assert_eq!(
            chosen(None, None, &[url, token, tenant]),
            "http://here t bank"
        );
        assert_eq!(
            chosen(None, Some("mine"), &[tenant]),
            "https://eu.example eu mine"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let seen = [
            chosen(Some("asia"), None, &[]),
            chosen(None, None, &[("SLUICEBOX_URL", "http://here")]),
            chosen(None, Some("A"), &[]),
            failure::shown(&find(Profiles::default(), None).err().expect("refused")),
        ];
        insta::assert_snapshot!(seen.join("\n"), @r"
        exit 2
        error: there is no profile `asia`
        help: there are: eu, us; `sluicebox login URL --profile asia` makes it

        exit 2
        error: SLUICEBOX_URL is set, and SLUICEBOX_TOKEN is not
        help: set both; or unset it, to use a profile of `sluicebox login`

        exit 2
        error: `A` is no name of a tenant
        help: names have 1 to 40 characters out of `a`-`z`, `0`-`9` and `-`

        exit 2
        error: you are not logged in to a host
        help: `sluicebox login URL`, or set SLUICEBOX_URL and SLUICEBOX_TOKEN
        ");
    }
}
