//! The identity of what a job computes: an operator's number in state keys, and the plan's hash in epoch records.

use super::model::{Input, Upstream, Window};
use super::model::{JobSpec, LateSpec, OnError, OperatorKind, Output};
use super::timestamp::{OnInvalid, TimestampFrom};
use std::collections::BTreeMap;
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
            out.json(&operator.config);
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
    /// Objects in the order of their keys, whatever order `serde_json` was built to keep.
    fn json(&mut self, value: &serde_json::Value) -> &mut Self {
        match value {
            serde_json::Value::Array(list) => {
                self.number(-1).number(list.len() as i64);
                list.iter().fold(self, |out, element| out.json(element))
            }
            serde_json::Value::Object(map) => {
                let sorted: BTreeMap<_, _> = map.iter().collect();
                self.number(-2).number(sorted.len() as i64);
                let entry = |out: &mut Self, (key, value): (&String, _)| {
                    out.text(key).json(value);
                };
                sorted.into_iter().for_each(|e| entry(self, e));
                self
            }
            scalar => self.text(&scalar.to_string()),
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

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "
apiVersion: sluicebox/v1
job: j
source: { kafka: { topic: in, start: earliest }, watermark: { max_out_of_orderness: 5s } }
operators:
  - { id: a, filter: { module: ./a.wasm, config: { x: 1, y: [2] } } }
  - { id: b, window-aggregate: { module: ./b.wasm, window: { tumbling: 1m } } }
sink: { kafka: { topic: out } }
";

    fn hash(text: &str) -> u64 {
        match JobSpec::parse(text, &|_| None) {
            Ok(job) => job.plan_hash(),
            Err(problems) => panic!("{problems}"),
        }
    }

    /// Numbers are in the keys of every state there is: they can never change.
    #[test]
    fn operator_numbers_are_fixed() {
        assert_eq!(operator_number("spend"), 0x4853_7955);
        assert_eq!(operator_number("valid"), 0xf05e_075c);
    }

    #[test]
    fn how_it_runs_is_not_what_it_computes() {
        for more in [
            "kafka: { bootstrap_servers: 'b:1' }",
            "delivery: at_least_once",
            "epoch: { interval: 100ms }",
            "state: memory",
            "shards: 3",
            "group: g",
        ] {
            assert_eq!(hash(&format!("{JOB}{more}\n")), hash(JOB), "{more}");
        }
        for (from, to) in [("earliest", "latest"), ("./a.wasm", "/other/a.wasm")] {
            assert_eq!(hash(&JOB.replace(from, to)), hash(JOB), "{to}");
        }
        let reordered = JOB.replace("x: 1, y: [2]", "y: [2], x: 1");
        assert_eq!(hash(&reordered), hash(JOB));
    }

    #[test]
    fn what_it_computes_is_in_the_hash() {
        for (from, to) in [
            ("topic: in", "topic: in2"),
            ("max_out_of_orderness: 5s", "max_out_of_orderness: 6s"),
            ("id: a", "id: c"),
            ("filter:", "map:"),
            ("y: [2]", "y: [3]"),
            ("y: [2]", "y: '[2]'"),
            ("tumbling: 1m", "tumbling: 2m"),
            ("tumbling: 1m }", "tumbling: 1m }, late: { topic: l }"),
            ("- { id: b,", "- { id: b, on_error: skip,"),
            ("topic: out", "topic: out2"),
        ] {
            let changed = JOB.replace(from, to);
            assert_ne!(changed, JOB);
            assert_ne!(hash(&changed), hash(JOB), "{to}");
        }
    }

    #[test]
    fn module_contents_are_in_the_second_hash() {
        let Ok(job) = JobSpec::parse(JOB, &|_| None) else {
            panic!("a good spec")
        };
        assert_eq!(job.plan_hash_with(&[]), job.plan_hash());
        let (one, two) = ([1; 32], [2; 32]);
        assert_ne!(
            job.plan_hash_with(&[one, two]),
            job.plan_hash_with(&[two, one])
        );
    }
}
