//! Records for tests: easy to write down, easy to look at.

use crate::packed::{Batch, Emitted, Row, SAME, push_field};
use crate::record::{Headers, push_header};
use serde_json::Value;

/// A record to feed in: from `"value"`, `("key", "value")`, a JSON [`Value`], or built with what else it needs.
#[derive(Clone, Debug, Default)]
pub struct Input {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<u8>,
    timestamp_ms: i64,
}

impl Input {
    /// A record of this value.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self {
            value: Some(value.into()),
            ..Self::default()
        }
    }

    /// A record with a null value.
    pub fn tombstone() -> Self {
        Self::default()
    }

    /// With this key.
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// With one more header.
    pub fn header<'h>(mut self, name: &str, value: impl Into<Option<&'h [u8]>>) -> Self {
        push_header(&mut self.headers, name.as_bytes(), value.into());
        self
    }

    /// At this event time.
    pub fn at_ms(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = timestamp_ms;
        self
    }
}

impl From<&str> for Input {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

impl From<(&str, &str)> for Input {
    fn from((key, value): (&str, &str)) -> Self {
        Self::new(value).key(key)
    }
}

impl From<Value> for Input {
    fn from(value: Value) -> Self {
        Self::new(value.to_string())
    }
}

impl From<(&str, Value)> for Input {
    fn from((key, value): (&str, Value)) -> Self {
        Self::new(value.to_string()).key(key)
    }
}

/// Pack as the host does.
pub(super) fn batch(records: impl IntoIterator<Item: Into<Input>>) -> Batch {
    let mut batch = Batch::default();
    for record in records {
        let record: Input = record.into();
        let headers = (!record.headers.is_empty()).then_some(record.headers.as_slice());
        for field in [record.key.as_deref(), record.value.as_deref(), headers] {
            let at = push_field(&mut batch.data, field);
            batch.index.extend_from_slice(&at);
        }
        batch.timestamps.push(record.timestamp_ms);
    }
    batch
}

/// A header: name and value.
pub type Header = (String, Option<Vec<u8>>);

/// An output with everything it has in the end, also what it took from its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputRecord {
    /// Its input row, or its group.
    pub parent: usize,
    /// Key; `None` is null.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<Header>,
    /// Event time in milliseconds.
    pub timestamp_ms: i64,
}

impl OutputRecord {
    /// The value as JSON; `Value::Null` if it is null or not JSON.
    pub fn json(&self) -> Value {
        let value = self.value.as_deref().unwrap_or_default();
        serde_json::from_slice(value).unwrap_or_default()
    }

    /// The value as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }
}

/// Unpack as the host does.
pub(super) fn unpack<'p>(
    done: &Emitted,
    parent: impl Fn(usize) -> Option<Row<'p>>,
) -> Vec<OutputRecord> {
    let mut outputs = Vec::new();
    let (index, _) = done.output.index.as_chunks::<6>();
    for (at, of) in index.iter().zip(&done.parents) {
        let parent_row = parent(*of as usize).unwrap_or_default();
        let field = |which: usize, parents: Option<&[u8]>| match (at[which * 2], at[which * 2 + 1])
        {
            (_, SAME) => parents.map(<[u8]>::to_vec),
            (_, crate::packed::NULL) => None,
            (offset, length) => {
                Some(done.output.data[offset as usize..][..length as usize].to_vec())
            }
        };
        let headers = field(2, parent_row.headers).unwrap_or_default();
        let header = |(name, value): (&[u8], Option<&[u8]>)| {
            (
                String::from_utf8_lossy(name).into_owned(),
                value.map(<[u8]>::to_vec),
            )
        };
        outputs.push(OutputRecord {
            parent: *of as usize,
            key: field(0, parent_row.key),
            value: field(1, parent_row.value),
            headers: Headers::of(&headers).map(header).collect(),
            timestamp_ms: parent_row.timestamp_ms,
        });
    }
    outputs
}
