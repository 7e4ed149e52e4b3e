//! The edge: what a guest answered becomes what the pipeline may rely on, or is refused as a whole. Nothing here
//! allocates more than the answer itself already took.

use crate::abi::{AccumulatedAnswer, EmittedAnswer, KeptAnswer, PackedAnswer, RowErrorAnswer};
use crate::limits::Limits;
use crate::text::clean;
use sluicebox_core::batch::{Field, Malformed, NULL, Packed, Parents, Returned, SAME};
use sluicebox_core::udf::{Accumulated, Emitted, Kept, RowError};

/// An answer against the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the bitmap has bits set past row {0}, the last")]
    TailBits(usize),
    #[error("row {0} is in `errors` and has output too")]
    FailedWithOutput(u32),
    #[error("output {0}: \"same as my parent's\" is allowed only for the key of a finished window")]
    SameField(usize),
    #[error("accumulator {0} is null after its migration")]
    Vanished(usize),
}

/// `filter.keep`'s answer for so many rows.
pub(crate) fn kept(answer: KeptAnswer, rows: usize, limits: &Limits) -> Result<Kept, Wrong> {
    let KeptAnswer { bitmap, errors } = answer;
    count("bitmap bytes", bitmap.len(), rows.div_ceil(8))?;
    if let Some(last) = bitmap.last()
        && !rows.is_multiple_of(8)
        && last >> (rows % 8) != 0
    {
        return Err(Wrong::TailBits(rows - 1));
    }
    let kept = Kept {
        bitmap,
        errors: row_errors(errors, rows, limits)?,
    };
    match kept
        .errors
        .iter()
        .find(|error| kept.keeps(error.row as usize))
    {
        Some(error) => Err(Wrong::FailedWithOutput(error.row)),
        None => Ok(kept),
    }
}

/// The answer of `mapper.apply`, or of `window-aggregate.finish`.
pub(crate) fn emitted(
    answer: EmittedAnswer,
    parents: &impl Parents,
    limits: &Limits,
) -> Result<Emitted, Wrong> {
    let EmittedAnswer {
        output,
        parents: of,
        errors,
    } = answer;
    fields_within(&output.index, limits.output_bytes_max)?;
    let returned = Returned {
        data: output.data,
        index: output.index,
        parents: of,
    };
    let (output, of) =
        returned.checked(parents, limits.outputs_per_row_max, limits.output_bytes_max)?;
    let errors = row_errors(errors, parents.rows(), limits)?;
    // Both ascend.
    let mut rest = of.as_slice();
    for error in &errors {
        rest = &rest[rest.partition_point(|parent| *parent < error.row)..];
        if rest.first() == Some(&error.row) {
            return Err(Wrong::FailedWithOutput(error.row));
        }
    }
    Ok(Emitted {
        output,
        parents: of,
        errors,
    })
}

/// What closed windows have for their outputs to share: the key, and the end of the window as time.
pub(crate) struct Groups<'a> {
    keys: &'a Packed,
    windows: &'a [i64],
}

impl<'a> Groups<'a> {
    pub(crate) fn new(keys: &'a Packed, windows: &'a [i64]) -> Self {
        Self { keys, windows }
    }
}

impl Parents for Groups<'_> {
    fn rows(&self) -> usize {
        self.keys.len()
    }

    fn field(&self, row: usize, field: Field) -> Option<&[u8]> {
        match field {
            Field::Key => self.keys.get(row),
            Field::Value | Field::Headers => None,
        }
    }

    fn timestamp(&self, row: usize) -> i64 {
        self.windows[row * 2 + 1].saturating_sub(1)
    }
}

/// `window-aggregate.finish`'s answer: a window has no value and no headers that could be taken over.
pub(crate) fn finished(
    answer: EmittedAnswer,
    groups: &Groups<'_>,
    limits: &Limits,
) -> Result<Emitted, Wrong> {
    let same = |fields: &[u32]| fields[3] == SAME || fields[5] == SAME;
    match answer.output.index.chunks_exact(6).position(same) {
        Some(row) => Err(Wrong::SameField(row)),
        None => emitted(answer, groups, limits),
    }
}

