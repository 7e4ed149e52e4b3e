//! What holds between the parts of a spec, each of which is well-formed.

use super::cursor::Cursor;
use super::fields::Fields;
use super::model::{Input, JobSpec, OnError, OperatorKind, Source, Upstream};
use super::names::RESERVED_PREFIX;
use super::timestamp::{OnInvalid, TimestampFrom};

/// A topic that the job may write to.
pub(super) fn writable_topic(cursor: &Cursor<'_>, source: Option<&Source>) -> Option<String> {
    let topic = cursor.topic()?;
    if topic.starts_with(RESERVED_PREFIX) {
        return cursor.wrong_help(
            format!("topics that begin with `{RESERVED_PREFIX}` belong to sluicebox"),
            "choose another name",
        );
    }
    match source.map(|s| &s.input) {
        Some(Input::Kafka { topic: read, .. }) if *read == topic => cursor.wrong_help(
            format!("the job reads `{topic}`; writing to it would feed it its own output"),
            "write to another topic",
        ),
        _ => Some(topic),
    }
}

/// Check a spec whose parts are good.
pub(super) fn whole(fields: &Fields<'_>, spec: &JobSpec) -> Option<()> {
    let operators = fields
        .get("operators")
        .and_then(|c| c.list())
        .unwrap_or_default();
    let event_time = event_time(fields, spec);
    let dead_letter = dead_letter(fields, spec, &operators);
    let read = everything_is_read(spec, &operators);
    event_time.and(dead_letter).and(read)
}

/// Windows without a bound on disorder, or without times, would silently drop or mix rows.
fn event_time(fields: &Fields<'_>, spec: &JobSpec) -> Option<()> {
    let windowed = |kind: &OperatorKind| matches!(kind, OperatorKind::WindowAggregate { .. });
    let Some(operator) = spec.operators.iter().find(|o| windowed(&o.kind)) else {
        return Some(());
    };
    let source = fields.get("source").or_else(|| {
        let list = fields.get("sources")?.list()?;
        list.into_iter().next()
    })?;
    let has_watermark = source
        .is_mapping()
        .then(|| source.entries())
        .flatten()
        .is_some_and(|entries| entries.iter().any(|(key, _)| *key == "watermark"));
    let of_json = !matches!(spec.source.input, Input::Kafka { .. });
    if of_json && spec.source.timestamp.from == TimestampFrom::Record {
        return source.wrong_help(
            format!(
                "`{}` has windows, but a line of JSON has no time of its own",
                operator.id
            ),
            "name the field that has it: `timestamp: { field: ts }`",
        );
    }
    match has_watermark {
        true => Some(()),
        false => source.wrong_help(
            format!("`{}` has windows, so `watermark` can't be left out", operator.id),
            "say how much later than its successors a record may come: `watermark: { max_out_of_orderness: 20s }`",
        ),
    }
}

fn dead_letter(fields: &Fields<'_>, spec: &JobSpec, operators: &[Cursor<'_>]) -> Option<()> {
    if spec.dead_letter.is_some() {
        return Some(());
    }
    const HELP: &str = "name the topic: `dead_letter: { topic: ... }` at the top of the spec";
    if spec.source.timestamp.on_invalid == OnInvalid::DeadLetter {
        return fields.cursor.wrong_help(
            "`on_invalid: dead_letter` has no topic to send records to",
            HELP,
        );
    }
    let sends = |o: &super::Operator| o.on_error == OnError::DeadLetter;
    match spec.operators.iter().position(sends) {
        None => Some(()),
        Some(i) => operators.get(i)?.wrong_help(
            "`on_error: dead_letter` has no topic to send records to",
            HELP,
        ),
    }
}

/// An operator whose output nobody reads is a `from:` that was forgotten.
fn everything_is_read(spec: &JobSpec, operators: &[Cursor<'_>]) -> Option<()> {
    let readers = spec.operators.iter().map(|o| o.from);
    let readers: Vec<Upstream> = readers.chain(spec.sinks.iter().map(|s| s.from)).collect();
    let mut good = Some(());
    for (i, cursor) in operators.iter().enumerate() {
        if !readers.contains(&Upstream::Operator(i)) {
            let id = &spec.operators.get(i)?.id;
            good = cursor.wrong_help(
                format!("nothing reads what `{id}` puts out"),
                format!("add a sink or an operator with `from: {id}`, or remove it"),
            );
        }
    }
    good
}
