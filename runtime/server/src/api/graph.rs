//! What a spec says of how records go through a job: for those who draw it and don't read YAML.

use serde::Serialize;
use sluicebox_core::spec::{
    Input, JobSpec, OnError, OnInvalid, Operator, OperatorKind, Output, Sink, Source, Upstream,
};
use utoipa::ToSchema;

/// The source, operators and sinks of a job, and which reads from which.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Graph)]
pub struct GraphView {
    source: SourceNode,
    /// Each after the one that it reads from.
    operators: Vec<OperatorNode>,
    sinks: Vec<SinkNode>,
}

/// What a job reads.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = GraphSource)]
struct SourceNode {
    id: String,
    /// A topic.
    input: String,
    /// The topic that its records of no valid time go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<String>,
}

/// A step of a job.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = GraphOperator)]
struct OperatorNode {
    id: String,
    /// `filter`, `map`, `window-aggregate`.
    kind: &'static str,
    /// As the spec names it.
    module: String,
    /// Id of the source or operator that it reads from.
    from: String,
    /// The topic that its failed rows go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<String>,
    /// The topic that its late rows go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    late: Option<String>,
}

/// What a job writes.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = GraphSink)]
struct SinkNode {
    id: String,
    /// A topic.
    output: String,
    /// Id of the source or operator that it reads from.
    from: String,
}

impl GraphView {
    /// The graph of a spec.
    pub fn of(spec: &JobSpec) -> Self {
        let operator = |operator| OperatorNode::new(spec, operator);
        let sink = |sink| SinkNode::new(spec, sink);
        Self {
            source: SourceNode::new(spec, &spec.source),
            operators: spec.operators.iter().map(operator).collect(),
            sinks: spec.sinks.iter().map(sink).collect(),
        }
    }
}

impl SourceNode {
    fn new(spec: &JobSpec, source: &Source) -> Self {
        let dead = source.timestamp.on_invalid == OnInvalid::DeadLetter;
        Self {
            id: source.id.clone(),
            input: match &source.input {
                Input::Kafka { topic, .. } => topic.clone(),
                Input::File { path, .. } => path.display().to_string(),
                Input::Stdin { .. } => "standard input".to_owned(),
            },
            dead_letter: spec.dead_letter.clone().filter(|_| dead),
        }
    }
}

impl OperatorNode {
    fn new(spec: &JobSpec, operator: &Operator) -> Self {
        let dead = operator.on_error == OnError::DeadLetter;
        let late = match &operator.kind {
            OperatorKind::WindowAggregate { late, .. } => late.topic.clone(),
            OperatorKind::Filter | OperatorKind::Map => None,
        };
        Self {
            id: operator.id.clone(),
            kind: operator.kind.name(),
            module: operator.module.to_string(),
            from: upstream(spec, operator.from),
            dead_letter: spec.dead_letter.clone().filter(|_| dead),
            late,
        }
    }
}

impl SinkNode {
    fn new(spec: &JobSpec, sink: &Sink) -> Self {
        Self {
            id: sink.id.clone(),
            output: match &sink.output {
                Output::Kafka { topic } => topic.clone(),
                Output::Stdout => "standard output".to_owned(),
                Output::File { path } => path.display().to_string(),
            },
            from: upstream(spec, sink.from),
        }
    }
}

fn upstream(spec: &JobSpec, from: Upstream) -> String {
    let operator = match from {
        Upstream::Source => None,
        Upstream::Operator(index) => spec.operators.get(index),
    };
    operator
        .map_or(&spec.source.id, |operator| &operator.id)
        .clone()
}

#[cfg(test)]
mod tests {
    use super::GraphView;
    use serde_json::json;
    use sluicebox_core::spec::JobSpec;

    #[test]
    fn a_spec_is_a_graph() {
        let spec = "
apiVersion: sluicebox/v1
job: spend
source: { kafka: { topic: orders, start: earliest }, timestamp: { from: record, on_invalid: dead_letter }, watermark: { max_out_of_orderness: 20s } }
operators:
  - { id: valid, filter: { module: orders-valid@1 } }
  - id: spend
    window-aggregate: { module: spend@2, window: { tumbling: 1m }, late: { topic: late-orders } }
    on_error: dead_letter
sink: { kafka: { topic: spend } }
dead_letter: { topic: dead }
";
        let spec = JobSpec::parse(spec, &|_| None).expect("a good spec");
        let graph = serde_json::to_value(GraphView::of(&spec)).expect("JSON");
        let expected = json!({
            "source": { "id": "source", "input": "orders", "dead_letter": "dead" },
            "operators": [
                { "id": "valid", "kind": "filter", "module": "orders-valid@1", "from": "source" },
                {
                    "id": "spend", "kind": "window-aggregate", "module": "spend@2", "from": "valid",
                    "dead_letter": "dead", "late": "late-orders",
                },
            ],
            "sinks": [{ "id": "sink", "output": "spend", "from": "spend" }],
        });
        assert_eq!(graph, expected);
    }
}
