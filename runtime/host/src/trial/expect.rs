//! What came out beside what was expected, record by record.

use super::round::Output;
use crate::json_lines::Line;
use serde_json::{Value, json};
use sluicebox_core::batch::headers;

/// Before the names of the headers that say why a record is a dead letter.
const OURS: &[u8] = b"sluicebox-";
const ERROR: &[u8] = b"sluicebox-error";
/// Most pairs of records that are compared to find which are the same; beyond it the first difference is told.
const PAIRS_MAX: usize = 4_000_000;

/// An expected record: what is not given is not compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected {
    /// Topic; the sink's where there is one sink.
    pub topic: Option<String>,
    /// Partition of the topic.
    pub partition: Option<i32>,
    /// Key, which may be null.
    pub key: Option<Option<Vec<u8>>>,
    /// Value.
    pub value: Option<Wanted>,
    /// Event time in milliseconds.
    pub timestamp: Option<i64>,
    /// Packed headers, without those of a dead letter.
    pub headers: Option<Vec<u8>>,
    /// Part of the reason in a dead letter.
    pub error: Option<String>,
}

/// An expected value.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// A tombstone.
    Null,
    /// These bytes.
    Bytes(Vec<u8>),
    /// The same JSON, however it is written; and how it is written here.
    Json(Value, Vec<u8>),
}

impl Wanted {
    fn is(&self, value: Option<&[u8]>) -> bool {
        match (self, value) {
            (Self::Null, None) => true,
            (Self::Bytes(bytes), Some(value)) => bytes == value,
            (Self::Json(json, bytes), Some(value)) => {
                bytes == value || serde_json::from_slice::<Value>(value).is_ok_and(|v| v == *json)
            }
            _ => false,
        }
    }
}

impl Expected {
    /// Whether a record that went to this topic is this one.
    pub fn is(&self, output: &Output) -> bool {
        let same_headers = |packed: &Vec<u8>| own_headers(output).eq(headers(packed).flatten());
        self.partition.is_none_or(|p| p == output.partition)
            && self.key.as_ref().is_none_or(|key| *key == output.key)
            && self
                .value
                .as_ref()
                .is_none_or(|value| value.is(output.value.as_deref()))
            && self.timestamp.is_none_or(|t| t == output.timestamp)
            && self.headers.as_ref().is_none_or(same_headers)
            && self
                .error
                .as_ref()
                .is_none_or(|error| reason(output).is_some_and(|r| r.contains(error)))
    }

    /// As it stands in a case.
    pub fn line(&self) -> String {
        let mut line = Line::default();
        self.topic
            .iter()
            .for_each(|topic| line.field("topic", &json!(topic)));
        self.partition
            .iter()
            .for_each(|p| line.field("partition", &json!(p)));
        self.key
            .iter()
            .for_each(|key| line.bytes("key", key.as_deref()));
        match &self.value {
            None => {}
            Some(Wanted::Null) => line.field("value", &Value::Null),
            Some(Wanted::Bytes(bytes)) => line.bytes("value", Some(bytes)),
            Some(Wanted::Json(_, bytes)) => line.value("value", Some(bytes)),
        }
        self.timestamp
            .iter()
            .for_each(|t| line.field("timestamp", &json!(t)));
        self.headers
            .iter()
            .for_each(|packed| line.headers("headers", headers(packed).flatten()));
        self.error
            .iter()
            .for_each(|error| line.field("error", &json!(error)));
        line.end()
    }
}

/// An output as a case may expect it. `topic` where it is not the only sink's.
pub fn line_of(output: &Output, topic: Option<&str>) -> String {
    let mut line = Line::default();
    topic
        .iter()
        .for_each(|topic| line.field("topic", &json!(topic)));
    line.bytes("key", output.key.as_deref());
    line.value("value", output.value.as_deref());
    line.field("timestamp", &json!(output.timestamp));
    if own_headers(output).next().is_some() {
        line.headers("headers", own_headers(output));
    }
    reason(output)
        .iter()
        .for_each(|error| line.field("error", &json!(error)));
    line.end()
}

fn own_headers(output: &Output) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    headers(&output.headers)
        .flatten()
        .filter(|(name, _)| !name.starts_with(OURS))
}

/// Why a dead letter is one.
pub fn reason(output: &Output) -> Option<String> {
    let ours = headers(&output.headers)
        .flatten()
        .filter(|(name, _)| *name == ERROR);
    let (_, text) = ours.last()?;
    text.map(|text| String::from_utf8_lossy(text).into_owned())
}

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Expected, and there.
    Same(String),
    /// Expected, and not there.
    Missing(String),
    /// There, and not expected.
    Surplus(String),
}

