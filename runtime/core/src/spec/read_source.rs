//! Reads what a job reads: its input, which time a record has, how far event time has come.

use super::cursor::Cursor;
use super::fields::Fields;
use super::limits::TIME_MS_MAX_DEFAULT;
use super::model::{Input, Source, StartSpec, WatermarkSpec};
use super::timestamp::{OnInvalid, TimestampFrom, TimestampPolicy};
use std::collections::BTreeMap;
use std::path::PathBuf;

const INPUTS: [&str; 3] = ["kafka", "file", "stdin"];
const KEYS: [&str; 6] = ["id", "kafka", "file", "stdin", "timestamp", "watermark"];
const DEFAULT_ID: &str = "source";

/// `source:`, or `sources:` with one element.
pub(super) fn source(fields: &Fields<'_>) -> Option<Source> {
    let (key, cursor) = match (fields.get("source"), fields.get("sources")) {
        (Some(one), None) => ("source", one),
        (None, Some(list)) => ("sources", list),
        (Some(_), Some(list)) => {
            return list.wrong("has both `source` and `sources`; only one can be");
        }
        (None, None) => {
            return fields.cursor.wrong_help(
                "`source` is missing",
                "say what the job reads, such as `source: { kafka: { topic: orders, start: earliest }, timestamp: record }`",
            );
        }
    };
    if key == "source" {
        return one(&cursor);
    }
    match cursor.list()?.as_slice() {
        [] => cursor.wrong("needs one source"),
        [only] => one(only),
        [_, second, ..] => second.wrong_help(
            "a job with several sources can't run yet",
            "split it into one job for each source; several jobs may write to one topic",
        ),
    }
}

fn one(cursor: &Cursor<'_>) -> Option<Source> {
    if cursor.as_text() == Some("stdin") {
        return Some(Source {
            id: DEFAULT_ID.to_owned(),
            input: Input::Stdin { key: None },
            timestamp: TIMESTAMP_DEFAULT,
            watermark: WATERMARK_DEFAULT,
        });
    }
    let fields = cursor.fields(&KEYS)?;
    let id = fields.or("id", DEFAULT_ID.to_owned(), |c| c.name());
    let input = fields
        .exactly_one(&INPUTS)
        .and_then(|(kind, c)| match kind {
            "kafka" => kafka(&c),
            "file" => file(&c),
            _ => Some(Input::Stdin {
                key: c.fields(&["key"])?.or("key", None, key)?,
            }),
        });
    let timestamp = fields.or("timestamp", TIMESTAMP_DEFAULT, |c| {
        let timestamp = timestamp(&c)?;
        let of_json = !matches!(input, Some(Input::Kafka { .. }) | None);
        match timestamp.from {
            TimestampFrom::Field(_) if input.is_some() && !of_json => c.wrong_help(
                "a Kafka record's time can't be taken from a field yet",
                "use `timestamp: record`, the time that the producer gave it",
            ),
            TimestampFrom::Record if of_json => c.wrong_help(
                "a line of JSON has no time of its own",
                "name the field that has it: `timestamp: { field: ts }`",
            ),
            _ => Some(timestamp),
        }
    });
    let watermark = fields.or("watermark", WATERMARK_DEFAULT, |c| watermark(&c));
    Some(Source {
        id: id?,
        input: input?,
        timestamp: timestamp?,
        watermark: watermark?,
    })
}

fn kafka(cursor: &Cursor<'_>) -> Option<Input> {
    let fields = cursor.fields(&["topic", "start"])?;
    let topic = fields
        .require("topic", "name the topic to read")
        .and_then(|c| c.topic());
    let start = fields
        .require(
            "start",
            "say where a new job begins: `earliest`, `latest`, `{ timestamp: 2026-01-31 }` or `{ offsets: { 0: 1200 } }`",
        )
        .and_then(|c| start(&c));
    Some(Input::Kafka {
        topic: topic?,
        start: start?,
    })
}

fn start(cursor: &Cursor<'_>) -> Option<StartSpec> {
    if let Some(word) = cursor.as_text() {
        return match word {
            "earliest" => Some(StartSpec::Earliest),
            "latest" => Some(StartSpec::Latest),
            _ => cursor.choice(&[("earliest", ()), ("latest", ())]).and(None),
        };
    }
    let fields = cursor.fields(&["timestamp", "offsets"])?;
    match fields.exactly_one(&["timestamp", "offsets"])? {
        ("timestamp", c) => c.time_ms().map(StartSpec::Timestamp),
        (_, c) => offsets(&c).map(StartSpec::Offsets),
    }
}

