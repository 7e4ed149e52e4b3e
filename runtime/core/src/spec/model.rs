//! What a job spec says, resolved: defaults filled in, variables replaced, references turned into indices, every
//! duration in milliseconds and every size in bytes.

use super::timestamp::TimestampPolicy;
use crate::log::Delivery;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// A whole job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSpec {
    /// Name of the job, `[a-z0-9-]{1,40}`.
    pub job: String,
    /// What it reads.
    pub source: Source,
    /// Its steps, each after the one it reads from. May be empty: then the job copies.
    pub operators: Vec<Operator>,
    /// Where it writes to; at least one.
    pub sinks: Vec<Sink>,
    /// Delivery guarantee of the outputs.
    pub delivery: Delivery,
    /// When a transaction ends.
    pub epoch: Epoch,
    /// Topic of the records that went the way `dead_letter`; set wherever one of them can.
    pub dead_letter: Option<String>,
    /// Number of shards; unset: the host chooses by the source's partitions.
    pub shards: Option<u16>,
    /// Which store keeps the state while the job runs.
    pub state: State,
    /// How to reach Kafka; unset: by a connection of the host.
    pub kafka: Option<Connection>,
    /// Which connection of the host it is; unset: its only or default one.
    pub connection: Option<String>,
    /// Consumer group that holds the committed positions, in place of the job's own.
    pub group: Option<String>,
}

/// What a job reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Name of the source, for `from:` and metrics.
    pub id: String,
    /// Where its records come from.
    pub input: Input,
    /// Which time a record has.
    pub timestamp: TimestampPolicy,
    /// How far event time has come.
    pub watermark: WatermarkSpec,
}

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A topic.
    Kafka {
        /// Its name.
        topic: String,
        /// Where a new job starts in it.
        start: StartSpec,
    },
    /// JSON lines in a file; each line is the value of one record, and its end is the end of the job.
    File {
        /// Which file.
        path: PathBuf,
        /// Top-level field whose value is the record's key (a string's text, else the JSON of it); unset: null keys.
        key: Option<String>,
    },
    /// JSON lines on standard input, as for a file.
    Stdin {
        /// As for a file.
        key: Option<String>,
    },
}

/// Where a new job starts in a topic. A job that has committed positions goes on from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartSpec {
    /// The first record there is.
    Earliest,
    /// After the last record.
    Latest,
    /// The first record of this time (milliseconds since 1970) or later.
    Timestamp(i64),
    /// These offsets, by partition; all of the topic's partitions must be named.
    Offsets(BTreeMap<i32, i64>),
}

/// How far event time has come after each record: (largest timestamp so far) − delay − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatermarkSpec {
    /// The delay, in milliseconds: how much later than its successors a record may come and still be on time.
    pub max_out_of_orderness_ms: i64,
}

/// Which step or source something reads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Upstream {
    /// The source.
    Source,
    /// The operator with this index, smaller than the reader's own.
    Operator(usize),
}

/// One step of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// Its id, `[a-z0-9-]{1,40}`: the key of its state. Rename it and it starts anew.
    pub id: String,
    /// What it does.
    pub kind: OperatorKind,
    /// The module it runs.
    pub module: ModuleRef,
    /// What the module's `init` receives; `Null` if the spec has none.
    pub config: serde_json::Value,
    /// What becomes of a row that fails.
    pub on_error: OnError,
    /// What it reads.
    pub from: Upstream,
}

/// What an operator does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorKind {
    /// Keeps or drops each row.
    Filter,
    /// Turns each row into 0..n.
    Map,
    /// Aggregates rows by key and window.
    WindowAggregate {
        /// Which windows a row belongs to.
        window: Window,
        /// What becomes of late rows.
        late: LateSpec,
    },
}

impl OperatorKind {
    /// The key that it has in a spec.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Map => "map",
            Self::WindowAggregate { .. } => "window-aggregate",
        }
    }
}

/// Which windows a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Windows of one size, side by side.
    Tumbling {
        /// Their size, in milliseconds, at least 1.
        size_ms: i64,
        /// Where they start, relative to 1970: `0 <= offset_ms < size_ms`.
        offset_ms: i64,
    },
}

/// What becomes of late rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LateSpec {
    /// Topic for the rows whose windows are all gone; unset: they are counted and dropped.
    pub topic: Option<String>,
    /// How long after its close a window still takes rows and fires again, in milliseconds.
    pub allowed_lateness_ms: i64,
}

