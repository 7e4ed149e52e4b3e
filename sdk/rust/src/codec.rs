//! How bytes become values and values bytes. The type decides: anything that serde can read or write is JSON,
//! [`Raw`] is the bytes themselves, and a type of your own can say it itself.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A value that can be read from a record. Implemented for every `Deserialize` type as JSON, where a null value (a
/// tombstone) reads as JSON `null`: take `Option<T>` to accept tombstones. Borrow (`&'a str`, `Cow<'a, str>`) where
/// you can: `&str` is free but fails on strings with escapes, `Cow` takes both if marked `#[serde(borrow)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read from a record's value",
    note = "derive `serde::Deserialize` for JSON, take `sluicebox_udf::Raw` for the bytes, or implement `sluicebox_udf::Decode`"
)]
pub trait Decode<'a>: Sized {
    /// Read from the value's bytes, `None` for a null value. The error becomes the row's error.
    fn decode(bytes: Option<&'a [u8]>) -> Result<Self, String>;
}

impl<'a, T: Deserialize<'a>> Decode<'a> for T {
    #[inline]
    fn decode(bytes: Option<&'a [u8]>) -> Result<Self, String> {
        serde_json::from_slice(bytes.unwrap_or(b"null")).map_err(|error| unreadable(&error))
    }
}

#[cold]
fn unreadable(error: &serde_json::Error) -> String {
    format!("value is not the JSON expected: {error}")
}

/// A value that can be written as a record's value. Implemented for every `Serialize` type as JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be written as a record's value",
    note = "derive `serde::Serialize` for JSON, return `sluicebox_udf::Raw` for bytes, or implement `sluicebox_udf::Encode`"
)]
pub trait Encode {
    /// Append to `out`. What was appended before an error is dropped; the error becomes the row's error.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String>;

    /// True for a null value (a tombstone); `encode` is not called then.
    fn is_null(&self) -> bool {
        false
    }
}

impl<T: Serialize> Encode for T {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        serde_json::to_writer(out, self).map_err(|error| format!("output can't be JSON: {error}"))
    }
}

/// A value as bytes; `None` is null (a tombstone).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw<'a>(pub Option<Cow<'a, [u8]>>);

impl<'a> Raw<'a> {
    /// These bytes, borrowed or owned.
    pub fn new(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self(Some(bytes.into()))
    }

    /// The bytes, none if null.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<'a> Decode<'a> for Raw<'a> {
    fn decode(bytes: Option<&'a [u8]>) -> Result<Self, String> {
        Ok(Self(bytes.map(Cow::Borrowed)))
    }
}

impl Encode for Raw<'_> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(self.bytes());
        Ok(())
    }

    fn is_null(&self) -> bool {
        self.0.is_none()
    }
}
