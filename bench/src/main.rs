//! Benchmarks that print ratios: the engine beside a native twin, on a real broker, on one machine, in one call. Both
//! are processes measured from outside in the same way, and every output is compared with the truth before a figure
//! counts. `docs/benchmarks.md` says how to read the result.
mod broker;
mod cli;
mod consume;
mod generate;
mod kafka;
mod latency;
mod matrix;
mod measure;
mod proc;
mod recovery;
mod report;
mod runner;
#[cfg(test)]
mod spec_tests;
mod twin;
#[cfg(feature = "broker")]
mod upgrade;
mod verify;
mod workload;

use anyhow::Result;
use clap::Parser;
use cli::{Bench, Command, Output};
use latency::Pace;
use report::{Machine, Report};
use runner::{Setup, Who};
use workload::Workload;

fn main() -> Result<()> {
    let bench = Bench::parse();
    // Kept until the end: dropping it stops it.
    let broker = broker::Broker::find(bench.brokers.as_deref())?;
    let brokers = broker.address();
    let workload = Workload::standard(bench.records);
    match bench.command.clone().unwrap_or(Command::Jobs) {
        Command::Twin(task) => twin::run(&brokers, task),
        Command::Consume { input } => {
            println!(
                "{}",
                serde_json::to_string(&consume::run(&brokers, &input)?)?
            );
            Ok(())
        }
        Command::Generate { meta } => {
            generate::ensure(&brokers, &bench.topic(), &workload)?;
            meta.map_or(Ok(()), |file| {
                Ok(std::fs::write(file, serde_json::to_string(&workload)?)?)
            })
        }
        Command::Verify { job, out } => {
            let verdict = verify::verify(&brokers, &out, job, &workload)?;
            println!("{}", serde_json::to_string(&verdict)?);
            verdict.require_exact("verification")
        }
        command => compare(&bench, &brokers, &workload, &command),
    }
}

/// The subcommands that compare contestants.
fn compare(bench: &Bench, brokers: &str, workload: &Workload, command: &Command) -> Result<()> {
    let work = std::env::temp_dir().join(format!("sluicebox-bench-{}", std::process::id()));
    let setup = Setup {
        brokers: brokers.into(),
        engine: bench.engine()?,
        guests: bench.guests()?,
        work,
    };
    if bench.who().contains(&Who::Ours) {
        setup.check()?;
    }
    #[cfg(feature = "broker")]
    if let Command::Upgrade(plan) = command {
        let figures = upgrade::run(&setup, plan)?;
        println!("{}", serde_json::to_string_pretty(&figures)?);
        return Ok(());
    }
    let mut report = Report {
        machine: Machine::here(),
        ..Report::default()
    };
    let outcome = run(bench, &setup, workload, command, &mut report);
    match bench.output {
        Output::Text => println!("\n{}", report.table()),
        Output::Json => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    // What failed leaves its log; what went well leaves nothing.
    match &outcome {
        Ok(()) => _ = std::fs::remove_dir_all(&setup.work),
        Err(_) => eprintln!("logs of the failed run are in {}", setup.work.display()),
    }
    outcome
}

fn run(
    bench: &Bench,
    setup: &Setup,
    workload: &Workload,
    command: &Command,
    report: &mut Report,
) -> Result<()> {
    let (jobs, pace, recovery) = match command {
        Command::Latency(pace) => (false, Some(pace.clone()), false),
        Command::Recovery => (false, None, true),
        Command::All => (true, Some(Pace::default()), true),
        _ => (true, None, false),
    };
    let input = bench.topic();
    if jobs || recovery {
        generate::ensure(&setup.brokers, &input, workload)?;
    }
    if jobs {
        report.add(matrix::run(
            setup,
            &matrix::Plan {
                input: &input,
                workload,
                rounds: bench.rounds,
                epoch_ms: bench.epoch_ms,
                who: &bench.who(),
                jobs: &bench.jobs(),
            },
        )?);
    }
    if let Some(pace) = pace {
        for (epoch_ms, who) in pace
            .epochs_ms
            .iter()
            .flat_map(|e| bench.who().into_iter().map(|w| (*e, w)))
        {
            let latency = latency::run(setup, who, epoch_ms, &pace)?;
            eprintln!(
                "latency  {who:?}, epochs of {epoch_ms} ms: p50 {} ms, p99 {} ms, exact",
                latency.p50_ms, latency.p99_ms
            );
            report.latency.push(latency);
        }
    }
    for _ in 0..if recovery { bench.rounds } else { 0 } {
        let (figures, entry) = recovery::run(setup, &input, bench.epoch_ms)?;
        verify::verify(&setup.brokers, &entry.out, entry.job, workload)?
            .require_exact("recovery")?;
        entry.clear()?;
        eprintln!(
            "recovery first commit after {:.2} s, exact",
            figures.first_commit_s
        );
        report.recovery.push(figures);
    }
    Ok(())
}
