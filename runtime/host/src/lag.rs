//! How far a job is behind, from what it has committed.

use crate::error::{Error, Result};
use crate::{backend, layout};
use serde::Serialize;
use sluicebox_core::log::Log;
use sluicebox_core::pipeline::source_topic;
use sluicebox_core::spec::{Input, JobSpec};

/// Lag of one source partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lag {
    /// Source topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// First offset there is.
    pub start: i64,
    /// Offset after the last stable record.
    pub end: i64,
    /// Next offset the job reads; none before its first commit.
    pub committed: Option<i64>,
    /// Offsets between (transaction markers count).
    pub lag: i64,
}

/// Lag of each source partition of a job, by its spec alone.
pub fn lag(spec: &JobSpec, installation: &str) -> Result<Vec<Lag>> {
    if !matches!(spec.source.input, Input::Kafka { .. }) {
        return Err(Error::input("only a job that reads a topic has a lag"));
    }
    let log = backend::connect(spec)?;
    lag_on(log.as_ref(), spec, &layout::base(installation, &spec.job))
}

/// Lag of each source partition of a job whose names begin with `base`.
pub fn lag_on(log: &dyn Log, spec: &JobSpec, base: &str) -> Result<Vec<Lag>> {
    let topic = source_topic(&spec.source);
    let lags = log.lag(&topic, &layout::group(spec, base))?;
    let lag = lags.into_iter().map(|lag| {
        let committed = lag.committed.map(|c| c.offset);
        let behind = lag.bounds.end - committed.unwrap_or(lag.bounds.start);
        Lag {
            topic: topic.clone(),
            partition: lag.partition,
            start: lag.bounds.start,
            end: lag.bounds.end,
            committed,
            lag: behind.max(0),
        }
    });
    Ok(lag.collect())
}
