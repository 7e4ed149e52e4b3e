//! `sluicebox lag`: how far a job is behind, from what it has committed, whether it runs or not.

use super::job::JobArgs;
use crate::output::{Format, print, print_json, table};
use anyhow::Result;
use sluicebox_host::Lag;

const EXAMPLES: &str = "\
Examples:
  sluicebox lag job.yaml
  sluicebox lag job.yaml --output json | jq 'map(.lag) | add'

Kafka's own tools show the same for the job's group (`sluicebox check` names it). Offsets count,
so transaction markers make a lag of 1 or 2 where nothing is left to read.";

/// Arguments of `lag`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    job: JobArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Ask and print.
pub fn run(args: Args) -> Result<()> {
    let lags = sluicebox_host::lag(&args.job.load()?, &args.job.installation)?;
    match args.output {
        Format::Json => print_json(&lags),
        Format::Text => print(&text(&lags)),
    }
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
