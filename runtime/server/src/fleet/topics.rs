//! How well the brokers keep the topics of this host's jobs: one question a cluster, now and then, whatever shards do.

use super::parts::Parts;
use super::wanted::{JobId, Wanted};
use crate::exposition::head;
use sluicebox_core::log::Replication;
use sluicebox_core::pipeline::source_topic;
use sluicebox_host::changelog;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// What was answered last.
#[derive(Default)]
pub struct Topics(Mutex<Answers>);

/// The topics of each job.
type Answers = BTreeMap<JobId, Vec<(String, Replication)>>;

type Metric = (&'static str, &'static str, fn(&Replication) -> i32);

const METRICS: [Metric; 3] = [
    (
        "sluicebox_topic_partitions",
        "Partitions of a topic that a job uses.",
        |kept| kept.partitions,
    ),
    (
        "sluicebox_topic_under_replicated_partitions",
        "Those of which some replicas are not in sync.",
        |kept| kept.under_replicated,
    ),
    (
        "sluicebox_topic_offline_partitions",
        "Those without a leader: nobody can read or write them.",
        |kept| kept.offline,
    ),
];

impl Topics {
    /// Ask about the topics of these jobs. What can't be told is forgotten, so that nobody takes an old answer for a new one.
    /// Blocks.
    pub fn look(&self, parts: &Parts, jobs: &[Arc<Wanted>]) {
        let mut of_clusters: BTreeMap<&str, Vec<(&Wanted, BTreeSet<String>)>> = BTreeMap::new();
        for job in jobs {
            if let Some(cluster) = parts.clusters.name(&job.spec) {
                let users = of_clusters.entry(cluster).or_default();
                users.push((job, topics_of(parts, job)));
            }
        }
        let mut answers = Answers::new();
        for users in of_clusters.into_values() {
            let topics: BTreeSet<&str> = (users.iter())
                .flat_map(|(_, topics)| topics.iter().map(String::as_str))
                .collect();
            let names: Vec<&str> = topics.into_iter().collect();
            let asked = users.first().map(|(job, _)| parts.clusters.of(&job.spec));
            let Some(Ok(cluster)) = asked else { continue };
            let Ok(kept) = cluster.log.replication(&names) else {
                continue;
            };
            let kept: BTreeMap<&str, Option<Replication>> = names.into_iter().zip(kept).collect();
            for (job, topics) in &users {
                let known = |topic: &String| Some((topic.clone(), (*kept.get(topic.as_str())?)?));
                let known = topics.iter().filter_map(known).collect();
                answers.insert(job.id.clone(), known);
            }
        }
        // Replaced as a whole.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = answers;
    }

    /// In Prometheus' text format. Names of topics are of letters, digits, `.`, `_` and `-`: nothing to escape.
    pub fn text(&self) -> String {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        for (name, help, value) in METRICS {
            head(&mut out, name, "gauge", help);
            for (JobId { tenant, job, .. }, topics) in answers.iter() {
                for (topic, kept) in topics {
                    let value = value(kept);
                    // A String takes any write.
                    let _ = writeln!(
                        out,
                        "{name}{{tenant=\"{tenant}\",job=\"{job}\",topic=\"{topic}\"}} {value}"
                    );
                }
            }
        }
        out
    }
}

/// The topics that a job can't do without, each once.
fn topics_of(parts: &Parts, job: &Wanted) -> BTreeSet<String> {
    let written = job.spec.output_topics().into_iter().map(str::to_owned);
    let own = [
        source_topic(&job.spec.source),
        changelog(&parts.base(&job.id)),
    ];
    written.chain(own).collect()
}
