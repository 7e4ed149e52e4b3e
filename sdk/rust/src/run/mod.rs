//! From packed batches to calls of the author's function and back: what the attributes generate calls into.

mod aggregate;
mod filter;
mod map;

pub use aggregate::{Outcome, accumulate, finish, merge, migrate};
pub use filter::{Verdict, filter};
pub use map::{Many, One, Outputs, map};

pub use crate::config::NoConfig;
use crate::packed::RowError;

/// A failed row.
#[cold]
fn row_error(row: usize, message: String) -> RowError {
    let row = row as u32;
    RowError { row, message }
}
