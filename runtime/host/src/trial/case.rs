//! A case: JSON lines that are records, steps of event time, and what is expected of them. Docs: `docs/test.md`.

use super::expect::{Expected, Wanted};
use crate::json_lines::{self, Record, bytes_of, packed_headers};
use serde_json::Value;
use serde_json::value::RawValue;

const STEPS: &str = "a record (`key`, `value`, `timestamp`, ...), `watermark`, `end`, `expect`, or, as the first line, `operator` and `source`";

/// What a case does, in order.
#[derive(Debug, Default)]
pub struct Case {
    /// How the module is used: the operator as in a job spec, without `id` and `module`.
    pub operator: Option<Value>,
    /// `timestamp` and `watermark` of the source as in a job spec.
    pub source: Option<Value>,
    /// The steps.
    pub steps: Vec<Step>,
    /// Line of each group of expectations: its first, and all.
    pub groups: Vec<Vec<usize>>,
    /// Number of lines.
    pub lines: usize,
}

/// One step.
#[derive(Debug)]
pub struct Step {
    /// Its line, from 1.
    pub line: usize,
    /// What happens.
    pub what: What,
}

/// What happens in a step.
#[derive(Debug)]
pub enum What {
    /// A record comes. It has a time: its own, or that of the record before.
    Record(Record),
    /// Event time comes to this point, in one partition or in all that have had records.
    Watermark(Option<i32>, i64),
    /// The input ends.
    End,
    /// All outputs since the last look must be these.
    Expect(Vec<Expected>),
}

/// A line that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Unreadable {
    /// Its number, from 1.
    pub line: usize,
    /// Why.
    pub why: String,
}

impl Case {
    /// Read a file. Empty lines and those that begin with `#` say nothing.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut case = Self::default();
        let mut timestamp = 0;
        let mut in_group = false;
        for (line, text) in (1..).zip(text.lines()) {
            case.lines = line;
            if is_silent(text) {
                continue;
            }
            let first = case.steps.is_empty() && case.operator.is_none() && case.source.is_none();
            let fail = |why| Unreadable { line, why };
            match read(text, timestamp).map_err(fail)? {
                Read::Header(operator, source) if first => {
                    (case.operator, case.source) = (operator, source);
                }
                Read::Header(..) => {
                    return Err(fail(
                        "`operator` and `source` stand in the first line".into(),
                    ));
                }
                Read::Step(What::Expect(more)) => {
                    case.expect(line, more, in_group);
                    in_group = true;
                    continue;
                }
                Read::Step(what) => {
                    if let What::Record(record) = &what {
                        timestamp = record.timestamp;
                    }
                    case.after_the_end(&what).map_err(fail)?;
                    case.steps.push(Step { line, what });
                }
            }
            in_group = false;
        }
        Ok(case)
    }

    /// Expectations in lines that follow each other are one.
    fn expect(&mut self, line: usize, more: Vec<Expected>, in_group: bool) {
        if let (
            true,
            Some(Step {
                what: What::Expect(list),
                ..
            }),
        ) = (in_group, self.steps.last_mut())
        {
            list.extend(more);
            if let Some(lines) = self.groups.last_mut() {
                lines.push(line);
            }
            return;
        }
        let what = What::Expect(more);
        self.steps.push(Step { line, what });
        self.groups.push(vec![line]);
    }

    fn after_the_end(&self, what: &What) -> Result<(), String> {
        let ended = self.steps.iter().any(|step| matches!(step.what, What::End));
        match ended && !matches!(what, What::Expect(_)) {
            true => Err("the input has ended before this line".to_owned()),
            false => Ok(()),
        }
    }

    /// The records, with their lines.
    pub fn records(&self) -> impl Iterator<Item = (usize, &Record)> {
        self.steps.iter().filter_map(|step| match &step.what {
            What::Record(record) => Some((step.line, record)),
            _ => None,
        })
    }
}

