//! Which failed records may go through a job again: those of which nothing has come out yet.

use sluicebox_core::spec::{JobSpec, Operator, OperatorKind, Upstream};

/// Whether a record that failed in this operator (or in the source) has had no effect at all: on its way there stand filters
/// only, and nobody else reads from that way. A filter does not change rows, so the letter still is the record.
pub fn untouched(spec: &JobSpec, operator: &str) -> bool {
    if operator == spec.source.id {
        return true;
    }
    let Some(failed) = spec.operators.iter().find(|o| o.id == operator) else {
        return false;
    };
    let mut at = failed;
    loop {
        if readers(spec, at.from) != 1 {
            return false;
        }
        match at.from {
            Upstream::Source => return true,
            Upstream::Operator(before) => match spec.operators.get(before) {
                Some(
                    before @ Operator {
                        kind: OperatorKind::Filter,
                        ..
                    },
                ) => at = before,
                _ => return false,
            },
        }
    }
}

fn readers(spec: &JobSpec, from: Upstream) -> usize {
    let operators = spec.operators.iter().filter(|o| o.from == from).count();
    operators + spec.sinks.iter().filter(|sink| sink.from == from).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(operators: &str, sinks: &str) -> JobSpec {
        let text = format!(
            "apiVersion: sluicebox/v1\njob: j\nsource: {{ kafka: {{ topic: in, start: earliest }}, watermark: {{ max_out_of_orderness: 1s }} }}\noperators:\n{operators}\nsinks:\n{sinks}\n"
        );
        JobSpec::parse(&text, &|_| None).unwrap_or_else(|e| panic!("{e}\n{text}"))
    }

    const SINK: &str = "  - { id: out, kafka: { topic: out } }";

    #[test]
    fn behind_filters_nothing_has_happened_yet() {
        let chain = "  - { id: valid, filter: { module: a@1 } }\n  - { id: enrich, map: { module: b@1 } }\n  \
                     - { id: spend, window-aggregate: { module: c@1, window: { tumbling: 1m } } }";
        let chain = spec(chain, SINK);
        let source = chain.source.id.clone();
        for (operator, want) in [
            (source.as_str(), true),
            ("valid", true),
            ("enrich", true),
            ("spend", false),
            ("gone", false),
        ] {
            assert_eq!(untouched(&chain, operator), want, "{operator}");
        }
    }

    #[test]
    fn behind_a_fork_the_other_way_may_have_worked() {
        let fork =
            "  - { id: valid, filter: { module: a@1 } }\n  - { id: enrich, map: { module: b@1 } }";
        let copy = format!("{SINK}\n  - {{ id: copy, from: valid, kafka: {{ topic: copy }} }}");
        let fork = spec(fork, &copy);
        assert!(untouched(&fork, "valid"));
        assert!(!untouched(&fork, "enrich"));
    }
}
