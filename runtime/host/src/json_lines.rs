//! Records as JSON lines.
//!
//! Two forms. *Bare*: a line is the record's value; key and time are fields of it that the spec names (sources `file` and
//! `stdin`, sinks `file` and `stdout`). *Whole*: a line is an object with `key`, `value`, `timestamp`, `partition`, `headers`
//! (`run --dev --input TOPIC=FILE`, and what `--dev` prints), so that what was printed can be fed in again. In it a value that
//! is JSON stands as it is, other text as a string, other bytes as `{"base16": "..."}`.

use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sluicebox_core::Batch;
use sluicebox_core::batch::{headers, push_header};
use sluicebox_core::log::SourceBatch;
use sluicebox_core::spec::parse_time_ms;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A record read from a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Partition, if the line names one.
    pub partition: Option<i32>,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value.
    pub value: Option<Vec<u8>>,
    /// Packed headers.
    pub headers: Vec<u8>,
    /// Event time in milliseconds; -1 where there is none.
    pub timestamp: i64,
}

/// A bare line. `key` and `time` are the fields to take them from; a line that is no JSON has neither.
pub fn bare(line: &str, key: Option<&str>, time: Option<&str>) -> Record {
    let parsed: Option<Value> = if key.is_some() || time.is_some() {
        serde_json::from_str(line).ok()
    } else {
        None
    };
    let field = |name: Option<&str>| parsed.as_ref()?.get(name?);
    Record {
        key: field(key).filter(|v| !v.is_null()).map(text_of),
        value: Some(line.as_bytes().to_vec()),
        timestamp: match time {
            None => 0,
            Some(_) => field(time).and_then(time_of).unwrap_or(-1),
        },
        ..Record::default()
    }
}

/// Text of a string, JSON of anything else.
fn text_of(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

fn time_of(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => parse_time_ms(text),
        _ => None,
    }
}

/// A whole line.
pub fn whole(line: &str) -> Result<Record, String> {
    let mut record = Record {
        timestamp: -1,
        ..Record::default()
    };
    for (name, value) in &fields(line)? {
        match name.as_ref() {
            "key" => record.key = bytes_of(value)?,
            "value" => record.value = bytes_of(value)?,
            "timestamp" => record.timestamp = timestamp(value)?,
            "partition" => record.partition = Some(partition(value)?),
            "headers" => record.headers = packed_headers(value)?,
            // Printed for people; where a record goes the command line says.
            "topic" | "offset" => {}
            other => {
                return Err(format!(
                    "unknown key `{other}`; there are key, value, timestamp, partition, headers"
                ));
            }
        }
    }
    Ok(record)
}

/// The fields of an object, each with the JSON that stands there.
pub fn fields(object: &str) -> Result<BTreeMap<Cow<'_, str>, &RawValue>, String> {
    serde_json::from_str(object).map_err(|error| match error.classify() {
        Category::Data => "expected an object with key, value and timestamp".to_owned(),
        _ => error.to_string(),
    })
}

/// Event time: a number of milliseconds, or a date.
pub fn timestamp(value: &RawValue) -> Result<i64, String> {
    let time = serde_json::from_str(value.get()).ok();
    let time = time.as_ref().and_then(time_of);
    time.ok_or_else(|| {
        "`timestamp` must be milliseconds since 1970 or like 2026-01-31T12:00:00Z".to_owned()
    })
}

/// Number of a partition.
pub fn partition(value: &RawValue) -> Result<i32, String> {
    serde_json::from_str(value.get()).map_err(|_| "`partition` must be a number".to_owned())
}

/// The bytes that a JSON value stands for: text of a string, nothing of null, those of `{"base16": ...}`, else the JSON itself.
pub fn bytes_of(value: &RawValue) -> Result<Option<Vec<u8>>, String> {
    let text = value.get();
    let parse = || serde_json::from_str(text).map_err(|error: serde_json::Error| error.to_string());
    match parse()? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.into_bytes())),
        Value::Object(object) if object.len() == 1 && object.contains_key("base16") => {
            base16(&object["base16"]).map(Some)
        }
        _ => Ok(Some(text.as_bytes().to_vec())),
    }
}

fn base16(digits: &Value) -> Result<Vec<u8>, String> {
    let digits = digits
        .as_str()
        .filter(|d| d.is_ascii() && d.len().is_multiple_of(2));
    let digits = digits.ok_or("`base16` must be a string with two digits a byte")?;
    let bytes = (0..digits.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&digits[i..i + 2], 16));
    let bytes: Result<_, _> = bytes.collect();
    bytes.map_err(|e| format!("`base16`: {e}"))
}

