//! Run a window aggregate over the records of one window, and hold it to its contract: however the rows are split
//! into calls, the accumulators must be the same bytes.

use super::configured;
use super::records::{Input, OutputRecord, batch, unpack};
use crate::packed::{Batch, Packed, Row, RowError, push_field};
use crate::udf::WindowAggregate;
use serde_json::Value;
use std::ops::Range;

/// What a window aggregate did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Results of the window, keys in the order of their first record.
    pub outputs: Vec<OutputRecord>,
    /// The same where each record had an accumulator of its own first, which `merge` then joined.
    pub outputs_by_merge: Vec<OutputRecord>,
    /// Rows that failed in `accumulate`.
    pub errors: Vec<RowError>,
    /// Groups (keys in the order of their first record) that failed in `finish`.
    pub finish_errors: Vec<RowError>,
}

/// Run a window aggregate over records that all belong to the window from `window_ms.start` to `window_ms.end`
/// (excluded). An error if it refuses the config, or if its accumulators depend on how the rows are split into calls.
pub fn window_aggregate<W: WindowAggregate>(
    config: Value,
    window_ms: Range<i64>,
    records: impl IntoIterator<Item: Into<Input>>,
) -> Result<Finished, String> {
    let config = &configured::<W>(config)?;
    let input = batch(records);
    let (keys, groups) = grouped(&input);
    let fresh = nulls(keys.iter().len());

    let at_once = W::accumulate(config, &fresh, &groups, &input);
    let (one_by_one, errors) = one_by_one::<W>(config, &fresh, &groups, &input);
    if errors != at_once.errors || !one_by_one.iter().eq(at_once.accumulators.iter()) {
        return Err("accumulators or errors depend on how the rows are split into calls".into());
    }
    let merged = by_merge::<W>(config, &fresh, &groups, &input);

    let windows = [window_ms.start, window_ms.end].repeat(keys.iter().len());
    let finish = |accumulators: &Packed| {
        let done = W::finish(config, &keys, &windows, accumulators);
        let parent = |group| {
            Some(Row {
                key: keys.get(group),
                timestamp_ms: window_ms.end - 1,
                ..Row::default()
            })
        };
        (unpack(&done, parent), done.errors)
    };
    let (outputs, finish_errors) = finish(&at_once.accumulators);
    Ok(Finished {
        outputs,
        outputs_by_merge: finish(&merged).0,
        errors,
        finish_errors,
    })
}

/// The distinct keys, and for each row the number of its key.
fn grouped(input: &Batch) -> (Packed, Vec<u32>) {
    let mut keys = Packed::default();
    let mut groups = Vec::new();
    for row in input.iter() {
        let known = keys.iter().position(|key| key == row.key);
        let group = known.unwrap_or_else(|| {
            keys.push(row.key);
            keys.iter().len() - 1
        });
        groups.push(group as u32);
    }
    (keys, groups)
}

fn nulls(count: usize) -> Packed {
    let mut fresh = Packed::default();
    (0..count).for_each(|_| fresh.push(None));
    fresh
}

fn single(input: &Batch, row: usize) -> Batch {
    let mut one = Batch::default();
    let row = input.row(row).unwrap_or_default();
    for field in [row.key, row.value, row.headers] {
        let at = push_field(&mut one.data, field);
        one.index.extend_from_slice(&at);
    }
    one.timestamps.push(row.timestamp_ms);
    one
}

fn replaced(packed: &Packed, item: usize, by: Option<&[u8]>) -> Packed {
    let mut out = Packed::default();
    for (i, old) in packed.iter().enumerate() {
        out.push(if i == item { by } else { old });
    }
    out
}

fn one_by_one<W: WindowAggregate>(
    config: &W::Config,
    fresh: &Packed,
    groups: &[u32],
    input: &Batch,
) -> (Packed, Vec<RowError>) {
    let mut accumulators = fresh.clone();
    let mut errors = Vec::new();
    for (row, group) in groups.iter().enumerate() {
        let group = *group as usize;
        let mut one = Packed::default();
        one.push(accumulators.get(group));
        let done = W::accumulate(config, &one, &[0], &single(input, row));
        accumulators = replaced(&accumulators, group, done.accumulators.get(0));
        let failed = done.errors.into_iter().map(|error| RowError {
            row: row as u32,
            ..error
        });
        errors.extend(failed);
    }
    (accumulators, errors)
}

fn by_merge<W: WindowAggregate>(
    config: &W::Config,
    fresh: &Packed,
    groups: &[u32],
    input: &Batch,
) -> Packed {
    let mut accumulators = fresh.clone();
    for (row, group) in groups.iter().enumerate() {
        let group = *group as usize;
        let one = W::accumulate(config, &nulls(1), &[0], &single(input, row));
        let merged = match accumulators.get(group) {
            None => one.accumulators,
            earlier => {
                let mut left = Packed::default();
                left.push(earlier);
                W::merge(config, &left, &one.accumulators).accumulators
            }
        };
        accumulators = replaced(&accumulators, group, merged.get(0));
    }
    accumulators
}
