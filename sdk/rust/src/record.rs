//! What a function can take: a value, a value with its record around it, or a closed window.

use crate::codec::{Decode, Raw};
use crate::packed::{NULL, Row};

/// A value with its record's key, headers and timestamp.
#[derive(Clone, Debug)]
pub struct Record<'a, V = Raw<'a>> {
    value: V,
    row: Row<'a>,
}

impl<'a, V> Record<'a, V> {
    /// A record with this value and nothing else, for unit tests.
    pub fn new(value: V) -> Self {
        let row = Row::default();
        Self { value, row }
    }

    /// The same with this key, for unit tests.
    pub fn with_key(mut self, key: &'a [u8]) -> Self {
        self.row.key = Some(key);
        self
    }

    /// The same at this event time, for unit tests.
    pub fn with_timestamp_ms(mut self, timestamp_ms: i64) -> Self {
        self.row.timestamp_ms = timestamp_ms;
        self
    }

    /// The value.
    pub fn value(&self) -> &V {
        &self.value
    }

    /// The value, owned.
    pub fn into_value(self) -> V {
        self.value
    }

    /// The key; `None` is null.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.row.key
    }

    /// Event time in milliseconds since 1970.
    pub fn timestamp_ms(&self) -> i64 {
        self.row.timestamp_ms
    }

    /// Headers in order; names may repeat, a value may be null.
    pub fn headers(&self) -> Headers<'a> {
        Headers(self.row.headers.unwrap_or_default())
    }

    /// Value of the last header of this name, as Kafka's clients choose it; `None` if there is none or it is null.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        let of_name = self.headers().filter(|(n, _)| *n == name.as_bytes());
        of_name.last().and_then(|(_, value)| value)
    }
}

/// A type that a UDF's function may take as its first argument: a value ([`Decode`]) or a [`Record`] of one.
#[diagnostic::on_unimplemented(
    message = "a UDF can't take `{Self}`",
    note = "take a type that derives `serde::Deserialize` (JSON), `sluicebox_udf::Raw` (bytes), your own `sluicebox_udf::Decode`, or a `Record` of one of them"
)]
pub trait FromRecord<'a>: Sized {
    /// Read it from a row. The error becomes the row's error.
    fn from_record(row: Row<'a>) -> Result<Self, String>;
}

impl<'a, V: Decode<'a>> FromRecord<'a> for V {
    #[inline]
    fn from_record(row: Row<'a>) -> Result<Self, String> {
        V::decode(row.value)
    }
}

impl<'a, V: Decode<'a>> FromRecord<'a> for Record<'a, V> {
    #[inline]
    fn from_record(row: Row<'a>) -> Result<Self, String> {
        let value = V::decode(row.value)?;
        Ok(Self { value, row })
    }
}

/// A closed window of one key.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// The key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// First millisecond since 1970 of the window.
    pub start_ms: i64,
    /// First millisecond after the window.
    pub end_ms: i64,
}

impl<'a> Window<'a> {
    /// The key as text; an error (fit for a row error) if it is null or not UTF-8.
    pub fn key_str(&self) -> Result<&'a str, String> {
        let key = self.key.ok_or("the key is null")?;
        std::str::from_utf8(key).map_err(|error| format!("the key is not UTF-8: {error}"))
    }
}

/// Headers of a record, in order: name and value (`None` is null).
#[derive(Clone, Debug)]
pub struct Headers<'a>(&'a [u8]);

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.take()??;
        Some((name, self.take()?))
    }
}

impl<'a> Headers<'a> {
    /// The headers in a packed field.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn of(packed: &'a [u8]) -> Self {
        Self(packed)
    }

    /// One length and its bytes; the inner `None` is null.
    fn take(&mut self) -> Option<Option<&'a [u8]>> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length);
        self.0 = rest;
        if length == NULL {
            return Some(None);
        }
        let (bytes, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(Some(bytes))
    }
}

/// Append one header in packed form.
pub(crate) fn push_header(packed: &mut Vec<u8>, name: &[u8], value: Option<&[u8]>) {
    packed.extend_from_slice(&(name.len() as u32).to_le_bytes());
    packed.extend_from_slice(name);
    packed.extend_from_slice(&value.map_or(NULL, |v| v.len() as u32).to_le_bytes());
    packed.extend_from_slice(value.unwrap_or_default());
}
