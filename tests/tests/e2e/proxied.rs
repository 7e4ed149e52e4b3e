//! A job that reaches its broker through a proxy, so that a test can get between the two.

use std::time::Duration;

use anyhow::Result;
use sluicebox_tests::broker::{self, Broker};
use sluicebox_tests::job::{Host, Job, Options};
use sluicebox_tests::workload::{self, Workload};

/// A job that has read the first third of its input.
pub struct Proxied {
    pub broker: Broker,
    pub workload: Workload,
    pub job: Job,
    pub host: Host,
}

/// Start one on a broker of its own; three thirds of `third` orders in each partition.
pub fn start(options: broker::Options, third: u64, timeout: Duration) -> Result<Proxied> {
    let broker = Broker::start_with(&broker::Options {
        proxied: true,
        ..options
    })?;
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 3 * third,
        ..Workload::default()
    };
    let options = Options {
        shards: Some(2),
        bootstrap: Some(broker.proxy()?.bootstrap()),
        ..Options::default()
    };
    let job = Job::new(&broker.client(), &options)?;
    job.produce(&workload, 0, third)?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], timeout)?;
    Ok(Proxied {
        broker,
        workload,
        job,
        host,
    })
}
