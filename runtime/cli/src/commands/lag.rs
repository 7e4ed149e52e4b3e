//! `sluicebox lag`: how far a job is behind, from what it has committed, whether it runs or not. The job is one of this
//! machine, by its spec, or one of a host, by its name.

use super::job::JobArgs;
use crate::output::{Format, print, print_json, table};
use anyhow::Result;
use sluicebox_host::Lag;
#[cfg(feature = "serve")]
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  sluicebox lag job.yaml
  sluicebox lag spend                # a job of the host that you are logged in to
  sluicebox lag job.yaml --output json | jq 'map(.lag) | add'

Kafka's own tools show the same for the job's group (`sluicebox check` names it). Offsets count,
so transaction markers make a lag of 1 or 2 where nothing is left to read.";

/// Arguments of `lag`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("job", |job| job.value_name("JOB.yaml|JOB").help("The job's spec, or the name of a job on a host")))]
pub struct Args {
    #[command(flatten)]
    job: JobArgs,
    #[cfg(feature = "serve")]
    #[command(flatten)]
    host: crate::remote::HostArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Ask and print.
pub fn run(args: Args) -> Result<()> {
    let lags = ask(&args)?;
    match args.output {
        Format::Json => print_json(&lags),
        Format::Text => print(&text(&lags)),
    }
}

#[cfg(feature = "serve")]
fn ask(args: &Args) -> Result<Vec<Lag>> {
    match args.job.job.to_str() {
        Some(name) if !is_file(&args.job.job) => crate::remote::lag(&args.host, name),
        _ => of_spec(&args.job),
    }
}

#[cfg(not(feature = "serve"))]
fn ask(args: &Args) -> Result<Vec<Lag>> {
    of_spec(&args.job)
}

fn of_spec(job: &JobArgs) -> Result<Vec<Lag>> {
    Ok(sluicebox_host::lag(&job.load()?, &job.installation)?)
}

/// Whether a file is meant, also one that is missing: names of jobs have neither dots nor slashes.
#[cfg(feature = "serve")]
fn is_file(job: &Path) -> bool {
    let is_yaml = job
        .extension()
        .is_some_and(|ext| ext == "yaml" || ext == "yml");
    is_yaml || job.is_file() || job.components().count() > 1
}

fn text(lags: &[Lag]) -> String {
    let mut rows: Vec<Vec<String>> = lags.iter().map(row).collect();
    let total: i64 = lags.iter().map(|lag| lag.lag).sum();
    rows.push(
        ["total", "", "", "", "", &total.to_string()]
            .map(str::to_owned)
            .to_vec(),
    );
    table(
        &["topic", "partition", "start", "committed", "end", "lag"],
        &rows,
    )
}

fn row(lag: &Lag) -> Vec<String> {
    let committed = lag
        .committed
        .map_or("none".to_owned(), |offset| offset.to_string());
    let numbers = [
        lag.partition.to_string(),
        lag.start.to_string(),
        committed,
        lag.end.to_string(),
        lag.lag.to_string(),
    ];
    std::iter::once(lag.topic.clone()).chain(numbers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "serve")]
    #[test]
    fn files_and_names_are_told_apart() {
        for (job, want) in [
            ("spend", false),
            ("spend.yaml", true),
            ("spend.yml", true),
            ("jobs/spend", true),
            ("Cargo.toml", true),
            ("src", false),
        ] {
            assert_eq!(is_file(Path::new(job)), want, "{job}");
        }
    }

    #[test]
    fn a_job_that_never_committed_shows_it() {
        let lag = |partition, committed, lag| Lag {
            topic: "orders".to_owned(),
            partition,
            start: 10,
            end: 1000,
            committed,
            lag,
        };
        let seen = text(&[lag(0, Some(900), 100), lag(1, None, 990)]);
        insta::assert_snapshot!(seen, @r"
        topic   partition  start  committed   end   lag
        orders          0     10        900  1000   100
        orders          1     10       none  1000   990
        total                                      1090
        ");
    }
}
