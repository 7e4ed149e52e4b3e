//! `sluicebox run`: everything in one process, until the job is stopped, halts, or its input ends.

use super::job::{JobArgs, data_dir};
use crate::observer::{Console, ledger};
use crate::output::{Format, stderr_paint};
use crate::signals;
use anyhow::Result;
use sluicebox_core::spec::{Input, JobSpec};
use sluicebox_host::{DevInput, Options, Summary};
use std::path::PathBuf;
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  sluicebox run job.yaml                                    # on Kafka, until Ctrl-C
  sluicebox run job.yaml --data-dir /var/lib/sluicebox      # state that survives a reboot
  sluicebox run job.yaml --dev --input orders=orders.jsonl  # without a broker
  cat orders.jsonl | sluicebox run lines.yaml               # source: { stdin: {} }

Start the same command on another machine and the two share the work.

With --dev, each line of an input file is one record, and so is each line printed:
  {\"key\": \"k\", \"value\": {\"any\": \"JSON\"}, \"timestamp\": 1767225600000}";

/// Arguments of `run`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    job: JobArgs,
    /// Run on an embedded log instead of Kafka: nothing is kept, sinks go to standard output
    #[arg(long)]
    dev: bool,
    /// With --dev: fill a topic from a file of JSON lines, then end it (may be repeated)
    #[arg(long, value_name = "TOPIC=FILE", requires = "dev", value_parser = dev_input)]
    input: Vec<DevInput>,
    /// With --dev: partitions of the embedded topics
    #[arg(long, value_name = "N", default_value_t = 4, requires = "dev", value_parser = clap::value_parser!(i32).range(1..=256))]
    partitions: i32,
    /// Folder for identity, local state and compiled modules; one process each. May be deleted when none runs
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where committed offsets are missing (expired, deleted), go on from what the changelog says
    #[arg(long)]
    recover_from_changelog: bool,
    /// Say only what somebody must know
    #[arg(long, short)]
    quiet: bool,
    /// How to tell on standard error what happens
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Run until the end.
pub fn run(args: Args) -> Result<()> {
    let spec = args.job.load()?;
    let stop = signals::stop_flag()?;
    let console = Arc::new(Console::new(args.output, args.quiet));
    let data_dir = match args.data_dir {
        Some(dir) => dir,
        None => default_data_dir(&spec, args.dev)?,
    };
    let options = Options {
        spec,
        // The spec's paths are relative to the working folder already.
        base: PathBuf::new(),
        data_dir,
        installation: args.job.installation,
        recover_from_changelog: args.recover_from_changelog,
        dev: args.dev.then_some(args.input),
        partitions: args.partitions,
    };
    let summary = sluicebox_host::run(options, console, stop)?;
    report(&summary, args.output, args.quiet)
}

fn report(summary: &Summary, format: Format, quiet: bool) -> Result<()> {
    match format {
        Format::Json => eprintln!("{}", ledger::json(summary)),
        Format::Text if quiet => {}
        Format::Text => eprint!("{}", ledger::text(summary, stderr_paint())),
    }
    Ok(())
}

fn dev_input(text: &str) -> Result<DevInput, String> {
    match text.split_once('=') {
        Some((topic, path)) if !topic.is_empty() && !path.is_empty() => Ok(DevInput {
            topic: topic.to_owned(),
            path: PathBuf::from(path),
        }),
        _ => Err("write TOPIC=FILE, such as orders=orders.jsonl".to_owned()),
    }
}

/// One folder a job, so that several jobs can run on one machine without a word about it.
fn default_data_dir(spec: &JobSpec, dev: bool) -> Result<PathBuf> {
    let embedded = dev || !matches!(spec.source.input, Input::Kafka { .. });
    Ok(data_dir(if embedded { "dev" } else { "jobs" })?.join(&spec.job))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_name_topic_and_file() {
        let input = DevInput {
            topic: "a.b".to_owned(),
            path: PathBuf::from("x=y.jsonl"),
        };
        assert_eq!(dev_input("a.b=x=y.jsonl"), Ok(input));
        for wrong in ["", "a", "=x", "a="] {
            assert!(dev_input(wrong).is_err(), "{wrong}");
        }
    }
}
