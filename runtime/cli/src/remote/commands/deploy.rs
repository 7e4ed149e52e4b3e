//! `sluicebox deploy`: a job spec to a host. Variables are replaced here, for the host has another environment; what can be
//! found wrong without the host is shown as `check` shows it.

use super::super::HostArgs;
use super::super::answers::Deployed;
use super::super::client::Client;
use super::super::spec::{of_file, refuse_files};
use super::super::text::harmless;
use super::wait::{Outcome, Waited, until_running};
use crate::failure::{Halted, advised};
use crate::output::{Format, Paint, print, print_json, stdout_paint};
use crate::spec_file;
use anyhow::Result;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  sluicebox deploy job.yaml --dry-run                 # what would change
  KAFKA_TOPIC=orders sluicebox deploy job.yaml        # `${KAFKA_TOPIC}` in it is replaced here
  sluicebox deploy job.yaml --expected-version 3      # only if nobody deployed meanwhile
  sluicebox deploy job.yaml --wait 0 --output json    # don't wait until it runs

Modules are named by what was pushed (`orders-valid@3`), not by file.";

/// Arguments of `deploy`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The job's spec; `${NAME}` in it is taken from the environment
    #[arg(value_name = "JOB.yaml")]
    job: PathBuf,
    /// Check and compare, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Deploy only if this version is the current one; 0: only if the job is new
    #[arg(long, value_name = "N")]
    expected_version: Option<u32>,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    host: HostArgs,
    /// How to print what became of it
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// How long to wait for what was deployed.
#[derive(clap::Args)]
pub struct WaitArgs {
    /// How long to wait until the host runs it; 0: don't
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=3_600))]
    wait: u64,
}

/// Deploy, print, and wait until it runs.
pub fn run(args: Args) -> Result<()> {
    let (spec, text) = spec_file::read_expanded(&args.job)?;
    refuse_files(&args.job, &spec)?;
    let client = args.host.connect()?;
    let job = client.of_job(&spec.job, "")?;
    let mut path = format!("{job}?dry_run={}", args.dry_run);
    if let Some(version) = args.expected_version {
        path.push_str(&format!("&expected_version={version}"));
    }
    let answer = client.put(&path, "application/yaml", text.as_bytes());
    let answer = answer.map_err(|error| of_file(&args.job, error))?;
    let deployed: Deployed = answer.read()?;
    finish(&client, &deployed, answer.value, &args.wait, args.output)
}

/// Print what a deployment changed, and wait until it runs.
pub fn finish(
    client: &Client,
    deployed: &Deployed,
    mut value: Value,
    wait: &WaitArgs,
    output: Format,
) -> Result<()> {
    if matches!(output, Format::Text) {
        print(&text(deployed, stdout_paint()))?;
    }
    let mut waited = None;
    if !deployed.dry_run && wait.wait > 0 {
        let path = client.of_job(&deployed.job, "")?;
        let wait = Duration::from_secs(wait.wait);
        waited = Some(until_running(client, &path, deployed.version, wait)?);
    }
    if matches!(output, Format::Json) {
        if let (Value::Object(fields), Some(waited)) = (&mut value, &waited) {
            fields.insert("status".to_owned(), waited.status.clone());
        }
        print_json(&value)?;
    }
    match waited {
        Some(Waited { outcome, .. }) => conclude(deployed, outcome, output),
        None => Ok(()),
    }
}

fn conclude(deployed: &Deployed, outcome: Outcome, output: Format) -> Result<()> {
    let Deployed { job, version, .. } = deployed;
    match (outcome, output) {
        (Outcome::Well(text), Format::Text) => print(&format!("{}\n", harmless(&text))),
        (Outcome::Well(_), Format::Json) => Ok(()),
        (Outcome::Halted(why), _) => {
            let why = harmless(&why);
            let (why, help) = match why.split_once('\n') {
                Some((why, help)) => (why, help.replace('\n', "\n      ")),
                None => (
                    why.as_str(),
                    format!(
                        "`sluicebox logs {job}` says more; `sluicebox rollback {job}` goes back"
                    ),
                ),
            };
            let what = format!("job {job}: version {version} is deployed, and halted: {why}");
            Err(advised(Halted(what), help))
        }
        (Outcome::Unknown(why), _) => Err(advised(
            anyhow::anyhow!(
                "job {job}: version {version} is deployed, but not known to run yet: {}",
                harmless(&why)
            ),
            format!(
                "`sluicebox jobs show {job}` shows how it goes on; --wait SECONDS waits longer"
            ),
        )),
    }
}

fn text(deployed: &Deployed, paint: Paint) -> String {
    let Deployed { job, version, .. } = deployed;
    let mut out = match (deployed.dry_run, deployed.changes.is_empty()) {
        (true, true) => {
            format!("job {job}: nothing would change, it is version {version} already\n")
        }
        (false, true) => format!("job {job}: nothing changes, it is version {version} already\n"),
        (true, false) => format!("job {job}: this would be version {version}\n"),
        (false, false) => format!("job {job}: version {version} is deployed\n"),
    };
    for change in &deployed.changes {
        out.push_str(&format!("  {}\n", harmless(change)));
    }
    for line in harmless(&deployed.diff).lines() {
        let line = match line.as_bytes().first() {
            Some(b'+') => paint.good(line),
            Some(b'-') => paint.warn(line),
            _ => line.to_owned(),
        };
        out.push_str(&format!("{line}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure;

    fn deployed() -> Deployed {
        Deployed {
            job: "spend".to_owned(),
            version: 3,
            dry_run: false,
            changes: vec!["operator `valid` runs shop/valid@2".to_owned()],
            diff: "--- original\n+++ modified\n@@ -1 +1 @@\n-a\n+b\n".to_owned(),
        }
    }

    #[test]
    fn what_changes_is_printed() {
        let dry_run = Deployed {
            dry_run: true,
            ..deployed()
        };
        let same = Deployed {
            changes: Vec::new(),
            diff: String::new(),
            ..deployed()
        };
        let seen = [deployed(), dry_run, same].map(|deployed| text(&deployed, Paint::plain()));
        insta::assert_snapshot!(seen.join("\n"), @r"
        job spend: version 3 is deployed
          operator `valid` runs shop/valid@2
        --- original
        +++ modified
        @@ -1 +1 @@
        -a
        +b

        job spend: this would be version 3
          operator `valid` runs shop/valid@2
        --- original
        +++ modified
        @@ -1 +1 @@
        -a
        +b

        job spend: nothing changes, it is version 3 already
        ");
    }

    #[test]
    fn what_does_not_run_is_an_error() {
        let outcomes = [
            Outcome::Halted("the module is gone\nPush it again.".to_owned()),
            Outcome::Halted("the module is gone".to_owned()),
            Outcome::Unknown("it is starting".to_owned()),
        ];
        let seen = outcomes.map(|outcome| {
            failure::shown(&conclude(&deployed(), outcome, Format::Json).expect_err("an error"))
        });
        insta::assert_snapshot!(seen.join("\n"), @r"
        exit 3
        error: job spend: version 3 is deployed, and halted: the module is gone
        help: Push it again.

        exit 3
        error: job spend: version 3 is deployed, and halted: the module is gone
        help: `sluicebox logs spend` says more; `sluicebox rollback spend` goes back

        exit 1
        error: job spend: version 3 is deployed, but not known to run yet: it is starting
        help: `sluicebox jobs show spend` shows how it goes on; --wait SECONDS waits longer
        ");
    }
}
