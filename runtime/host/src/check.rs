//! Check a job without running it: its modules and their types, and its topics if a cluster can be asked.

use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::job::Job;
use crate::{backend, layout};
use serde::Serialize;
use sluicebox_core::spec::{Input, JobSpec};
use std::path::Path;
use std::sync::Arc;

/// What was checked and found good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Name of the job.
    pub job: String,
    /// Operators with the digest of their module.
    pub modules: Vec<(String, String)>,
    /// Topics with their number of partitions; empty where no cluster was asked.
    pub topics: Vec<(String, i32)>,
    /// Group that holds the job's positions.
    pub group: String,
}

struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event<'_>) {}
}

/// Check a job. `topics` asks the cluster, too.
pub fn check(spec: JobSpec, base: &Path, installation: &str, topics: bool) -> Result<Checked> {
    let job = Job::load(spec, base, None)?;
    let observer: Arc<dyn Observer> = Arc::new(Silent);
    job.instantiate(&observer)?;
    let mut found = Vec::new();
    if topics && matches!(job.spec.source.input, Input::Kafka { .. }) {
        let log = backend::connect(&job.spec)?;
        let mut missing = Vec::new();
        for name in std::iter::once(&job.plan.source_topic).chain(&job.plan.topics) {
            match log.topic(name)? {
                Some(topic) => found.push((name.clone(), topic.partitions)),
                None => missing.push(name.as_str()),
            }
        }
        if !missing.is_empty() {
            return Err(Error::input(format!(
                "no such topic: `{}`. Create what is missing, or correct the name in the spec.",
                missing.join("`, `")
            )));
        }
    }
    Ok(Checked {
        job: job.spec.job.clone(),
        modules: job
            .modules()
            .map(|(id, module)| (id.to_owned(), module.digest().to_owned()))
            .collect(),
        topics: found,
        group: layout::group(&job.spec, installation),
    })
}