/// Which module an operator runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleRef {
    /// A file: a path with `/`, or one ending in `.wasm`.
    Path(PathBuf),
    /// An uploaded module: `tenant/name@version`, or `name@version` of the job's own tenant.
    Registry {
        /// Whose it is; unset: the job's own tenant's.
        tenant: Option<String>,
        /// Its name.
        name: String,
        /// Its version, from 1.
        version: u32,
    },
}

impl ModuleRef {
    /// Its full name, where a job of `tenant` refers to it: `tenant/name@version`, or the path of a file.
    pub fn of(&self, tenant: &str) -> String {
        match self {
            Self::Registry {
                tenant: None,
                name,
                version,
            } => format!("{tenant}/{name}@{version}"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for ModuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Registry {
                tenant: Some(tenant),
                name,
                version,
            } => write!(f, "{tenant}/{name}@{version}"),
            Self::Registry {
                tenant: None,
                name,
                version,
            } => write!(f, "{name}@{version}"),
        }
    }
}

/// What becomes of a row that a module refuses or traps on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// The job stops with an error that names the record.
    #[default]
    Fail,
    /// The row is dropped and counted.
    Skip,
    /// The row goes to the dead-letter topic, with the reason in its headers.
    DeadLetter,
}

/// One place a job writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// Its name.
    pub id: String,
    /// What it writes.
    pub from: Upstream,
    /// Where to.
    pub output: Output,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A topic.
    Kafka {
        /// Its name.
        topic: String,
    },
    /// JSON lines on standard output.
    Stdout,
    /// JSON lines in a file.
    File {
        /// Which file.
        path: PathBuf,
    },
}

/// When a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// After this long, in milliseconds.
    pub interval_ms: u64,
    /// Or as soon as the uncommitted state changes take this many bytes.
    pub overlay_bytes_max: usize,
}

/// Which store keeps the state while the job runs. All state is in the changelog anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// RocksDB in the data folder: state may be larger than memory, and is still there after a restart.
    Rocksdb {
        /// Most bytes for its caches and write buffers, for all shards of a process together.
        memory_bytes_max: usize,
    },
    /// Memory: read back from the changelog at each start.
    Memory,
}

/// How to reach Kafka.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    /// `host:port`, several with commas.
    pub bootstrap_servers: String,
    /// Settings for librdkafka, such as `security.protocol`; none that sluicebox depends on.
    pub properties: BTreeMap<String, String>,
}

/// True for settings whose value no log or message may show.
pub(crate) fn is_secret(property: &str) -> bool {
    let property = property.to_ascii_lowercase();
    [
        "password",
        "secret",
        "key",
        "token",
        "credential",
        "jaas",
        "oauth",
    ]
    .iter()
    .any(|word| property.contains(word))
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: BTreeMap<_, _> = self
            .properties
            .iter()
            .map(|(name, value)| match is_secret(name) {
                true => (name.as_str(), "[redacted]"),
                false => (name.as_str(), value.as_str()),
            })
            .collect();
        f.debug_struct("Connection")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("properties", &shown)
            .finish()
    }
}

impl JobSpec {
    /// Topics the job writes to, each once: its sinks', then late rows', then dead letters'.
    pub fn output_topics(&self) -> Vec<&str> {
        let mut topics: Vec<&str> = Vec::new();
        let sinks = self.sinks.iter().filter_map(|sink| match &sink.output {
            Output::Kafka { topic } => Some(topic.as_str()),
            Output::Stdout | Output::File { .. } => None,
        });
        let late = self.operators.iter().filter_map(|o| match &o.kind {
            OperatorKind::WindowAggregate { late, .. } => late.topic.as_deref(),
            OperatorKind::Filter | OperatorKind::Map => None,
        });
        for topic in sinks.chain(late).chain(self.dead_letter.as_deref()) {
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_debugged() {
        let names = [
            "sasl.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "SSL.KEY.PASSWORD",
            "sasl.oauthbearer.config",
        ];
        let connection = Connection {
            bootstrap_servers: "b:1".to_owned(),
            properties: names.map(|n| (n.to_owned(), "hunter2".to_owned())).into(),
        };
        assert!(!format!("{connection:#?}").contains("hunter2"));
    }
}
