//! Brokers that go away and come back. These tests have a broker of their own.

use std::time::Duration;

use anyhow::Result;
use sluicebox_tests::broker::Broker;
use sluicebox_tests::job::{Job, Options};
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, Workload};

const TIMEOUT: Duration = Duration::from_secs(180);

/// Runs a job while `disturb` does something to its broker, then finishes and compares.
fn survives(disturb: impl FnOnce(&mut Broker) -> Result<()>) -> Result<()> {
    let mut broker = Broker::start()?;
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 6_000,
        ..Workload::default()
    };
    let job = Job::new(&broker.client(), &Options::default())?;
    job.produce(&workload, 0, 3_000)?;
    let mut host = job.start("host", None)?;
    job.wait_for(1, &mut [&mut host], TIMEOUT)?;
    disturb(&mut broker)?;
    job.produce(&workload, 3_000, workload.length())?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

#[test]
fn a_broker_that_restarts_in_order() -> Result<()> {
    survives(|broker| {
        broker.stop()?;
        broker.start_again()
    })
}

#[test]
fn a_broker_that_is_killed() -> Result<()> {
    survives(|broker| {
        broker.kill();
        broker.start_again()
    })
}

#[test]
fn a_broker_that_freezes_for_a_while() -> Result<()> {
    survives(|broker| {
        broker.pause()?;
        std::thread::sleep(Duration::from_secs(15));
        broker.resume()
    })
}
