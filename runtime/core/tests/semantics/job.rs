//! Jobs of the tests: a shape that both the model and the real thing are built from.

use sluicebox_core::spec::{JobSpec, OnInvalid};
use std::fmt::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Fail,
    Skip,
    DeadLetter,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Filter,
    Map,
    Window {
        size_ms: i64,
        offset_ms: i64,
        lateness_ms: i64,
        late: Option<&'static str>,
    },
}

/// `from: None` is the source; so with sinks.
#[derive(Clone, Debug)]
pub struct Op {
    pub id: &'static str,
    pub kind: Kind,
    pub policy: Policy,
    pub from: Option<usize>,
    /// Calls over more rows than this trap.
    pub rows_max: usize,
}

#[derive(Clone, Debug)]
pub struct Job {
    pub ops: Vec<Op>,
    pub sinks: Vec<(Option<usize>, &'static str)>,
    pub delay_ms: i64,
    pub min_ms: i64,
    pub max_ms: i64,
    pub on_invalid: OnInvalid,
}

pub const IDS: [&str; 5] = ["a", "b", "c", "d", "e"];
pub const DEAD: &str = "dead";

pub fn window(size_ms: i64) -> Kind {
    Kind::Window {
        size_ms,
        offset_ms: 0,
        lateness_ms: 0,
        late: Some("late"),
    }
}

impl Job {
    /// A chain of operators that all send failed rows to the dead letters, its end going to topic `out`.
    pub fn chain(kinds: Vec<Kind>) -> Self {
        let ops = kinds.into_iter().enumerate().map(|(i, kind)| Op {
            id: IDS[i],
            kind,
            policy: Policy::DeadLetter,
            from: i.checked_sub(1),
            rows_max: usize::MAX,
        });
        let ops: Vec<Op> = ops.collect();
        Self {
            sinks: vec![(ops.len().checked_sub(1), "out")],
            ops,
            delay_ms: 0,
            min_ms: -1_000_000,
            max_ms: 1_000_000,
            on_invalid: OnInvalid::Skip,
        }
    }

    pub fn policy(mut self, policy: Policy) -> Self {
        self.ops.iter_mut().for_each(|op| op.policy = policy);
        self
    }

    pub fn delay(mut self, delay_ms: i64) -> Self {
        self.delay_ms = delay_ms;
        self
    }

    /// Topics it writes to, each once.
    pub fn topics(&self) -> Vec<&'static str> {
        let late = self.ops.iter().filter_map(|op| match op.kind {
            Kind::Window { late, .. } => late,
            _ => None,
        });
        let mut topics: Vec<_> = self
            .sinks
            .iter()
            .map(|(_, topic)| *topic)
            .chain(late)
            .chain([DEAD])
            .collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    fn yaml(&self) -> String {
        let mut text = String::from(
            "apiVersion: sluicebox/v1\njob: test\nsource:\n  kafka: { topic: in, start: earliest }\n  watermark: { max_out_of_orderness: 1s }\n",
        );
        let name = |from: Option<usize>| from.map_or("source", |i| self.ops[i].id);
        if !self.ops.is_empty() {
            text.push_str("operators:\n");
        }
        for op in &self.ops {
            let on_error = match op.policy {
                Policy::Fail => "fail",
                Policy::Skip => "skip",
                Policy::DeadLetter => "dead_letter",
            };
            let what = match &op.kind {
                Kind::Filter => format!("filter: {{ module: ./{}.wasm }}", op.id),
                Kind::Map => format!("map: {{ module: ./{}.wasm }}", op.id),
                Kind::Window { size_ms, late, .. } => {
                    let late = late.map_or(String::new(), |t| format!(", late: {{ topic: {t} }}"));
                    format!(
                        "window-aggregate: {{ module: ./{}.wasm, window: {{ tumbling: {size_ms}ms }}{late} }}",
                        op.id
                    )
                }
            };
            let _ = writeln!(
                text,
                "  - {{ id: {}, from: {}, on_error: {on_error}, {what} }}",
                op.id,
                name(op.from)
            );
        }
        text.push_str("sinks:\n");
        for (i, (from, topic)) in self.sinks.iter().enumerate() {
            let _ = writeln!(
                text,
                "  - {{ id: s{i}, from: {}, kafka: {{ topic: {topic} }} }}",
                name(*from)
            );
        }
        let _ = writeln!(text, "dead_letter: {{ topic: {DEAD} }}");
        text
    }

    /// The spec, with the times that YAML would need more words for set directly.
    pub fn spec(&self) -> JobSpec {
        let text = self.yaml();
        let mut spec = JobSpec::parse(&text, &|_| None).unwrap_or_else(|p| panic!("{p}\n{text}"));
        spec.source.watermark.max_out_of_orderness_ms = self.delay_ms;
        spec.source.timestamp.min_ms = self.min_ms;
        spec.source.timestamp.max_ms = self.max_ms;
        spec.source.timestamp.on_invalid = self.on_invalid;
        for (op, made) in self.ops.iter().zip(&mut spec.operators) {
            if let (
                Kind::Window {
                    offset_ms: shift,
                    lateness_ms,
                    ..
                },
                sluicebox_core::spec::OperatorKind::WindowAggregate { window, late },
            ) = (&op.kind, &mut made.kind)
            {
                let sluicebox_core::spec::Window::Tumbling { offset_ms, .. } = window;
                *offset_ms = *shift;
                late.allowed_lateness_ms = *lateness_ms;
            }
        }
        spec
    }
}
