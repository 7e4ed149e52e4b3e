//! The identity of what a job computes: an operator's number in state keys, and the plan's hash in epoch records.

use super::model::{Input, Upstream, Window};
use super::model::{JobSpec, LateSpec, OnError, OnInvalid, OperatorKind, Output, TimestampFrom};
use xxhash_rust::xxh3::xxh3_64;

/// Number of an operator in state keys (see [`crate::state::Namespace`]). It comes from the id alone, so that steps
/// can be added and reordered; a spec in which two ids have one number is refused.
pub fn operator_number(id: &str) -> u32 {
    xxh3_64(id.as_bytes()) as u32
}

impl JobSpec {
    /// Hash of all that decides what the job computes and where it goes: source, event time, operators, modules'
    /// parameters, sinks. Left out: connection, delivery, epochs, state store, shards, group, and which code the
    /// modules hold (see [`JobSpec::plan_hash_with`]).
    pub fn plan_hash(&self) -> u64 {
        xxh3_64(&self.canonical())
    }

    /// As [`JobSpec::plan_hash`], with the SHA-256 of each operator's module, in order.
    pub fn plan_hash_with(&self, modules: &[[u8; 32]]) -> u64 {
        let mut bytes = self.canonical();
        for digest in modules {
            bytes.extend_from_slice(digest);
        }
        xxh3_64(&bytes)
    }

    /// What is hashed: tagged, length-prefixed fields in a fixed order. A change of it is a change of every job's
    /// hash, so it has a version and a golden test.
    fn canonical(&self) -> Vec<u8> {
        let mut out = Canonical(b"sluicebox plan 1".to_vec());
        out.text(&self.job);
        match &self.source.input {
            Input::Kafka { topic, .. } => out.number(1).text(topic),
            Input::File { key, .. } | Input::Stdin { key } => {
                out.number(2).optional(key.as_deref())
            }
        };
        let time = &self.source.timestamp;
        match &time.from {
            TimestampFrom::Record => out.number(1),
            TimestampFrom::Field(name) => out.number(2).text(name),
        };
        out.number(time.min_ms).number(time.max_ms);
        out.number(match time.on_invalid {
            OnInvalid::Fail => 0,
            OnInvalid::Skip => 1,
            OnInvalid::DeadLetter => 2,
            OnInvalid::Clamp => 3,
        });
        out.number(self.source.watermark.max_out_of_orderness_ms);
        out.number(self.operators.len() as i64);
        for operator in &self.operators {
            out.text(&operator.id).upstream(operator.from);
            out.kind(&operator.kind);
            out.text(&operator.config.to_string());
            out.number(match operator.on_error {
                OnError::Fail => 0,
                OnError::Skip => 1,
                OnError::DeadLetter => 2,
            });
        }
        out.number(self.sinks.len() as i64);
        for sink in &self.sinks {
            out.upstream(sink.from);
            match &sink.output {
                Output::Kafka { topic } => out.number(1).text(topic),
                Output::Stdout | Output::File { .. } => out.number(2),
            };
        }
        out.optional(self.dead_letter.as_deref());
        out.0
    }
}

struct Canonical(Vec<u8>);

impl Canonical {
    fn number(&mut self, number: i64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }
    fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as i64);
        self.0.extend_from_slice(text.as_bytes());
        self
    }
    fn optional(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            None => self.number(0),
            Some(text) => self.number(1).text(text),
        }
    }
    fn upstream(&mut self, from: Upstream) -> &mut Self {
        match from {
            Upstream::Source => self.number(-1),
            Upstream::Operator(index) => self.number(index as i64),
        }
    }
    fn kind(&mut self, kind: &OperatorKind) -> &mut Self {
        match kind {
            OperatorKind::Filter => self.number(1),
            OperatorKind::Map => self.number(2),
            OperatorKind::WindowAggregate { window, late } => {
                let Window::Tumbling { size_ms, offset_ms } = window;
                let LateSpec {
                    topic,
                    allowed_lateness_ms,
                } = late;
                self.number(3).number(1).number(*size_ms).number(*offset_ms);
                self.optional(topic.as_deref()).number(*allowed_lateness_ms)
            }
        }
    }
}