/// Compare the outputs of one topic. Nothing: they are as expected.
pub fn compare(
    expected: &[&Expected],
    outputs: &[&Output],
    topic: Option<&str>,
) -> Option<Vec<Change>> {
    let same = |e: usize, o: usize| expected[e].is(outputs[o]);
    let all = expected.len() == outputs.len() && (0..outputs.len()).all(|i| same(i, i));
    if all {
        return None;
    }
    let head = (0..expected.len().min(outputs.len()))
        .take_while(|i| same(*i, *i))
        .count();
    let pairs = pairs(expected.len() - head, outputs.len() - head, &|e, o| {
        same(head + e, head + o)
    });
    let missing = |e: usize| Change::Missing(expected[e].line());
    let surplus = |o: usize| Change::Surplus(line_of(outputs[o], topic));
    let mut changes: Vec<Change> = (0..head)
        .map(|o| Change::Same(line_of(outputs[o], topic)))
        .collect();
    let (mut e, mut o) = (head, head);
    for (next_e, next_o) in pairs {
        changes.extend((e..head + next_e).map(missing));
        changes.extend((o..head + next_o).map(surplus));
        (e, o) = (head + next_e, head + next_o);
        changes.push(Change::Same(line_of(outputs[o], topic)));
        (e, o) = (e + 1, o + 1);
    }
    changes.extend((e..expected.len()).map(missing));
    changes.extend((o..outputs.len()).map(surplus));
    Some(changes)
}

/// Longest common subsequence: which of the expected is which of the outputs.
fn pairs(
    expected: usize,
    outputs: usize,
    same: &dyn Fn(usize, usize) -> bool,
) -> Vec<(usize, usize)> {
    if expected.saturating_mul(outputs) > PAIRS_MAX {
        return Vec::new();
    }
    let width = outputs + 1;
    let mut length = vec![0u32; (expected + 1) * width];
    for e in (0..expected).rev() {
        for o in (0..outputs).rev() {
            length[e * width + o] = match same(e, o) {
                true => length[(e + 1) * width + o + 1] + 1,
                false => length[(e + 1) * width + o].max(length[e * width + o + 1]),
            };
        }
    }
    let mut pairs = Vec::new();
    let (mut e, mut o) = (0, 0);
    while e < expected && o < outputs {
        if same(e, o) {
            pairs.push((e, o));
            (e, o) = (e + 1, o + 1);
        } else if length[(e + 1) * width + o] >= length[e * width + o + 1] {
            e += 1;
        } else {
            o += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(value: &str) -> Output {
        Output {
            value: Some(value.as_bytes().to_vec()),
            ..Output::default()
        }
    }

    fn expected(value: &str) -> Expected {
        Expected {
            value: Some(match serde_json::from_str(value) {
                Ok(json) => Wanted::Json(json, value.as_bytes().to_vec()),
                Err(_) => Wanted::Bytes(value.as_bytes().to_vec()),
            }),
            ..Expected::default()
        }
    }

    fn shown(wanted: &[&str], got: &[&str]) -> Option<String> {
        let wanted: Vec<Expected> = wanted.iter().map(|v| expected(v)).collect();
        let got: Vec<Output> = got.iter().map(|v| output(v)).collect();
        let changes = compare(
            &wanted.iter().collect::<Vec<_>>(),
            &got.iter().collect::<Vec<_>>(),
            None,
        )?;
        let lines = changes.into_iter().map(|change| match change {
            Change::Same(_) => "=".to_owned(),
            Change::Missing(line) => format!("-{line}"),
            Change::Surplus(line) => format!("+{line}"),
        });
        Some(lines.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn json_is_the_same_however_it_is_written_and_text_is_not() {
        assert_eq!(
            shown(&["{\"a\":1,\"b\":2}"], &["{\"b\": 2, \"a\": 1}"]),
            None
        );
        assert!(shown(&["text"], &["text "]).is_some());
        assert!(shown(&["1"], &["2"]).is_some());
    }

    #[test]
    fn what_is_the_same_stays_and_the_rest_is_told() {
        let told = shown(&["1", "2", "3", "4"], &["1", "3", "5", "4"]).unwrap();
        let record = |v| format!("{{\"key\":null,\"value\":{v},\"timestamp\":0}}");
        assert_eq!(told, format!("= -{{\"value\":2}} = +{} =", record(5)));
    }

    #[test]
    fn only_what_is_given_is_compared() {
        let mut wanted = Expected::default();
        let mut got = output("x");
        got.key = Some(b"k".to_vec());
        assert!(wanted.is(&got));
        wanted.key = Some(None);
        assert!(!wanted.is(&got));
        let mut packed = Vec::new();
        sluicebox_core::batch::push_header(&mut packed, b"a", None);
        wanted = Expected {
            headers: Some(packed.clone()),
            ..Expected::default()
        };
        assert!(!wanted.is(&got));
        got.headers = packed;
        sluicebox_core::batch::push_header(&mut got.headers, ERROR, Some(b"no rate for XXX"));
        assert!(wanted.is(&got));
        wanted.error = Some("no rate".to_owned());
        assert!(wanted.is(&got));
        wanted.headers = Some(Vec::new());
        assert!(!wanted.is(&got));
    }
}