/// Packed headers of a list of names and values.
pub fn packed_headers(value: &RawValue) -> Result<Vec<u8>, String> {
    let list: Vec<&RawValue> = serde_json::from_str(value.get())
        .map_err(|_| "`headers` must be a list of [name, value]".to_owned())?;
    let mut packed = Vec::new();
    for header in list {
        let (name, value): (Cow<'_, str>, &RawValue) = serde_json::from_str(header.get())
            .map_err(|_| "a header must be [name, value]".to_owned())?;
        push_header(&mut packed, name.as_bytes(), bytes_of(value)?.as_deref());
    }
    Ok(packed)
}

/// Write rows bare.
pub fn write_bare(batch: &Batch, out: &mut Vec<u8>) {
    for row in 0..batch.len() {
        out.extend_from_slice(batch.value(row).unwrap_or(b"null"));
        out.push(b'\n');
    }
}

/// Write rows whole.
pub fn write_whole(topic: &str, source: &SourceBatch, out: &mut Vec<u8>) {
    for row in 0..source.batch.len() {
        let mut line = Line::default();
        line.field("topic", &json!(topic));
        line.field("partition", &json!(source.partition));
        line.field("offset", &json!(source.offsets[row]));
        line.field("timestamp", &json!(source.batch.timestamp(row)));
        line.bytes("key", source.batch.key(row));
        line.value("value", source.batch.value(row));
        if let Some(packed) = source.batch.headers(row) {
            line.headers("headers", headers(packed).flatten());
        }
        out.extend_from_slice(line.end().as_bytes());
        out.push(b'\n');
    }
}

/// A JSON object in one line, field by field.
#[derive(Debug, Default)]
pub struct Line(String);

impl Line {
    /// Any JSON.
    pub fn field(&mut self, name: &str, value: &Value) {
        self.raw(name, &value.to_string());
    }

    /// Bytes as a string where they are text.
    pub fn bytes(&mut self, name: &str, bytes: Option<&[u8]>) {
        self.field(name, &text_or_base16(bytes));
    }

    /// Bytes as the JSON that they are, unless that would not be read back as it was.
    pub fn value(&mut self, name: &str, bytes: Option<&[u8]>) {
        let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        match text.filter(|text| stands(text)) {
            Some(json) => self.raw(name, json),
            None => self.bytes(name, bytes),
        }
    }

    /// Headers as a list.
    pub fn headers<'h>(
        &mut self,
        name: &str,
        headers: impl Iterator<Item = (&'h [u8], Option<&'h [u8]>)>,
    ) {
        let list = headers
            .map(|(name, value)| json!([String::from_utf8_lossy(name), text_or_base16(value)]));
        self.field(name, &list.collect());
    }

    /// The line.
    pub fn end(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }

    fn raw(&mut self, name: &str, json: &str) {
        let before = if self.0.is_empty() { '{' } else { ',' };
        self.0.push(before);
        self.0.push_str(&json!(name).to_string());
        self.0.push(':');
        self.0.push_str(json);
    }
}

/// A record's text stands as it is in a line where it is read back as the same bytes: JSON that is neither string, null nor
/// `{"base16": ...}`, in one line and without space around it.
fn stands(text: &str) -> bool {
    let begins = |c: char| c == '{' || c == '[' || c == '-' || c.is_ascii_digit();
    let candidate = text.starts_with(begins) && !text.contains(['\n', '\r']);
    candidate
        && serde_json::from_str::<&RawValue>(text).is_ok_and(|raw| {
            raw.get() == text
                && bytes_of(raw).is_ok_and(|bytes| bytes.as_deref() == Some(text.as_bytes()))
        })
}

fn text_or_base16(bytes: Option<&[u8]>) -> Value {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => Value::Null,
        Some((_, Ok(text))) => Value::String(text.to_owned()),
        Some((bytes, Err(_))) => {
            json!({ "base16": bytes.iter().map(|b| format!("{b:02x}")).collect::<String>() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_lines_take_key_and_time_from_their_fields() {
        let record = bare(
            r#"{"user":"ann","at":"1970-01-01T00:00:01Z","n":1}"#,
            Some("user"),
            Some("at"),
        );
        assert_eq!(
            (record.key.as_deref(), record.timestamp),
            (Some(&b"ann"[..]), 1000)
        );
        let broken = bare("no json", Some("user"), Some("at"));
        assert_eq!(
            (broken.key, broken.timestamp, broken.value),
            (None, -1, Some(b"no json".to_vec()))
        );
    }

    #[test]
    fn what_is_printed_can_be_fed_in_again() {
        let mut batch = Batch::default();
        let mut packed = Vec::new();
        push_header(&mut packed, b"trace", Some(b"\xff\x00"));
        push_header(&mut packed, b"none", None);
        batch.push(Some(b"k"), Some(br#"{"n":1}"#), Some(&packed), 5);
        batch.push(None, Some(b"plain text"), None, -1);
        batch.push(Some(b"\xfe"), None, None, 7);
        for odd in [
            r#"{"z": 1.0, "a":1e2,"a":2}"#,
            r#"{"base16":"00"}"#,
            " {}",
            "{}\n",
            "null",
            "1.0",
            r#""a""#,
            "truex",
        ] {
            batch.push(None, Some(odd.as_bytes()), None, 8);
        }
        let source = SourceBatch {
            partition: 2,
            offsets: (4..4 + batch.len() as i64).collect(),
            batch,
            ..SourceBatch::default()
        };
        let mut out = Vec::new();
        write_whole("t", &source, &mut out);
        let text = String::from_utf8(out).unwrap();
        for (row, line) in text.lines().enumerate() {
            let record = whole(line).unwrap();
            assert_eq!(record.key.as_deref(), source.batch.key(row));
            assert_eq!(record.value.as_deref(), source.batch.value(row));
            assert_eq!(
                record.headers,
                source.batch.headers(row).unwrap_or_default()
            );
            assert_eq!(
                (record.timestamp, record.partition),
                (source.batch.timestamp(row), Some(2))
            );
        }
    }

    #[test]
    fn a_wrong_line_says_what_is_expected() {
        assert!(whole("[1]").unwrap_err().contains("object with key"));
        assert!(
            whole(r#"{"kay":1}"#)
                .unwrap_err()
                .contains("unknown key `kay`")
        );
    }
}
