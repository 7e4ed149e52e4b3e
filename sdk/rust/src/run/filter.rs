//! Filter: one verdict a row.

use super::row_error;
use crate::packed::{Batch, Kept};
use crate::record::FromRecord;
use std::fmt::Display;

/// What a filter may return.
#[diagnostic::on_unimplemented(
    message = "a filter returns `bool` or `Result<bool, E>` where `E: Display`, not `{Self}`"
)]
pub trait Verdict {
    /// Keep the row, or why it failed.
    fn verdict(self) -> Result<bool, String>;
}

impl Verdict for bool {
    #[inline]
    fn verdict(self) -> Result<bool, String> {
        Ok(self)
    }
}

impl<E: Display> Verdict for Result<bool, E> {
    #[inline]
    fn verdict(self) -> Result<bool, String> {
        self.map_err(|error| error.to_string())
    }
}

/// Ask `keep` about each row.
pub fn filter<'a, A: FromRecord<'a>, V: Verdict>(input: &'a Batch, keep: impl Fn(A) -> V) -> Kept {
    let mut kept = Kept {
        bitmap: vec![0; input.rows().div_ceil(8)],
        errors: Vec::new(),
    };
    for (row, record) in input.iter().enumerate() {
        match A::from_record(record).and_then(|argument| keep(argument).verdict()) {
            Ok(keep) => kept.bitmap[row / 8] |= u8::from(keep) << (row % 8),
            Err(message) => kept.errors.push(row_error(row, message)),
        }
    }
    kept
}