/// The answer of `window-aggregate.accumulate` or `merge`: so many accumulators, errors among so many rows.
pub(crate) fn accumulated(
    answer: AccumulatedAnswer,
    groups: usize,
    rows: usize,
    limits: &Limits,
) -> Result<Accumulated, Wrong> {
    let AccumulatedAnswer {
        accumulators,
        errors,
    } = answer;
    Ok(Accumulated {
        accumulators: so_many(accumulators, groups, limits)?,
        errors: row_errors(errors, rows, limits)?,
    })
}

/// The answer of `accumulator-format.migrate` for so many, or why it has none.
pub(crate) fn migrated(
    answer: Result<PackedAnswer, String>,
    given: usize,
    limits: &Limits,
) -> Result<Result<Packed, String>, Wrong> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return Ok(Err(clean(&why, limits.error_message_bytes_max))),
    };
    let accumulators = so_many(answer, given, limits)?;
    match (0..given).position(|i| accumulators.get(i).is_none()) {
        Some(number) => Err(Wrong::Vanished(number)),
        None => Ok(Ok(accumulators)),
    }
}

fn so_many(answer: PackedAnswer, groups: usize, limits: &Limits) -> Result<Packed, Wrong> {
    let accumulators = Packed::from_guest(answer.data, answer.index)?;
    count("accumulators", accumulators.len(), groups)?;
    let mut total = 0;
    for bytes in (0..groups).filter_map(|i| accumulators.get(i)) {
        within(
            "bytes of an accumulator",
            bytes.len(),
            limits.accumulator_bytes_max,
        )?;
        total += bytes.len();
    }
    within("bytes of all accumulators", total, limits.output_bytes_max)?;
    Ok(accumulators)
}

/// Fields may share bytes, so a small answer can stand for a huge one: count what would be sent. Fields taken from a
/// parent are copied into the data and counted there.
fn fields_within(index: &[u32], bytes_max: usize) -> Result<(), Wrong> {
    let mut total = 0u64;
    for field in index.chunks_exact(2) {
        total += if field[1] >= SAME {
            0
        } else {
            u64::from(field[1])
        };
    }
    const { assert!(SAME < NULL) };
    within(
        "bytes of output",
        usize::try_from(total).unwrap_or(usize::MAX),
        bytes_max,
    )
}

/// Each row at most once, ascending; messages fit for people.
fn row_errors(
    answer: Vec<RowErrorAnswer>,
    rows: usize,
    limits: &Limits,
) -> Result<Vec<RowError>, Wrong> {
    let mut errors: Vec<RowError> = Vec::with_capacity(answer.len().min(rows));
    within("errors", answer.len(), rows)?;
    for error in answer {
        errors.push(RowError {
            row: error.row,
            message: clean(&error.message, limits.error_message_bytes_max),
        });
    }
    // The contract leaves their order open; already ascending, as usual, this costs one pass.
    errors.sort_by_key(|error| error.row);
    let twice = errors
        .windows(2)
        .find(|pair| pair[0].row == pair[1].row)
        .map(|pair| pair[0].row);
    let outside = errors
        .last()
        .map(|error| error.row)
        .filter(|row| *row as usize >= rows);
    match twice.or(outside) {
        Some(row) => Err(Wrong::Malformed(Malformed::Row {
            what: "errors",
            row,
            rows,
        })),
        None => Ok(errors),
    }
}

fn count(what: &'static str, got: usize, want: usize) -> Result<(), Wrong> {
    if got == want {
        return Ok(());
    }
    Err(Wrong::Malformed(Malformed::Count { what, got, want }))
}

fn within(what: &'static str, got: usize, limit: usize) -> Result<(), Wrong> {
    if got <= limit {
        return Ok(());
    }
    Err(Wrong::Malformed(Malformed::Limit { what, got, limit }))
}
