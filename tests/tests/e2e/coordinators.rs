//! Coordinators that go away in the middle of what they coordinate: the one of transactions during a commit, the one of
//! groups for longer than anybody waits.

use std::time::{Duration, Instant};

use crate::proxied::{self, Proxied};
use anyhow::{Result, ensure};
use sluicebox_tests::broker::{self, Broker};
use sluicebox_tests::job::{Job, Options};
use sluicebox_tests::proxy::Api;
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, Random, Workload};

const TIMEOUT: Duration = Duration::from_secs(120);

fn small() -> broker::Options {
    broker::Options {
        heap_mib: 256,
        ..broker::Options::default()
    }
}

/// Commits follow one another without a pause, so that each restart falls into some.
#[test]
fn the_transactions_coordinator_restarts_while_commits_run() -> Result<()> {
    const RESTARTS: u64 = 4;
    let mut broker = Broker::start_with(&small())?;
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 6_000,
        ..Workload::default()
    };
    let options = Options {
        epoch_ms: 10,
        ..Options::default()
    };
    let job = Job::new(&broker.client(), &options)?;
    let mut host = job.start("host", None)?;
    // Without brokers a job does not even start.
    host.wait_for_words("begins", TIMEOUT)?;
    let mut random = Random(workload.seed);
    for restart in 0..RESTARTS {
        let at = |n| workload.per_partition * n / (RESTARTS + 1);
        job.produce(&workload, at(restart), at(restart + 1))?;
        std::thread::sleep(Duration::from_millis(random.below(500)));
        match restart % 2 {
            0 => broker.kill(),
            _ => broker.stop()?,
        }
        broker.start_again()?;
    }
    job.produce(
        &workload,
        workload.per_partition * RESTARTS / (RESTARTS + 1),
        workload.length(),
    )?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

/// Whether the commit goes on while the broker is down or when it is up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GoesOn {
    Down,
    Up,
}

/// The broker is killed at exactly this step of a commit, and comes back.
fn restarted_at(steps: &[(&str, GoesOn)]) -> Result<()> {
    let mut broker = Broker::start_with(&small())?;
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 1_000 * (steps.len() as u64 + 1),
        ..Workload::default()
    };
    let options = Options {
        shards: Some(1),
        ..Options::default()
    };
    let job = Job::new(&broker.client(), &options)?;
    let folder = tempfile::tempdir()?;
    for (n, (step, goes_on)) in (0..).zip(steps) {
        let go = folder.path().join(n.to_string());
        // Not the first commit, which only claims the shard.
        let point = format!("{step}:3:{}", go.display());
        let mut host = job.start("host", Some(&point))?;
        job.produce(&workload, n * 1_000, n * 1_000 + 500)?;
        job.wait_for(1, &mut [&mut host], TIMEOUT)?;
        job.produce(&workload, n * 1_000 + 500, n * 1_000 + 1_000)?;
        host.wait_for_words("waiting at", TIMEOUT)?;
        broker.kill();
        if *goes_on == GoesOn::Down {
            std::fs::write(&go, "")?;
            std::thread::sleep(Duration::from_millis(300));
        }
        broker.start_again()?;
        std::fs::write(&go, "")?;
        job.wait_for_end(&mut [&mut host], TIMEOUT)?;
        let status = host.interrupt(TIMEOUT)?;
        ensure!(status.success(), "{step}: {status}\n{}", host.log());
    }
    let mut host = job.start("host", None)?;
    job.produce(&workload, 1_000 * steps.len() as u64, workload.length())?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

#[test]
fn the_transactions_coordinator_restarts_before_the_end_of_a_commit() -> Result<()> {
    restarted_at(&[
        ("after-changelog", GoesOn::Down),
        ("after-flush", GoesOn::Down),
        ("after-flush", GoesOn::Up),
    ])
}

#[test]
fn the_transactions_coordinator_restarts_at_the_end_of_a_commit() -> Result<()> {
    restarted_at(&[
        ("after-offsets", GoesOn::Down),
        ("after-offsets", GoesOn::Up),
        ("after-commit", GoesOn::Down),
    ])
}

/// Requests to the coordinator of groups are not answered, for longer than anybody should wait; all others are.
fn unanswered(requests: &[Api], words: &str) -> Result<()> {
    /// What faults.md asks for, and something for a busy machine.
    const WATCHDOG: Duration = Duration::from_secs(30 + 5);
    let Proxied {
        broker,
        workload,
        job,
        mut host,
    } = proxied::start(small(), 1_000, TIMEOUT)?;
    let proxy = broker.proxy()?;
    proxy.stop(requests);
    let started = Instant::now();
    job.produce(&workload, 1_000, 2_000)?;
    host.wait_for_words(words, WATCHDOG)?;
    eprintln!("noticed after {:?}:\n{}", started.elapsed(), host.log());
    ensure!(
        proxy.held() > 0,
        "nothing was held back: this test tests nothing"
    );
    proxy.mend();
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.produce(&workload, 2_000, workload.length())?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

#[test]
fn a_group_coordinator_that_takes_no_positions() -> Result<()> {
    unanswered(&[Api::TxnOffsetCommit], "starts over")
}

#[test]
fn a_group_coordinator_that_answers_nothing() -> Result<()> {
    let all = [
        Api::TxnOffsetCommit,
        Api::OffsetFetch,
        Api::JoinGroup,
        Api::Heartbeat,
        Api::SyncGroup,
    ];
    unanswered(&all, "stopped; what")
}
