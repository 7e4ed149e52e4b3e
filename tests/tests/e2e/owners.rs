//! Who may write: hosts that share the shards of a job, take over from one another, and a frozen one that wakes up and
//! still believes it owns what others run by now.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sluicebox_tests::broker;
use sluicebox_tests::job::{Job, Options};
use sluicebox_tests::process::{Signal, wait_until};
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

/// Somebody joins or leaves every three seconds: there is progress all the time, and nothing is lost or done twice.
#[test]
fn hosts_that_come_and_go_all_the_time() -> Result<()> {
    const ROUNDS: u64 = 12;
    let workload = workload();
    let job = Job::new(&broker::shared().client(), &options())?;
    let mut a = job.start("a", None)?;
    let mut guests = [("b", None), ("c", None)];
    let mut positions = Vec::new();
    for round in 0..ROUNDS {
        let at = |n| workload.per_partition * n / ROUNDS;
        job.produce(&workload, at(round), at(round + 1))?;
        let (name, guest) = &mut guests[(round % 2) as usize];
        match guest.take() {
            None => *guest = Some(job.start(name, None)?),
            Some(mut host) => {
                let status = host.interrupt(Duration::from_secs(30))?;
                ensure!(status.success(), "{name}: {status}\n{}", host.log());
            }
        }
        std::thread::sleep(Duration::from_secs(3));
        positions.push(job.position()?);
    }
    // The first round begins with nobody; a round may be spent on moving shards, but not two.
    let stuck = positions.windows(3).any(|three| three[0] == three[2]);
    ensure!(!stuck, "no progress: {positions:?}\n{}", a.log());
    job.produce(&workload, workload.per_partition, workload.length())?;
    job.wait_for_end(&mut [&mut a], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

/// Two hosts with one identity: one is told so and stays away, the other goes on. No duel.
#[test]
fn two_hosts_with_a_copied_data_folder() -> Result<()> {
    /// Somebody must act.
    const HALTED: i32 = 3;
    let workload = workload();
    let job = Job::new(&broker::shared().client(), &options())?;
    let mut a = job.start("a", None)?;
    job.produce(&workload, 0, 2_000)?;
    job.wait_for_end(&mut [&mut a], TIMEOUT)?;
    let status = a.interrupt(Duration::from_secs(30))?;
    ensure!(status.success(), "after Ctrl-C: {status}\n{}", a.log());
    job.copy_data("a", "copy")?;
    let mut hosts = [job.start("a", None)?, job.start("copy", None)?];
    job.produce(&workload, 2_000, 4_000)?;
    let mut ended = None;
    wait_until("one of two hosts with one identity ends", TIMEOUT, || {
        for (i, host) in hosts.iter_mut().enumerate() {
            ended = ended.or(host.ended()?.map(|status| (i, status)));
        }
        Ok(ended.is_some())
    })?;
    let (loser, status) = ended.context("nobody ended")?;
    let log = hosts[loser].log();
    ensure!(status.code() == Some(HALTED), "ended with {status}:\n{log}");
    let said = log.contains("another host runs with this host id");
    ensure!(
        said && log.contains("data folder"),
        "the error is not clear:\n{log}"
    );
    let winner = &mut hosts[1 - loser];
    job.produce(&workload, 4_000, workload.length())?;
    job.wait_for_end(&mut [winner], TIMEOUT)?;
    ensure!(winner.running()?, "both ended:\n{}", winner.log());
    job.check(&Truth::of(&workload))
}
