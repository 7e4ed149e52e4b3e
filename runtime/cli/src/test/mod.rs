//! `sluicebox test`: a project, a module or a whole job on cases (JSON lines with what is expected of them), without a broker.

mod junit;
mod report;
mod target;
mod watch;

use crate::build;
use crate::commands::job::data_dir;
use crate::failure::Usage;
use crate::output::{Format, print, print_json, stdout_paint};
use crate::signals;
use anyhow::{Context, Result};
use report::Done;
use sluicebox_host::trial::{Options, Trial, updated};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;
use target::Target;

const EXAMPLES: &str = "\
Examples:
  sluicebox test                         build the project in this folder, run the cases in its tests/*.jsonl
  sluicebox test job.yaml                a whole job, on the cases in tests/*.jsonl beside it
  sluicebox test m.wasm --cases a.jsonl  a module that was built before
  sluicebox test --update                accept what comes out
  sluicebox test --watch                 again after each change

A case is a file of JSON lines: records, and what is expected of them.
  {\"operator\": {\"filter\": {\"config\": {\"minimum\": 1000}}}}
  {\"key\": \"ann\", \"value\": {\"amount\": 1250}, \"timestamp\": \"2026-01-01T12:00:00Z\"}
  {\"expect\": {\"key\": \"ann\", \"value\": {\"amount\": 1250}}}
  {\"watermark\": \"2026-01-01T12:01:00Z\"}
  {\"expect\": []}";

/// Try a UDF or a job on JSON lines, without a broker.
///
/// Each case is run several times: record by record, in batches of random sizes, on fresh instances and on one that is kept. What comes
/// out must be the same each time, and as expected. Aggregates are also tried on splits and merges of their rows.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder of a project, which is built first; a module; or a job's spec
    #[arg(default_value = ".", value_name = "PROJECT|M.wasm|JOB.yaml")]
    target: PathBuf,
    /// A case, or a folder of them (may be repeated); `tests` beside the target by default
    #[arg(long, value_name = "FILE|DIR")]
    cases: Vec<PathBuf>,
    /// Write what comes out into the cases as what is expected
    #[arg(long)]
    update: bool,
    /// How often each case is run
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// Decides the sizes of batches; a random one by default, printed
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Don't measure what a record costs
    #[arg(long)]
    no_cost: bool,
    /// Write the results as JUnit XML, for a CI server
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Run again after each change of a file, until Ctrl-C
    #[arg(long, conflicts_with = "update")]
    watch: bool,
    #[command(flatten)]
    build: build::Flags,
    /// How to print what came of it
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Cases failed. They were told of before.
#[derive(Debug)]
pub struct Failed {
    failed: usize,
    all: usize,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failed, all } = self;
        let cases = if *all == 1 { "case" } else { "cases" };
        write!(f, "{failed} of {all} {cases} failed")
    }
}
impl std::error::Error for Failed {}

/// Run all cases, once or for as long as somebody watches.
pub fn run(args: Args) -> Result<()> {
    if !args.watch {
        return once(&args);
    }
    let stop = signals::stop_flag()?;
    let folder = target::folder(&args.target);
    watch::run(&folder, &args.cases, &stop, || {
        if let Err(error) = once(&args) {
            crate::failure::report(&error);
        }
    })
}

fn once(args: &Args) -> Result<()> {
    let seed = match args.seed {
        Some(seed) => seed,
        None => random_seed(),
    };
    let target = Target::of(&args.target, &args.build)?;
    let cases = target::cases(&args.target, &args.cases)?;
    let trial = target.trial(data_dir("test").ok())?;
    let options = Options {
        rounds: usize::from(args.rounds),
        seed,
        cost: !args.no_cost,
    };
    let mut all = Vec::new();
    for case in &cases {
        let done = one(&trial, case, options, args.update)?;
        if args.output == Format::Text {
            print(&report::text(&done, seed, stdout_paint()))?;
        }
        all.push(done);
    }
    if let Some(path) = &args.junit {
        junit::write(path, &target.name, &all)?;
    }
    match args.output {
        Format::Json => print_json(&report::json(&all, seed))?,
        Format::Text => print(&report::summary(&all, seed, stdout_paint()))?,
    }
    match all.iter().filter(|done| !done.passed()).count() {
        0 => Ok(()),
        failed => {
            let all = all.len();
            Err(Failed { failed, all }.into())
        }
    }
}

fn one(trial: &Trial, path: &Path, options: Options, update: bool) -> Result<Done> {
    let shown = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", shown()))?;
    let began = Instant::now();
    let mut report = trial.run(&text, options).with_context(shown)?;
    let mut written = false;
    if update && report.is_sound() && !report.passed() {
        let new = updated(&text, &report)?;
        std::fs::write(path, &new).with_context(|| format!("can't write {}", shown()))?;
        written = true;
        report = trial.run(&new, options).with_context(shown)?;
    }
    Ok(Done {
        file: path.to_owned(),
        report,
        took: began.elapsed(),
        written,
    })
}

/// Any number will do; it is printed.
fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) % 1_000_000_000
}

/// Nothing to try.
fn none(what: String) -> anyhow::Error {
    Usage(what).into()
}
