//! Records as JSON lines.
//!
//! Two forms. *Bare*: a line is the record's value; key and time are fields of it that the spec names (sources `file` and
//! `stdin`, sinks `file` and `stdout`). *Whole*: a line is an object with `key`, `value`, `timestamp`, `partition`, `headers`
//! (`run --dev --input TOPIC=FILE`, and what `--dev` prints), so that what was printed can be fed in again. In it a value that
//! is JSON stands as it is, other text as a string, other bytes as `{"base16": "..."}`.

use serde_json::{Map, Value, json};
use sluicebox_core::Batch;
use sluicebox_core::batch::{headers, push_header};
use sluicebox_core::log::SourceBatch;
use sluicebox_core::spec::parse_time_ms;

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
    let value: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let Value::Object(object) = value else {
        return Err("expected an object with key, value and timestamp".to_owned());
    };
    let mut record = Record {
        timestamp: -1,
        ..Record::default()
    };
    for (name, value) in &object {
        match name.as_str() {
            "key" => record.key = bytes_of(value)?,
            "value" => record.value = bytes_of(value)?,
            "timestamp" => {
                record.timestamp = time_of(value).ok_or(
                    "`timestamp` must be milliseconds since 1970 or like 2026-01-31T12:00:00Z",
                )?;
            }
            "partition" => {
                let number = value.as_i64().and_then(|n| i32::try_from(n).ok());
                record.partition = Some(number.ok_or("`partition` must be a number")?);
            }
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

fn bytes_of(value: &Value) -> Result<Option<Vec<u8>>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Object(object) if object.len() == 1 && object.contains_key("base16") => {
            let digits = object["base16"]
                .as_str()
                .filter(|d| d.is_ascii() && d.len().is_multiple_of(2));
            let digits = digits.ok_or("`base16` must be a string with two digits a byte")?;
            let bytes = (0..digits.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&digits[i..i + 2], 16));
            bytes
                .collect::<Result<_, _>>()
                .map(Some)
                .map_err(|e| format!("`base16`: {e}"))
        }
        other => Ok(Some(text_of(other))),
    }
}

fn packed_headers(value: &Value) -> Result<Vec<u8>, String> {
    let mut packed = Vec::new();
    let list = value
        .as_array()
        .ok_or("`headers` must be a list of [name, value]")?;
    for header in list {
        match header.as_array().map(Vec::as_slice) {
            Some([Value::String(name), value]) => {
                push_header(&mut packed, name.as_bytes(), bytes_of(value)?.as_deref())
            }
            _ => return Err("a header must be [name, value]".to_owned()),
        }
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
        let mut line = Map::new();
        line.insert("topic".to_owned(), json!(topic));
        line.insert("partition".to_owned(), json!(source.partition));
        line.insert("offset".to_owned(), json!(source.offsets[row]));
        line.insert("timestamp".to_owned(), json!(source.batch.timestamp(row)));
        line.insert("key".to_owned(), json_of(source.batch.key(row), false));
        line.insert("value".to_owned(), json_of(source.batch.value(row), true));
        if let Some(packed) = source.batch.headers(row) {
            let list = headers(packed)
                .flatten()
                .map(|(name, value)| json!([String::from_utf8_lossy(name), json_of(value, false)]));
            line.insert("headers".to_owned(), list.collect());
        }
        out.extend_from_slice(Value::Object(line).to_string().as_bytes());
        out.push(b'\n');
    }
}

/// `parse`: what is JSON stands as JSON, unless that would read back differently (a string, null, other spacing).
fn json_of(bytes: Option<&[u8]>, parse: bool) -> Value {
    let Some(bytes) = bytes else {
        return Value::Null;
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let json = if parse {
                serde_json::from_str::<Value>(text).ok()
            } else {
                None
            };
            match json {
                Some(json @ (Value::Object(_) | Value::Array(_) | Value::Number(_))) => json,
                _ => Value::String(text.to_owned()),
            }
        }
        Err(_) => json!({ "base16": bytes.iter().map(|b| format!("{b:02x}")).collect::<String>() }),
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
        let source = SourceBatch {
            partition: 2,
            offsets: vec![4, 5, 9],
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
