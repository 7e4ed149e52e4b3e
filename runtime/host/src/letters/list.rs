//! Showing dead letters.

use super::desk::{Desk, Row};
use super::letter::Letter;
use crate::error::Result;
use sluicebox_core::log::Log;
use sluicebox_core::spec::JobSpec;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Most records of the topic that are looked at.
const READ_MAX: u64 = 200_000;
/// Longest time to look.
const LOOK_MAX: Duration = Duration::from_secs(20);
/// Bytes of a key or value that are kept.
const SHOWN_BYTES_MAX: usize = 2_048;

/// Which letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// Those that were dealt with too.
    pub all: bool,
    /// Those of this operator.
    pub operator: Option<String>,
    /// Those whose error contains this.
    pub error: Option<String>,
    /// At most so many.
    pub letters_max: usize,
}

/// Letters of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The first ones, by partition and offset.
    pub letters: Vec<ListedLetter>,
    /// How many there are of that kind, as far as was looked.
    pub count: u64,
    /// There are more records than were looked at.
    pub more: bool,
}

/// A letter and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedLetter {
    /// Partition of the dead-letter topic.
    pub partition: i32,
    /// Offset in it.
    pub offset: i64,
    /// Event time, in milliseconds since 1970.
    pub timestamp: i64,
    /// The beginning of the key, and its length in bytes.
    pub key: Option<(Vec<u8>, usize)>,
    /// The beginning of the value, and its length in bytes.
    pub value: Option<(Vec<u8>, usize)>,
    /// What it says of itself.
    pub letter: Letter,
}

/// List a job's letters.
pub fn list(log: &dyn Log, spec: &JobSpec, base: &str, which: &Which) -> Result<Listed> {
    let mut desk = Desk::open(log, spec, base, &[])?;
    let (mut at, ends) = desk.span(which.all)?;
    let (mut listed, mut read) = (Listed::default(), 0);
    let started = Instant::now();
    desk.read(&mut at, &ends, &mut |row| {
        if read == READ_MAX || started.elapsed() > LOOK_MAX {
            listed.more = true;
            return Ok(ControlFlow::Break(()));
        }
        read += 1;
        let letter = Letter::read(row.rows, row.row, spec);
        if let Some(letter) = letter.filter(|letter| which.takes(letter)) {
            listed.count += 1;
            if listed.letters.len() < which.letters_max {
                listed.letters.push(ListedLetter::new(row, letter));
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    listed
        .letters
        .sort_by_key(|letter| (letter.partition, letter.offset));
    Ok(listed)
}

impl Which {
    fn takes(&self, letter: &Letter) -> bool {
        let operator = self
            .operator
            .as_ref()
            .is_none_or(|operator| *operator == letter.operator);
        let error = self
            .error
            .as_ref()
            .is_none_or(|error| letter.error.contains(error.as_str()));
        operator && error
    }
}

impl ListedLetter {
    fn new(row: Row<'_>, letter: Letter) -> Self {
        let shown = |field: &[u8]| {
            let length = field.len();
            (field[..length.min(SHOWN_BYTES_MAX)].to_vec(), length)
        };
        Self {
            partition: row.partition,
            offset: row.offset,
            timestamp: row.rows.timestamp(row.row),
            key: row.rows.key(row.row).map(shown),
            value: row.rows.value(row.row).map(shown),
            letter,
        }
    }
}
