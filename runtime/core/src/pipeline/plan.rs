//! From a job spec to what a pipeline is built of: topics by number, operators by number, who reads whom.

use super::node::Node;
use super::window::Windows;
use super::{Operator, Role, TopicLimits};
use crate::batch::ROWS_MAX;
use crate::ledger::Account;
use crate::spec::{
    self, JobSpec, OnError, OnInvalid, OperatorKind, Output, TimestampPolicy, Upstream, Window,
};
use crate::time::Tumbling;
use crate::udf::Udf;

/// Who gets an operator's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The operator with this index.
    Operator(usize),
    /// The topic with this number.
    Sink(usize),
    /// The same, where others write to that topic too: outputs have to be put in order.
    SharedSink(usize),
}

/// A job, ready to be run by any number of shards.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the job.
    pub job: String,
    /// Topic that the source reads (for files: the topic they are fed through).
    pub source_topic: String,
    /// Which times are accepted.
    pub timestamp: TimestampPolicy,
    /// Delay of the watermark, in milliseconds.
    pub max_out_of_orderness_ms: i64,
    /// Topics written to; outputs count in this list.
    pub topics: Vec<String>,
    /// Hash of everything that decides the output.
    pub hash: u64,
    source_id: String,
    operators: Vec<spec::Operator>,
    sinks: Vec<(Upstream, usize)>,
    late: Vec<Option<usize>>,
    dead_letter: Option<usize>,
}

/// Topic that stands for a sink which is no topic; the host reads it and writes the real thing.
pub fn sink_topic(sink: &spec::Sink) -> String {
    match &sink.output {
        Output::Kafka { topic } => topic.clone(),
        Output::Stdout | Output::File { .. } => format!("sink.{}", sink.id),
    }
}

/// Topic that a file or stdin is fed through.
pub fn source_topic(source: &spec::Source) -> String {
    match &source.input {
        spec::Input::Kafka { topic, .. } => topic.clone(),
        spec::Input::File { .. } | spec::Input::Stdin { .. } => format!("source.{}", source.id),
    }
}

impl Plan {
    /// The plan of a job whose operators' modules have these SHA-256 digests, in order.
    pub fn new(spec: &JobSpec, modules: &[[u8; 32]]) -> Self {
        let mut topics: Vec<String> = Vec::new();
        let mut number = |name: String| {
            topics.iter().position(|t| *t == name).unwrap_or_else(|| {
                topics.push(name);
                topics.len() - 1
            })
        };
        let sinks = spec
            .sinks
            .iter()
            .map(|sink| (sink.from, number(sink_topic(sink))))
            .collect();
        let late = spec.operators.iter().map(|operator| match &operator.kind {
            OperatorKind::WindowAggregate { late, .. } => late.topic.clone().map(&mut number),
            OperatorKind::Filter | OperatorKind::Map => None,
        });
        let late = late.collect();
        let dead_letter = spec.dead_letter.clone().map(&mut number);
        Self {
            job: spec.job.clone(),
            source_topic: source_topic(&spec.source),
            timestamp: spec.source.timestamp.clone(),
            max_out_of_orderness_ms: spec.source.watermark.max_out_of_orderness_ms,
            topics,
            hash: spec.plan_hash_with(modules),
            source_id: spec.source.id.clone(),
            operators: spec.operators.clone(),
            sinks,
            late,
            dead_letter,
        }
    }

    fn targets(&self, from: Upstream) -> Vec<Target> {
        let operators = self
            .operators
            .iter()
            .enumerate()
            .filter(|(_, o)| o.from == from);
        let sinks = self.sinks.iter().filter(|(f, _)| *f == from);
        // Sinks first: the last reader gets the rows without a copy, and an operator is worth more of that.
        let sinks = sinks.map(|(_, topic)| match self.is_shared(*topic) {
            true => Target::SharedSink(*topic),
            false => Target::Sink(*topic),
        });
        sinks
            .chain(operators.map(|(i, _)| Target::Operator(i)))
            .collect()
    }

    /// Whether a topic has more than one writer.
    fn is_shared(&self, topic: usize) -> bool {
        let sinks = self.sinks.iter().filter(|(_, t)| *t == topic).count();
        sinks > 1 || self.late.contains(&Some(topic)) || self.dead_letter == Some(topic)
    }

    fn node(
        &self,
        number: usize,
        id: &str,
        on_error: OnError,
        from: Upstream,
        topics: &[TopicLimits],
    ) -> Node {
        let targets = self.targets(from);
        let record_bytes_max = self.record_bytes_max(&targets, topics);
        Node {
            number,
            job: self.job.clone(),
            id: id.to_owned(),
            on_error,
            dead_letter: self
                .dead_letter
                .map(|topic| (topic, topics[topic].record_bytes_max)),
            record_bytes_max,
            keyed_below: self.keyed_below(&targets),
            targets,
            account: Account::default(),
            rows_per_call_max: ROWS_MAX,
            output_ordinals: Default::default(),
            window_ordinals: Default::default(),
        }
    }

    fn record_bytes_max(&self, targets: &[Target], topics: &[TopicLimits]) -> usize {
        let sinks = targets.iter().filter_map(|target| match target {
            Target::Sink(topic) | Target::SharedSink(topic) => {
                Some(topics[*topic].record_bytes_max)
            }
            Target::Operator(_) => None,
        });
        sinks.min().unwrap_or(usize::MAX)
    }

    fn keyed_below(&self, targets: &[Target]) -> bool {
        targets.iter().any(|target| match target {
            Target::Sink(_) | Target::SharedSink(_) => false,
            Target::Operator(i) => {
                matches!(
                    self.operators[*i].kind,
                    OperatorKind::WindowAggregate { .. }
                ) || self.keyed_below(&self.targets(Upstream::Operator(*i)))
            }
        })
    }

    /// The source as number 0: it has an account and a policy for invalid times.
    pub(super) fn source_node(&self, topics: &[TopicLimits]) -> Node {
        let on_error = match self.timestamp.on_invalid {
            OnInvalid::Skip => OnError::Skip,
            OnInvalid::DeadLetter => OnError::DeadLetter,
            OnInvalid::Fail | OnInvalid::Clamp => OnError::Fail,
        };
        self.node(0, &self.source_id, on_error, Upstream::Source, topics)
    }

    pub(super) fn operators(
        &self,
        udfs: Vec<Box<dyn Udf>>,
        topics: &[TopicLimits],
    ) -> Vec<Operator> {
        let operators = self.operators.iter().zip(udfs).enumerate();
        operators
            .map(|(i, (operator, udf))| self.operator(i, operator, udf, topics))
            .collect()
    }

    fn operator(
        &self,
        i: usize,
        operator: &spec::Operator,
        udf: Box<dyn Udf>,
        topics: &[TopicLimits],
    ) -> Operator {
        let role = match &operator.kind {
            OperatorKind::Filter => Role::Filter,
            OperatorKind::Map => Role::Map,
            OperatorKind::WindowAggregate {
                window: Window::Tumbling { size_ms, offset_ms },
                late,
            } => {
                let windows = Tumbling {
                    size_ms: *size_ms,
                    offset_ms: *offset_ms,
                };
                let number = spec::operator_number(&operator.id);
                Role::WindowAggregate(Windows::new(
                    number,
                    windows,
                    late.allowed_lateness_ms,
                    self.late[i].map(|topic| (topic, topics[topic].record_bytes_max)),
                ))
            }
        };
        let node = self.node(
            i + 1,
            &operator.id,
            operator.on_error,
            Upstream::Operator(i),
            topics,
        );
        Operator { node, role, udf }
    }
}
