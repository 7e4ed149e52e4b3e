//! Reads where a job writes to.

use super::check::writable_topic;
use super::cursor::Cursor;
use super::fields::Fields;
use super::limits::SINKS_MAX;
use super::model::{Input, Operator, Output, Sink, Source};
use super::read_operators::{previous, upstream};
use std::path::PathBuf;

const OUTPUTS: [&str; 3] = ["kafka", "stdout", "file"];
const KEYS: [&str; 5] = ["id", "from", "kafka", "stdout", "file"];

/// `sink:`, or `sinks:` with ids. `operators` is `None` where they are wrong: then `from:` can't be judged.
pub(super) fn sinks(
    fields: &Fields<'_>,
    source: Option<&Source>,
    operators: Option<&[Operator]>,
) -> Option<Vec<Sink>> {
    let ids = operators.map(|list| list.iter().map(|o| Some(o.id.clone())).collect::<Vec<_>>());
    let known = Known {
        source,
        operators: ids.as_deref(),
    };
    match (fields.get("sink"), fields.get("sinks")) {
        (Some(one), None) => Some(vec![sink(&one, Some("sink"), &known)?]),
        (None, Some(list)) => several(&list, &known),
        (Some(_), Some(list)) => list.wrong("has both `sink` and `sinks`; only one can be"),
        (None, None) => fields.cursor.wrong_help(
            "`sink` is missing",
            "say where results go, such as `sink: { kafka: { topic: spend } }` or `sink: stdout`",
        ),
    }
}

struct Known<'a> {
    source: Option<&'a Source>,
    operators: Option<&'a [Option<String>]>,
}

fn several(cursor: &Cursor<'_>, known: &Known<'_>) -> Option<Vec<Sink>> {
    let list = cursor.list()?;
    if list.is_empty() || list.len() > SINKS_MAX {
        return cursor.wrong(format!("a job has 1 to {SINKS_MAX} sinks"));
    }
    let read: Vec<_> = list.iter().map(|c| sink(c, None, known)).collect();
    let sinks = read.into_iter().collect::<Option<Vec<Sink>>>()?;
    for (i, sink) in sinks.iter().enumerate() {
        if sinks[..i].iter().any(|other| other.id == sink.id) {
            return list[i].wrong(format!("another sink has the id `{}` already", sink.id));
        }
    }
    Some(sinks)
}

/// A sink; without `default_id` it must have an id.
fn sink(cursor: &Cursor<'_>, default_id: Option<&str>, known: &Known<'_>) -> Option<Sink> {
    let last = previous(known.operators.map_or(0, <[_]>::len));
    if let (Some("stdout"), Some(id)) = (cursor.as_text(), default_id) {
        return Some(Sink {
            id: id.to_owned(),
            from: last,
            output: Output::Stdout,
        });
    }
    let fields = cursor.fields(&KEYS)?;
    let id = match (fields.get("id"), default_id) {
        (Some(c), _) => c.name(),
        (None, Some(id)) => Some(id.to_owned()),
        (None, None) => fields
            .require("id", "each of several sinks has an id")
            .and_then(|c| c.name()),
    };
    let from = match (fields.get("from"), known.operators) {
        (Some(c), Some(operators)) => {
            upstream(&c, operators, &[], known.source.map(|s| s.id.as_str()))
        }
        _ => Some(last),
    };
    let output = fields
        .exactly_one(&OUTPUTS)
        .and_then(|(kind, c)| output(kind, &c, known.source));
    Some(Sink {
        id: id?,
        from: from?,
        output: output?,
    })
}

fn output(kind: &str, cursor: &Cursor<'_>, source: Option<&Source>) -> Option<Output> {
    match kind {
        "kafka" => {
            let fields = cursor.fields(&["topic"])?;
            let topic = fields.require("topic", "name the topic to write to")?;
            Some(Output::Kafka {
                topic: writable_topic(&topic, source)?,
            })
        }
        "file" => {
            let fields = cursor.fields(&["path"])?;
            let cursor = fields.require("path", "name the file to write")?;
            let path = PathBuf::from(cursor.text()?);
            match source.map(|s| &s.input) {
                Some(Input::File { path: read, .. }) if *read == path => {
                    cursor.wrong("this file is what the job reads; write to another one")
                }
                _ => Some(Output::File { path }),
            }
        }
        _ => {
            cursor.fields(&[])?;
            Some(Output::Stdout)
        }
    }
}
