//! `cargo xtask crash`: the kill loop with any number of kills, for a machine that has nothing better to do tonight.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use sluicebox_tests::broker::Broker;
use sluicebox_tests::crash::{self, Plan};
use sluicebox_tests::job::Options;
use sluicebox_tests::workload;

const HELP: &str = "crash [--kills N] [--rounds N] [--epoch-ms N] [--state rocksdb|memory]

Starts a Kafka broker and a job, kills the job (SIGKILL) at random moments, starts it again, and compares its output with
the truth. Each round has a new seed, printed first; SLUICEBOX_SEED repeats one.

  --kills N      kills in each round (default 50)
  --rounds N     rounds (default 1)
  --epoch-ms N   length of an epoch in milliseconds (default 100)
  --state S      rocksdb (default) or memory";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let (mut kills, mut rounds, mut options) = (50, 1, Options::default());
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<u32> {
            let value = arguments
                .next()
                .with_context(|| format!("{argument} needs a number"))?;
            value
                .parse()
                .with_context(|| format!("{value:?} is not a number"))
        };
        match argument.as_str() {
            "--kills" => kills = number()?,
            "--rounds" => rounds = number()?,
            "--epoch-ms" => options.epoch_ms = number()?.into(),
            "--state" => {
                options.state = match arguments.next().as_deref() {
                    Some("rocksdb") => "rocksdb",
                    Some("memory") => "memory",
                    _ => bail!("--state is `rocksdb` or `memory`"),
                }
            }
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(());
            }
            other => bail!("there is no option {other}; see --help"),
        }
    }
    let broker = Broker::start()?;
    for round in 1..=rounds {
        let plan = Plan {
            seed: workload::seed(),
            kills,
            orders_per_life: 1_000,
            options: options.clone(),
        };
        println!("round {round} of {rounds}: {kills} kills");
        crash::run(&broker.client(), &plan, &mut |line| println!("  {line}"))?;
    }
    Ok(())
}
