//! `sluicebox lag NAME`: how far a job of a host is behind. The same table as for a job that this program runs.

use super::super::HostArgs;
use anyhow::Result;
use serde::Deserialize;
use sluicebox_host::Lag;

#[derive(Deserialize)]
struct Answered {
    partitions: Vec<Partition>,
}

#[derive(Deserialize)]
struct Partition {
    topic: String,
    partition: i32,
    start: i64,
    end: i64,
    committed: Option<i64>,
    lag: i64,
}

/// What the host says of each partition.
pub fn ask(host: &HostArgs, job: &str) -> Result<Vec<Lag>> {
    let client = host.connect()?;
    let answered: Answered = client.get(&client.of_job(job, "/lag")?)?.read()?;
    let lag = |p: Partition| Lag {
        topic: super::super::text::harmless(&p.topic),
        partition: p.partition,
        start: p.start,
        end: p.end,
        committed: p.committed,
        lag: p.lag,
    };
    Ok(answered.partitions.into_iter().map(lag).collect())
}