fn offsets(cursor: &Cursor<'_>) -> Option<BTreeMap<i32, i64>> {
    let mut offsets = BTreeMap::new();
    for (partition, offset) in cursor.entries()? {
        let Some(partition) = partition.parse::<i32>().ok().filter(|p| *p >= 0) else {
            return offset.wrong(format!("`{partition}` is no partition number"));
        };
        offsets.insert(partition, offset.integer(0..=i64::MAX)?);
    }
    match offsets.is_empty() {
        true => cursor.wrong("names no partition"),
        false => Some(offsets),
    }
}

fn file(cursor: &Cursor<'_>) -> Option<Input> {
    let fields = cursor.fields(&["path", "key"])?;
    let path = fields
        .require("path", "name the file to read")
        .and_then(|c| c.text())
        .map(PathBuf::from);
    let key = fields.or("key", None, key);
    Some(Input::File {
        path: path?,
        key: key?,
    })
}

fn key(cursor: Cursor<'_>) -> Option<Option<String>> {
    cursor.text().map(|key| Some(key.to_owned()))
}

const TIMESTAMP_DEFAULT: TimestampPolicy = TimestampPolicy {
    from: TimestampFrom::Record,
    min_ms: 0,
    max_ms: TIME_MS_MAX_DEFAULT,
    on_invalid: OnInvalid::Fail,
};

/// `record`, or a mapping.
fn timestamp(cursor: &Cursor<'_>) -> Option<TimestampPolicy> {
    if cursor.as_text().is_some() {
        cursor.choice(&[("record", ())])?;
        return Some(TIMESTAMP_DEFAULT);
    }
    let fields = cursor.fields(&["from", "field", "min", "max", "on_invalid"])?;
    let from = match (fields.get("from"), fields.get("field")) {
        (None, None) => Some(TimestampFrom::Record),
        (Some(c), None) => c.choice(&[("record", ())]).map(|()| TimestampFrom::Record),
        (None, Some(c)) => c.text().map(|f| TimestampFrom::Field(f.to_owned())),
        (Some(_), Some(c)) => c.wrong("has both `from` and `field`; only one can be"),
    };
    let min_ms = fields.or("min", TIMESTAMP_DEFAULT.min_ms, |c| c.time_ms());
    let max_ms = fields.or("max", TIMESTAMP_DEFAULT.max_ms, |c| c.time_ms());
    let on_invalid = fields.or("on_invalid", OnInvalid::Fail, |c| {
        c.choice(&[
            ("fail", OnInvalid::Fail),
            ("skip", OnInvalid::Skip),
            ("dead_letter", OnInvalid::DeadLetter),
            ("clamp", OnInvalid::Clamp),
        ])
    });
    if fields.any_unknown() {
        // Without the key that was misspelt, the rest would be judged wrongly.
        return None;
    }
    let policy = TimestampPolicy {
        from: from?,
        min_ms: min_ms?,
        max_ms: max_ms?,
        on_invalid: on_invalid?,
    };
    if policy.min_ms >= policy.max_ms {
        return cursor.wrong("`min` must be before `max`");
    }
    const YEAR_1: i64 = -62_135_596_800_000;
    const YEAR_10000: i64 = 253_402_300_800_000;
    if policy.min_ms < YEAR_1 || policy.max_ms > YEAR_10000 {
        return cursor.wrong("`min` and `max` must be in the years 1 to 9999");
    }
    Some(policy)
}

const WATERMARK_DEFAULT: WatermarkSpec = WatermarkSpec {
    max_out_of_orderness_ms: 0,
};

fn watermark(cursor: &Cursor<'_>) -> Option<WatermarkSpec> {
    let fields = cursor.fields(&["max_out_of_orderness"])?;
    let delay = fields.require(
        "max_out_of_orderness",
        "say how much later than its successors a record may come, such as `20s`",
    )?;
    Some(WatermarkSpec {
        max_out_of_orderness_ms: delay.duration_ms()?,
    })
}