/// Whether a line says nothing.
pub fn is_silent(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

enum Read {
    Header(Option<Value>, Option<Value>),
    Step(What),
}

fn read(text: &str, timestamp: i64) -> Result<Read, String> {
    let fields = json_lines::fields(text)?;
    let only = |names: &[&str]| match fields.keys().find(|key| !names.contains(&key.as_ref())) {
        Some(other) => Err(format!("unknown key `{other}` beside `{}`", names[0])),
        None => Ok(()),
    };
    let field = |name: &str| fields.get(name).copied();
    if field("operator").is_some() || field("source").is_some() {
        only(&["operator", "source"])?;
        return Ok(Read::Header(
            field("operator").map(json).transpose()?,
            field("source").map(json).transpose()?,
        ));
    }
    let what = if let Some(expected) = field("expect") {
        only(&["expect"])?;
        What::Expect(expectations(expected)?)
    } else if let Some(to) = field("watermark") {
        only(&["watermark", "partition"])?;
        let partition = field("partition").map(json_lines::partition).transpose()?;
        let to =
            json_lines::timestamp(to).map_err(|why| why.replace("`timestamp`", "`watermark`"))?;
        What::Watermark(partition, to)
    } else if let Some(end) = field("end") {
        only(&["end"])?;
        match end.get() {
            "true" => What::End,
            _ => return Err("write `{\"end\": true}`".to_owned()),
        }
    } else if ["key", "value", "timestamp"]
        .iter()
        .any(|name| field(name).is_some())
    {
        let mut record = json_lines::whole(text)?;
        if field("timestamp").is_none() {
            record.timestamp = timestamp;
        }
        if record
            .partition
            .is_some_and(|partition| !(0..1024).contains(&partition))
        {
            return Err("`partition` must be 0 to 1023".to_owned());
        }
        What::Record(record)
    } else {
        return Err(format!("this is no step: write {STEPS}"));
    };
    Ok(Read::Step(what))
}

fn json(value: &RawValue) -> Result<Value, String> {
    serde_json::from_str(value.get()).map_err(|error| error.to_string())
}

/// One, or a list.
fn expectations(value: &RawValue) -> Result<Vec<Expected>, String> {
    if !value.get().starts_with('[') {
        return Ok(vec![expected(value)?]);
    }
    let list: Vec<&RawValue> =
        serde_json::from_str(value.get()).map_err(|error| error.to_string())?;
    list.into_iter().map(expected).collect()
}

fn expected(value: &RawValue) -> Result<Expected, String> {
    let mut expected = Expected::default();
    let text = |value: &RawValue| match json(value)? {
        Value::String(text) => Ok(text),
        _ => Err("`topic` and `error` must be strings".to_owned()),
    };
    let fields = json_lines::fields(value.get())
        .map_err(|_| "`expect` takes a record, or a list of records".to_owned())?;
    for (name, value) in fields {
        match name.as_ref() {
            "topic" => expected.topic = Some(text(value)?),
            "partition" => expected.partition = Some(json_lines::partition(value)?),
            "key" => expected.key = Some(bytes_of(value)?),
            "value" => expected.value = Some(wanted(value)?),
            "timestamp" => expected.timestamp = Some(json_lines::timestamp(value)?),
            "headers" => expected.headers = Some(packed_headers(value)?),
            "error" => expected.error = Some(text(value)?),
            other => {
                return Err(format!(
                    "unknown key `{other}` in `expect`; there are topic, partition, key, value, timestamp, headers, error"
                ));
            }
        }
    }
    Ok(expected)
}

/// JSON is compared as JSON, a string byte for byte.
fn wanted(value: &RawValue) -> Result<Wanted, String> {
    let bytes = bytes_of(value)?;
    let stands_for_itself = bytes.as_deref() == Some(value.get().as_bytes());
    Ok(match bytes {
        None => Wanted::Null,
        Some(bytes) if stands_for_itself => Wanted::Json(json(value)?, bytes),
        Some(bytes) => Wanted::Bytes(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_in_order_with_their_lines() {
        let case = Case::parse(concat!(
            "# orders of two users\n",
            "{\"operator\": {\"filter\": {}}}\n\n",
            "{\"value\": {\"a\": 1.0}, \"timestamp\": 7}\n",
            "{\"value\": \"text\", \"partition\": 2}\n",
            "{\"expect\": {\"value\": 1}}\n",
            "# a remark\n",
            "{\"expect\": [{\"key\": null}, {\"error\": \"no\"}]}\n",
            "{\"watermark\": \"1970-01-01T00:01:00Z\"}\n",
            "{\"end\": true}\n",
            "{\"expect\": []}\n",
        ))
        .unwrap();
        let lines: Vec<usize> = case.steps.iter().map(|step| step.line).collect();
        assert_eq!(lines, [4, 5, 6, 9, 10, 11]);
        assert_eq!(case.groups, [vec![6, 8], vec![11]]);
        let times: Vec<i64> = case.records().map(|(_, record)| record.timestamp).collect();
        assert_eq!(times, [7, 7]);
        assert!(matches!(case.steps[3].what, What::Watermark(None, 60_000)));
        assert!(matches!(&case.steps[2].what, What::Expect(list) if list.len() == 3));
    }

    #[test]
    fn a_wrong_line_is_named_with_what_is_wrong() {
        let wrong = [
            "[1]",
            "{\"valeu\": 1}",
            "{\"expect\": {\"valeu\": 1}}",
            "{\"expect\": 1}",
            "{\"watermark\": true}",
            "{\"end\": 1}",
            "{\"end\": true}\n{\"value\": 1}",
            "{\"value\": 1}\n{\"operator\": {}}",
            "{\"value\": 1, \"expect\": []}",
            "{\"value\": 1, \"partition\": -1}",
            "{\"value\": ",
        ];
        let said = wrong.map(|text| Case::parse(text).unwrap_err().to_string());
        insta::assert_snapshot!(said.join("\n"));
    }
}
