//! `sluicebox demo`: a newcomer's first minute.

use anyhow::{Result, bail};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  sluicebox demo                          # no broker, no configuration
  sluicebox demo --kafka localhost:9092   # the same on Apache Kafka";

/// Arguments of `demo`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder with the example modules, as `sluicebox build example-udfs` leaves them
    #[arg(long, value_name = "DIR", default_value = ".")]
    modules: PathBuf,
    /// Run on these brokers instead of the embedded log
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,
}

/// Run the demo.
pub fn run(_: Args) -> Result<()> {
    bail!("not there yet")
}
