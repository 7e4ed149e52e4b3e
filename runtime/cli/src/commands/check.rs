//! `sluicebox check`: everything that can be found wrong with a job before it runs.

use super::job::JobArgs;
use crate::output::{Format, print, print_json, stdout_paint};
use anyhow::Result;
use sluicebox_host::Checked;
use std::fmt::Write;
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  sluicebox check job.yaml                 # the spec, its modules, and its topics on the brokers
  sluicebox check job.yaml --offline       # without asking the brokers
  sluicebox check job.yaml --output json";

/// Arguments of `check`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    job: JobArgs,
    /// Don't ask the brokers for the topics
    #[arg(long)]
    offline: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Check and print what was found.
pub fn run(args: Args) -> Result<()> {
    let spec = args.job.load()?;
    // The spec's paths are relative to the working folder already.
    let checked =
        sluicebox_host::check(spec, Path::new(""), &args.job.installation, !args.offline)?;
    match args.output {
        Format::Json => print_json(&checked),
        Format::Text => print(&text(&checked, args.offline)),
    }
}

fn text(checked: &Checked, offline: bool) -> String {
    let paint = stdout_paint();
    let mut out = String::new();
    // A String takes any write.
    let _ = writeln!(out, "job {}: {}", checked.job, paint.good("good"));
    for (operator, digest) in &checked.modules {
        let _ = writeln!(out, "  operator {operator}: module sha256:{digest}");
    }
    for (topic, partitions) in &checked.topics {
        let _ = writeln!(out, "  topic {topic}: {partitions} partitions");
    }
    if offline {
        let _ = writeln!(out, "  topics: {}", paint.dim("not asked for (--offline)"));
    }
    let _ = writeln!(out, "  committed positions: group {}", checked.group);
    out
}
