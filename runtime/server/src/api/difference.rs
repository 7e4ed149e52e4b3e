//! What a deployment changes, for people: in words, and as the lines of the YAML that differ.

use crate::limits::DIFFERENCE_TIME;
use similar::{Algorithm, TextDiff};
use sluicebox_core::spec::{Input, JobSpec, Operator, OperatorKind};
use std::collections::BTreeMap;

/// Characters of a digest that people get to see.
const DIGEST_SHOWN: usize = 12;
/// Lines around a difference.
const CONTEXT: usize = 3;

/// A spec with the digests of its modules.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// Whose it is: a module that names no tenant is its own.
    pub tenant: &'a str,
    /// What it says.
    pub spec: &'a JobSpec,
    /// Digests by `tenant/name@version`.
    pub modules: &'a BTreeMap<String, String>,
}

/// The lines that differ, as in `diff -u`; empty if none do.
pub fn lines(old: &str, new: &str) -> String {
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .timeout(DIFFERENCE_TIME)
        .diff_lines(old, new);
    diff.unified_diff()
        .context_radius(CONTEXT)
        .missing_newline_hint(false)
        .to_string()
}

/// What changes in meaning, a sentence each; empty if nothing does.
pub fn meaning(old: Side<'_>, new: Side<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let (was, is) = (&old.spec.operators, &new.spec.operators);
    let find = |list: &'_ [Operator], id: &str| list.iter().position(|o| o.id == id);
    for operator in is {
        match find(was, &operator.id) {
            None => out.push(added(operator)),
            Some(at) => changed(old, &was[at], new, operator, &mut out),
        }
    }
    for operator in was.iter().filter(|o| find(is, &o.id).is_none()) {
        out.push(removed(operator));
    }
    let order = |list: &[Operator], other: &[Operator]| -> Vec<String> {
        let kept = list.iter().filter(|o| find(other, &o.id).is_some());
        kept.map(|o| o.id.clone()).collect()
    };
    if order(was, is) != order(is, was) {
        out.push("the operators stand in another order".to_owned());
    }
    topics(old.spec, new.spec, &mut out);
    settings(old.spec, new.spec, &mut out);
    out
}

fn has_state(operator: &Operator) -> bool {
    matches!(operator.kind, OperatorKind::WindowAggregate { .. })
}

/// What becomes of the state of an operator that is not what it was.
fn lost_state(was: &Operator) -> &'static str {
    match has_state(was) {
        true => "; its state is no longer used, and its open windows give no result",
        false => "",
    }
}

fn added(operator: &Operator) -> String {
    let state = match has_state(operator) {
        true => ", and begins without state",
        false => "",
    };
    format!(
        "operator `{}` ({}) is new{state}",
        operator.id,
        operator.kind.name()
    )
}

fn removed(operator: &Operator) -> String {
    format!(
        "operator `{}` ({}) is removed{}",
        operator.id,
        operator.kind.name(),
        lost_state(operator)
    )
}

fn changed(old: Side<'_>, was: &Operator, new: Side<'_>, is: &Operator, out: &mut Vec<String>) {
    let id = &is.id;
    if was.kind.name() != is.kind.name() {
        let state = lost_state(was);
        out.push(format!(
            "operator `{id}`: {} becomes {}{state}",
            was.kind.name(),
            is.kind.name()
        ));
    }
    let kept = match has_state(was) && has_state(is) {
        true => "; its state is kept",
        false => "",
    };
    let (before, after) = (module(old, was), module(new, is));
    if before != after {
        out.push(format!(
            "operator `{id}`: module {before} becomes {after}{kept}"
        ));
    }
    if was.kind.name() == is.kind.name() && was.kind != is.kind {
        out.push(format!("operator `{id}`: its windows change{kept}"));
    }
    if was.config != is.config {
        out.push(format!("operator `{id}`: its config changes{kept}"));
    }
    if was.on_error != is.on_error {
        out.push(format!(
            "operator `{id}`: rows that fail go another way (`on_error`)"
        ));
    }
}

/// `tenant/name@version (digest…)`.
fn module(side: Side<'_>, operator: &Operator) -> String {
    let reference = operator.module.of(side.tenant);
    let digest = side
        .modules
        .get(&reference)
        .map_or("unknown", String::as_str);
    let shown = digest.get(..DIGEST_SHOWN).unwrap_or(digest);
    format!("{reference} ({shown})")
}

fn topics(old: &JobSpec, new: &JobSpec, out: &mut Vec<String>) {
    let read = |spec: &JobSpec| match &spec.source.input {
        Input::Kafka { topic, .. } => topic.clone(),
        Input::File { .. } | Input::Stdin { .. } => "no topic".to_owned(),
    };
    let (was, is) = (read(old), read(new));
    if was != is {
        out.push(format!("it reads `{is}` instead of `{was}`"));
    }
    let (was, is) = (old.output_topics(), new.output_topics());
    for topic in is.iter().filter(|topic| !was.contains(topic)) {
        out.push(format!("it writes to `{topic}` from now on"));
    }
    for topic in was.iter().filter(|topic| !is.contains(topic)) {
        out.push(format!("it no longer writes to `{topic}`"));
    }
}

