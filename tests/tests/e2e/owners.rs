//! Who may write: hosts that share the shards of a job, take over from one another, and a frozen one that wakes up and
//! still believes it owns what others run by now.

use std::time::Duration;

use anyhow::{Result, ensure};
use sluicebox_tests::broker;
use sluicebox_tests::job::{Job, Options};
use sluicebox_tests::process::Signal;
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, Workload};

const TIMEOUT: Duration = Duration::from_secs(180);

fn options() -> Options {
    Options {
        shards: Some(4),
        ..Options::default()
    }
}

fn workload() -> Workload {
    Workload {
        seed: workload::seed(),
        per_partition: 6_000,
        ..Workload::default()
    }
}

/// Two hosts; one is killed, the other takes its shards; the first comes back, the second leaves in order.
#[test]
fn two_hosts_share_the_shards_and_take_over() -> Result<()> {
    let workload = workload();
    let job = Job::new(&broker::shared().client(), &options())?;
    let mut a = job.start("a", None)?;
    let mut b = job.start("b", None)?;
    job.produce(&workload, 0, 2_000)?;
    job.wait_for_end(&mut [&mut a, &mut b], TIMEOUT)?;
    a.kill()?;
    job.produce(&workload, 2_000, 4_000)?;
    job.wait_for_end(&mut [&mut b], TIMEOUT)?;
    let mut a = job.start("a", None)?;
    job.produce(&workload, 4_000, 5_000)?;
    job.wait_for_end(&mut [&mut a, &mut b], TIMEOUT)?;
    let status = b.interrupt(Duration::from_secs(30))?;
    ensure!(status.success(), "after Ctrl-C: {status}\n{}", b.log());
    job.produce(&workload, 5_000, workload.length())?;
    job.wait_for_end(&mut [&mut a], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

/// Frozen past its transaction's time-out, then woken: it starts over from the last commit.
#[test]
fn a_host_frozen_past_the_transaction_timeout_goes_on() -> Result<()> {
    let workload = workload();
    let job = Job::new(&broker::shared().client(), &options())?;
    let mut host = job.start("a", None)?;
    job.produce(&workload, 0, 2_000)?;
    job.wait_for(1, &mut [&mut host], TIMEOUT)?;
    host.signal(Signal::Stop)?;
    job.produce(&workload, 2_000, 4_000)?;
    std::thread::sleep(FROZEN);
    host.signal(Signal::Cont)?;
    job.produce(&workload, 4_000, workload.length())?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

/// Longer than a transaction of these jobs may stay open, and than a member may be silent.
const FROZEN: Duration = Duration::from_secs(70);

/// Frozen, its shards taken over by another host that commits; then woken: it must write nothing.
#[test]
fn a_zombie_writes_nothing_after_a_takeover() -> Result<()> {
    let workload = workload();
    let job = Job::new(&broker::shared().client(), &options())?;
    let mut a = job.start("a", None)?;
    job.produce(&workload, 0, 2_000)?;
    job.wait_for(1, &mut [&mut a], TIMEOUT)?;
    a.signal(Signal::Stop)?;
    job.produce(&workload, 2_000, 4_000)?;
    let mut b = job.start("b", None)?;
    // All of it is committed only when b owns every shard.
    job.wait_for_end(&mut [&mut b], TIMEOUT)?;
    a.signal(Signal::Cont)?;
    job.produce(&workload, 4_000, 5_000)?;
    job.wait_for_end(&mut [&mut b], TIMEOUT)?;
    job.produce(&workload, 5_000, workload.length())?;
    job.wait_for_end(&mut [&mut b], TIMEOUT)?;
    ensure!(b.running()?, "the new owner ended:\n{}", b.log());
    job.check(&Truth::of(&workload))
}
