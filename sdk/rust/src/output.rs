//! What leaves: a value, and by default the parent's key and headers, which then cross as "same as my parent's",
//! without a byte.

use crate::codec::Encode;
use crate::packed::{Batch, NULL, SAME, push_field};
use crate::record::push_header;
use std::borrow::Cow;

/// One output record. Without more than a value its key and headers are its parent's (headers of a window's
/// output: none); its timestamp always is the parent's, or the window's end - 1.
#[derive(Clone, Debug)]
#[must_use = "an output leaves only if it is returned"]
pub struct Output<'a, V> {
    key: Field<'a>,
    value: Value<V>,
    headers: Field<'a>,
    added: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Field<'a> {
    Same,
    Null,
    Is(Cow<'a, [u8]>),
}

#[derive(Clone, Debug)]
enum Value<V> {
    Same,
    Null,
    Is(V),
}

impl<'a, V> Output<'a, V> {
    /// An output of this value.
    pub fn new(value: V) -> Self {
        Self::of(Value::Is(value))
    }

    /// An output of the parent's value, unread and uncopied.
    pub fn same_value() -> Self {
        Self::of(Value::Same)
    }

    /// A tombstone: the value is null.
    pub fn tombstone() -> Self {
        Self::of(Value::Null)
    }

    fn of(value: Value<V>) -> Self {
        Self {
            key: Field::Same,
            value,
            headers: Field::Same,
            added: Vec::new(),
        }
    }

    /// With this key. A job refuses rows whose key was changed before a keyed operator.
    pub fn key(mut self, key: impl Into<Cow<'a, [u8]>>) -> Self {
        self.key = Field::Is(key.into());
        self
    }

    /// With a null key.
    pub fn null_key(mut self) -> Self {
        self.key = Field::Null;
        self
    }

    /// Without the parent's headers.
    pub fn without_headers(mut self) -> Self {
        self.headers = Field::Null;
        self
    }

    /// With one more header, after those that are there.
    pub fn header<'h>(mut self, name: &str, value: impl Into<Option<&'h [u8]>>) -> Self {
        push_header(&mut self.added, name.as_bytes(), value.into());
        self
    }
}

/// What a map may return as one output: a value or an [`Output`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an output record",
    note = "return a type that derives `serde::Serialize` (JSON), `sluicebox_udf::Raw` (bytes), your own `sluicebox_udf::Encode`, or an `Output` of one of them"
)]
pub trait IntoOutput<'a> {
    /// Type of the value.
    type Value: Encode;

    /// As an output.
    fn into_output(self) -> Output<'a, Self::Value>;
}

impl<'a, V: Encode> IntoOutput<'a> for V {
    type Value = V;

    #[inline]
    fn into_output(self) -> Output<'a, V> {
        Output::new(self)
    }
}

impl<'a, V: Encode> IntoOutput<'a> for Output<'a, V> {
    type Value = V;

    #[inline]
    fn into_output(self) -> Output<'a, V> {
        self
    }
}

/// Where outputs are packed, values written straight into the one buffer that leaves.
pub(crate) struct Sink {
    output: Batch,
    parents: Vec<u32>,
}

/// What an output refers to: the number of its parent and, of a record, the headers.
pub(crate) struct Parent<'p> {
    pub(crate) row: u32,
    /// `None`: the parent is a window, which has neither headers nor a value that could be the same.
    pub(crate) headers: Option<&'p [u8]>,
    pub(crate) is_window: bool,
}

/// A length of the sink to go back to.
pub(crate) struct Mark {
    data: usize,
    index: usize,
    parents: usize,
}

impl Sink {
    /// A sink with room for outputs of about this size; it grows beyond where needed.
    pub(crate) fn with_capacity(rows: usize, bytes: usize) -> Self {
        let output = Batch {
            data: Vec::with_capacity(bytes),
            index: Vec::with_capacity(rows * 6),
            timestamps: Vec::new(),
        };
        let parents = Vec::with_capacity(rows);
        Self { output, parents }
    }

    /// Pack one output.
    #[inline]
    pub(crate) fn push<'a>(
        &mut self,
        parent: &Parent<'_>,
        output: impl IntoOutput<'a>,
    ) -> Result<(), String> {
        let Output {
            key,
            value,
            headers,
            added,
        } = output.into_output();
        let data = &mut self.output.data;
        let value = match value {
            Value::Is(value) if value.is_null() => [0, NULL],
            Value::Is(value) => {
                let at = data.len();
                value.encode(data)?;
                [at as u32, (data.len() - at) as u32]
            }
            Value::Null => [0, NULL],
            Value::Same if parent.is_window => return Err("a window has no value to keep".into()),
            Value::Same => [0, SAME],
        };
        let key = match key {
            Field::Same => [0, SAME],
            Field::Null => [0, NULL],
            Field::Is(key) => push_field(data, Some(&key)),
        };
        let headers = pack_headers(data, parent, headers, &added);
        self.output
            .index
            .extend_from_slice(&[key[0], key[1], value[0], value[1], headers[0], headers[1]]);
        self.parents.push(parent.row);
        Ok(())
    }

    /// The length now.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            data: self.output.data.len(),
            index: self.output.index.len(),
            parents: self.parents.len(),
        }
    }

    /// Drop what came after the mark: a row in error has no output.
    #[cold]
    pub(crate) fn rewind(&mut self, mark: &Mark) {
        self.output.data.truncate(mark.data);
        self.output.index.truncate(mark.index);
        self.parents.truncate(mark.parents);
    }

    /// The outputs and their parents.
    pub(crate) fn into_parts(self) -> (Batch, Vec<u32>) {
        (self.output, self.parents)
    }
}

#[inline]
fn pack_headers(
    data: &mut Vec<u8>,
    parent: &Parent<'_>,
    headers: Field<'_>,
    added: &[u8],
) -> [u32; 2] {
    let keep = matches!(headers, Field::Same);
    if added.is_empty() {
        return if keep && !parent.is_window {
            [0, SAME]
        } else {
            [0, NULL]
        };
    }
    let at = data.len();
    if keep {
        data.extend_from_slice(parent.headers.unwrap_or_default());
    }
    data.extend_from_slice(added);
    [at as u32, (data.len() - at) as u32]
}