fn settings(old: &JobSpec, new: &JobSpec, out: &mut Vec<String>) {
    let same_kafka = old.kafka == new.kafka && old.connection == new.connection;
    let changes = [
        (
            "the timestamps of its records",
            old.source.timestamp != new.source.timestamp,
        ),
        (
            "the watermark",
            old.source.watermark != new.source.watermark,
        ),
        ("the delivery guarantee", old.delivery != new.delivery),
        ("the epoch", old.epoch != new.epoch),
        ("the number of shards", old.shards != new.shards),
        ("the state store", old.state != new.state),
        ("the Kafka connection", !same_kafka),
        ("the consumer group", old.group != new.group),
    ];
    let changes = changes.iter().filter(|(_, differs)| *differs);
    out.extend(changes.map(|(what, _)| format!("{what} changes")));
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "
apiVersion: sluicebox/v1
job: spend
source: { kafka: { topic: orders, start: earliest }, watermark: { max_out_of_orderness: 5s } }
operators:
  - { id: valid, filter: { module: shop/valid@1 } }
  - { id: spend, window-aggregate: { module: shop/spend@1, window: { tumbling: 1m } } }
sink: { kafka: { topic: totals } }
";
    const NEW: &str = "
apiVersion: sluicebox/v1
job: spend
source: { kafka: { topic: orders, start: earliest }, watermark: { max_out_of_orderness: 9s } }
operators:
  - { id: enrich, map: { module: shop/enrich@1 } }
  - { id: spend, window-aggregate: { module: shop/spend@2, window: { tumbling: 1m } } }
sink: { kafka: { topic: totals-eur } }
";

    fn parse(text: &str) -> JobSpec {
        match JobSpec::parse(text, &|_| None) {
            Ok(spec) => spec,
            Err(problems) => panic!("{problems}"),
        }
    }

    #[test]
    fn what_changes_is_said_in_words_and_lines() {
        let digests = ["valid@1", "spend@1", "spend@2", "enrich@1"];
        let modules = digests.map(|m| (format!("shop/{m}"), format!("{m}{}", "0".repeat(57))));
        let modules = BTreeMap::from(modules);
        let (old, new) = (parse(OLD), parse(NEW));
        let side = |spec| Side {
            tenant: "shop",
            spec,
            modules: &modules,
        };
        insta::assert_snapshot!(meaning(side(&old), side(&new)).join("\n"), @"
        operator `enrich` (map) is new
        operator `spend`: module shop/spend@1 (spend@100000) becomes shop/spend@2 (spend@200000); its state is kept
        operator `valid` (filter) is removed
        it writes to `totals-eur` from now on
        it no longer writes to `totals`
        the watermark changes
        ");
        insta::assert_snapshot!(meaning(side(&new), side(&old)).join("\n"), @"
        operator `valid` (filter) is new
        operator `spend`: module shop/spend@2 (spend@200000) becomes shop/spend@1 (spend@100000); its state is kept
        operator `enrich` (map) is removed
        it writes to `totals` from now on
        it no longer writes to `totals-eur`
        the watermark changes
        ");
        // A module of one's own has the same name with and without its tenant.
        let short = parse(&OLD.replace("shop/", ""));
        assert_eq!(meaning(side(&old), side(&short)), [""; 0]);
        insta::assert_snapshot!(lines(OLD, NEW), @"
        @@ -1,8 +1,8 @@
         
         apiVersion: sluicebox/v1
         job: spend
        -source: { kafka: { topic: orders, start: earliest }, watermark: { max_out_of_orderness: 5s } }
        +source: { kafka: { topic: orders, start: earliest }, watermark: { max_out_of_orderness: 9s } }
         operators:
        -  - { id: valid, filter: { module: shop/valid@1 } }
        -  - { id: spend, window-aggregate: { module: shop/spend@1, window: { tumbling: 1m } } }
        -sink: { kafka: { topic: totals } }
        +  - { id: enrich, map: { module: shop/enrich@1 } }
        +  - { id: spend, window-aggregate: { module: shop/spend@2, window: { tumbling: 1m } } }
        +sink: { kafka: { topic: totals-eur } }
        ");
        assert!(meaning(side(&old), side(&old)).is_empty());
        assert_eq!(lines(OLD, OLD), "");
    }

    #[test]
    fn a_hard_comparison_ends() {
        let text = |seed: usize| -> String {
            let lines = (0..100_000).map(|i| format!("{}\n", (i * seed) % 9973 % 7));
            lines.collect()
        };
        assert!(!lines(&text(31), &text(57)).is_empty());
    }
}
