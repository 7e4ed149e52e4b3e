//! Three brokers, every record on all of them: one goes away, and what it led is led by another.

use std::time::Duration;

use anyhow::Result;
use sluicebox_tests::broker;
use sluicebox_tests::cluster::{Cluster, Coordinator};
use sluicebox_tests::job::{Host, Job, Options};
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, Workload};

const TIMEOUT: Duration = Duration::from_secs(120);
/// Longer than brokers wait for one of them before they take over from it.
const AWAY: Duration = Duration::from_secs(12);

fn cluster(proxied: bool) -> Result<Cluster> {
    Cluster::start_with(&broker::Options {
        heap_mib: 256,
        proxied,
        properties: vec![
            ("broker.session.timeout.ms".into(), "6000".into()),
            ("broker.heartbeat.interval.ms".into(), "1000".into()),
        ],
        ..broker::Options::default()
    })
}

/// A job whose brokers are disturbed in several rounds; each round gets some of the input.
struct Rounds {
    workload: Workload,
    job: Job,
    host: Host,
    at: u64,
}

impl Rounds {
    const STEP: u64 = 500;

    fn start(cluster: &Cluster, count: u64, bootstrap: Option<String>) -> Result<Self> {
        let workload = Workload {
            seed: workload::seed(),
            per_partition: Self::STEP * (count + 1),
            ..Workload::default()
        };
        let options = Options {
            bootstrap,
            ..Options::default()
        };
        let job = Job::new(&cluster.client(), &options)?;
        let host = job.start("host", None)?;
        let mut rounds = Self {
            workload,
            job,
            host,
            at: 0,
        };
        rounds.produce()?;
        rounds.job.wait_for_end(&mut [&mut rounds.host], TIMEOUT)?;
        Ok(rounds)
    }

    fn produce(&mut self) -> Result<()> {
        let from = self.at;
        self.at = (from + Self::STEP).min(self.workload.length());
        self.job.produce(&self.workload, from, self.at)
    }

    fn finish(mut self) -> Result<()> {
        self.job
            .produce(&self.workload, self.at, self.workload.length())?;
        self.job.wait_for_end(&mut [&mut self.host], TIMEOUT)?;
        self.job.check(&Truth::of(&self.workload))
    }
}

#[test]
fn brokers_restarted_one_after_the_other() -> Result<()> {
    let mut cluster = cluster(false)?;
    let count = cluster.brokers().len();
    let mut rounds = Rounds::start(&cluster, 2 * count as u64, None)?;
    for i in 0..count {
        cluster.brokers()[i].stop()?;
        rounds.produce()?;
        cluster.brokers()[i].start_again()?;
        rounds.produce()?;
        cluster.wait_whole()?;
    }
    rounds.finish()
}

/// The coordinators of the job's positions and of its transactions freeze, one after the other; others take over from
/// them, and when they wake up they must not be believed.
#[test]
fn brokers_that_freeze() -> Result<()> {
    let mut cluster = cluster(false)?;
    let mut rounds = Rounds::start(&cluster, 4, None)?;
    let id = format!("sluicebox.local.{}.1.0", rounds.job.name);
    for (of, name) in [
        (Coordinator::Group, rounds.job.group.clone()),
        (Coordinator::Transaction, id),
    ] {
        let i = cluster.coordinator(of, &name)?;
        cluster.brokers()[i].pause()?;
        rounds.produce()?;
        std::thread::sleep(AWAY);
        rounds.produce()?;
        cluster.brokers()[i].resume()?;
        cluster.wait_whole()?;
    }
    rounds.finish()
}

/// The host can't reach one broker, which all others can: nobody takes over from it, so what it leads must wait.
#[test]
fn a_host_cut_from_one_broker() -> Result<()> {
    let mut cluster = cluster(true)?;
    let mut rounds = Rounds::start(&cluster, 4, Some(cluster.proxied()?))?;
    let id = format!("sluicebox.local.{}.1.0", rounds.job.name);
    for (of, name) in [
        (Coordinator::Group, rounds.job.group.clone()),
        (Coordinator::Transaction, id),
    ] {
        let i = cluster.coordinator(of, &name)?;
        let proxy = cluster.brokers()[i].proxy()?.clone();
        proxy.cut();
        rounds.produce()?;
        std::thread::sleep(AWAY);
        proxy.mend();
        rounds.produce()?;
    }
    rounds.finish()
}
