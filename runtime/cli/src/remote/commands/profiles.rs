//! `sluicebox profiles` and `sluicebox logout`: which hosts are remembered, and which one is meant. Nothing is asked of a host.

use super::super::profiles::{self, Profiles};
use super::super::target::{environment, no_such_profile};
use super::super::text::columns;
use crate::failure::{Usage, advised};
use crate::output::{Format, print, print_json};
use anyhow::Result;
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  sluicebox profiles list
  sluicebox profiles use prod       # what commands mean from now on, unless --profile or SLUICEBOX_PROFILE says otherwise
  sluicebox profiles remove old     # forgets the token; on the host `sluicebox tokens revoke` ends it";

/// Arguments of `profiles`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Show which hosts are remembered, without their tokens
    List {
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        output: Format,
    },
    /// Make one the profile that commands mean
    Use {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Forget one, with its token
    Remove {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Arguments of `logout`.
#[derive(clap::Args)]
pub struct Logout {
    /// Which profile; else SLUICEBOX_PROFILE says so, or the one that commands mean
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// Do it.
pub fn run(args: Args) -> Result<()> {
    let path = profiles::path(&environment)?;
    let mut known = Profiles::read(&path)?;
    let said = match args.what {
        What::List {
            output: Format::Json,
        } => return print_json(&described(&known)),
        What::List {
            output: Format::Text,
        } => return print(&listed(&known)),
        What::Use { name } => known.choose(&name)?,
        What::Remove { name } => known.forget(&name)?,
    };
    known.write(&path)?;
    print(&said)
}

/// Forget the token of the profile that is meant.
pub fn logout(args: Logout) -> Result<()> {
    let path = profiles::path(&environment)?;
    let mut known = Profiles::read(&path)?;
    let named = args.profile.or_else(|| environment("SLUICEBOX_PROFILE"));
    let Some(name) = named.or_else(|| known.current.clone()) else {
        return Err(advised(
            Usage("you are not logged in to a host".to_owned()),
            "`sluicebox profiles list` shows which hosts are remembered",
        ));
    };
    let said = known.forget(&name)?;
    known.write(&path)?;
    print(&said)
}

impl Profiles {
    fn choose(&mut self, name: &str) -> Result<String> {
        let profile = self.profiles.get(name);
        let profile = profile.ok_or_else(|| no_such_profile(self, name))?;
        let said = format!("profile {name} is meant from now on: {}\n", profile.url);
        self.current = Some(name.to_owned());
        Ok(said)
    }

    fn forget(&mut self, name: &str) -> Result<String> {
        let Some(profile) = self.profiles.remove(name) else {
            return Err(no_such_profile(self, name));
        };
        let mut said = format!(
            "profile {name} and its token are forgotten here; {} knows the token still: `sluicebox tokens revoke` ends it\n",
            profile.url
        );
        if self.current.as_deref() == Some(name) {
            self.current = match self.profiles.len() {
                1 => self.profiles.keys().next().cloned(),
                _ => None,
            };
            match &self.current {
                Some(next) => said.push_str(&format!("profile {next} is meant from now on\n")),
                None if !self.profiles.is_empty() => {
                    said.push_str("none is meant now: `sluicebox profiles use NAME` chooses one\n")
                }
                None => {}
            }
        }
        Ok(said)
    }
}

fn described(known: &Profiles) -> serde_json::Value {
    let one = |(name, profile): (&String, &profiles::Profile)| {
        json!({
            "name": name,
            "url": profile.url,
            "tenant": profile.tenant,
            "current": known.current.as_ref() == Some(name),
        })
    };
    known.profiles.iter().map(one).collect()
}

fn listed(known: &Profiles) -> String {
    if known.profiles.is_empty() {
        return "none; `sluicebox login URL` makes one\n".to_owned();
    }
    let row = |(name, profile): (&String, &profiles::Profile)| {
        let mark = match known.current.as_ref() == Some(name) {
            true => "*",
            false => "",
        };
        vec![
            mark.to_owned(),
            name.clone(),
            profile.url.clone(),
            profile.tenant.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = known.profiles.iter().map(row).collect();
    columns(&["", "profile", "host", "tenant"], &rows)
}
