//! Check a job without running it: its modules and their types, and its topics if a cluster can be asked.

use crate::error::Result;
use crate::event::{Event, Observer};
use crate::job::Job;
use crate::{backend, layout};
use serde::Serialize;
use sluicebox_core::log::Log;
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

/// Tells nobody.
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event<'_>) {}
}

/// Check a job whose modules are files. `topics` asks the cluster, too.
pub fn check(spec: JobSpec, base: &Path, installation: &str, topics: bool) -> Result<Checked> {
    let job = Job::from_files(spec, base, None)?;
    let base = layout::base(installation, &job.spec.job);
    match topics && matches!(job.spec.source.input, Input::Kafka { .. }) {
        true => check_on(Some(backend::connect(&job.spec)?.as_ref()), &job, &base),
        false => check_on(None, &job, &base),
    }
}

/// Check a loaded job: its modules take their configs, and its topics are there, if there is a log to ask.
pub fn check_on(log: Option<&dyn Log>, job: &Job, base: &str) -> Result<Checked> {
    let observer: Arc<dyn Observer> = Arc::new(Silent);
    job.instantiate(&observer)?;
    let mut topics = Vec::new();
    if let Some(log) = log {
        topics = layout::topics(log, &job.plan)?
            .into_iter()
            .map(|(name, topic)| (name, topic.partitions))
            .collect();
    }
    Ok(Checked {
        job: job.spec.job.clone(),
        modules: job
            .modules()
            .map(|(id, module)| (id.to_owned(), module.digest().to_owned()))
            .collect(),
        topics,
        group: layout::group(&job.spec, base),
    })
}
