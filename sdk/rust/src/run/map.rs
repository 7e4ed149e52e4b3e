//! Map: each row becomes none, one or many.

use super::row_error;
use crate::output::{IntoOutput, Parent, Sink};
use crate::packed::{Batch, Emitted};
use crate::record::FromRecord;
use std::fmt::Display;
use std::marker::PhantomData;

/// What an author's function returned, in one of its shapes. The attribute wraps it in the shape that the function's
/// return type is written in, for no trait can tell `Option<T>` from a `T` that serialises.
pub trait Outputs<'a> {
    #[doc(hidden)]
    fn send(self, to: &mut Port<'_, '_>) -> Result<(), String>;
}

/// Where one row's outputs go.
#[doc(hidden)]
pub struct Port<'s, 'p> {
    sink: &'s mut Sink,
    parent: Parent<'p>,
}

impl<'s, 'p> Port<'s, 'p> {
    pub(super) fn new(sink: &'s mut Sink, parent: Parent<'p>) -> Self {
        Self { sink, parent }
    }
}

/// A value or an `Output`.
pub struct One<T>(pub T);

/// An `Option`, a `Vec` or anything else to iterate over.
pub struct Many<'a, I>(pub I, pub PhantomData<&'a ()>);

impl<'a, T: IntoOutput<'a>> Outputs<'a> for One<T> {
    #[inline]
    fn send(self, to: &mut Port<'_, '_>) -> Result<(), String> {
        to.sink.push(&to.parent, self.0)
    }
}

impl<'a, I: IntoIterator<Item: IntoOutput<'a>>> Outputs<'a> for Many<'a, I> {
    #[inline]
    fn send(self, to: &mut Port<'_, '_>) -> Result<(), String> {
        self.0
            .into_iter()
            .try_for_each(|output| to.sink.push(&to.parent, output))
    }
}

impl<'a, O: Outputs<'a>, E: Display> Outputs<'a> for Result<O, E> {
    #[inline]
    fn send(self, to: &mut Port<'_, '_>) -> Result<(), String> {
        self.map_err(|error| error.to_string())?.send(to)
    }
}

/// Room for an output beyond its input's size, in bytes: a field or two more.
const GROWTH_BYTES: usize = 32;

/// Give each row to `apply` and pack what it returns.
pub fn map<'a, A: FromRecord<'a>, O: Outputs<'a>>(
    input: &'a Batch,
    apply: impl Fn(A) -> O,
) -> Emitted {
    let rows = input.rows();
    let mut sink = Sink::with_capacity(rows, input.data.len() + rows * GROWTH_BYTES);
    let mut errors = Vec::new();
    for (row, record) in input.iter().enumerate() {
        let mark = sink.mark();
        let parent = Parent {
            row: row as u32,
            headers: record.headers,
            is_window: false,
        };
        let mut port = Port::new(&mut sink, parent);
        let sent = A::from_record(record).and_then(|argument| apply(argument).send(&mut port));
        if let Err(message) = sent {
            sink.rewind(&mark);
            errors.push(row_error(row, message));
        }
    }
    let (output, parents) = sink.into_parts();
    Emitted {
        output,
        parents,
        errors,
    }
}
