//! `sluicebox rollback`: what ran before, as a new version.

use super::super::HostArgs;
use super::super::answers::{Deployed, Job};
use super::deploy::{WaitArgs, finish};
use crate::failure::{Usage, advised};
use crate::output::Format;
use anyhow::Result;
use serde_json::json;
use ureq::http::Method;

const EXAMPLES: &str = "\
Examples:
  sluicebox rollback spend              # to the version before the current one
  sluicebox rollback spend --to 3       # `sluicebox jobs versions spend` lists them";

/// Arguments of `rollback`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The job's name
    #[arg(value_name = "JOB")]
    job: String,
    /// Which version to repeat; else the one before
    #[arg(long, value_name = "VERSION")]
    to: Option<u32>,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    host: HostArgs,
    /// How to print what became of it
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Go back, print, and wait until it runs.
pub fn run(args: Args) -> Result<()> {
    let client = args.host.connect()?;
    let mut body = json!({});
    match args.to {
        Some(version) => body["to_version"] = version.into(),
        None => {
            let job: Job = client.get(&client.of_job(&args.job, "")?)?.read()?;
            body["to_version"] = before(&job)?.into();
            // What is before depends on what is current.
            body["expected_version"] = job.version.into();
        }
    }
    let path = client.of_job(&args.job, "/rollback")?;
    let answer = client.send(Method::POST, &path, &body)?;
    let deployed: Deployed = answer.read()?;
    finish(&client, &deployed, answer.value, &args.wait, args.output)
}

/// The version before the one that runs. If that is itself a rollback, before the one that it repeats: going back twice
/// goes back by two.
fn before(job: &Job) -> Result<u32> {
    let find = |number| job.versions.iter().find(|v| v.version == number);
    let current = find(job.version).and_then(|v| v.rollback_of);
    let runs = current.unwrap_or(job.version);
    let older = job.versions.iter().map(|v| v.version).filter(|v| *v < runs);
    older.max().ok_or_else(|| {
        advised(
            Usage(format!("job {} has no version before {runs}", job.job)),
            format!(
                "`sluicebox jobs versions {}` lists them; --to VERSION names one",
                job.job
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::answers::JobVersion;
    use super::*;

    #[test]
    fn going_back_twice_goes_back_by_two() {
        let job = |versions: &[(u32, Option<u32>)]| Job {
            hosts: Vec::new(),
            job: "spend".to_owned(),
            desired: "running".to_owned(),
            version: versions[0].0,
            status: None,
            versions: versions
                .iter()
                .map(|(version, rollback_of)| JobVersion {
                    version: *version,
                    deployed_ms: 0,
                    deployed_by: "host".to_owned(),
                    rollback_of: *rollback_of,
                    modules: Default::default(),
                })
                .collect(),
        };
        let before = |versions: &[(u32, Option<u32>)]| before(&job(versions)).ok();
        assert_eq!(before(&[(3, None), (2, None), (1, None)]), Some(2));
        assert_eq!(
            before(&[(4, Some(2)), (3, None), (2, None), (1, None)]),
            Some(1)
        );
        assert_eq!(
            before(&[(5, None), (2, None)]),
            Some(2),
            "some were deleted"
        );
        assert_eq!(before(&[(1, None)]), None);
        assert_eq!(before(&[(3, Some(1)), (2, None), (1, None)]), None);
    }
}
