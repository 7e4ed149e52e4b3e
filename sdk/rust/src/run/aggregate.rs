//! Window aggregate: each group's accumulator is read once a call, its rows folded in, and written once.

use super::map::{Outputs, Port};
use super::row_error;
use crate::accumulator::Accumulator;
use crate::output::{Parent, Sink};
use crate::packed::{Accumulated, Batch, Emitted, Packed, Row};
use crate::record::{FromRecord, Window};
use std::fmt::Display;

/// What `accumulate` and `merge` may return.
#[diagnostic::on_unimplemented(
    message = "`accumulate` and `merge` return nothing or `Result<(), E>` where `E: Display`, not `{Self}`"
)]
pub trait Outcome {
    /// Done, or why the row failed.
    fn outcome(self) -> Result<(), String>;
}

impl Outcome for () {
    #[inline]
    fn outcome(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> Outcome for Result<(), E> {
    #[inline]
    fn outcome(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// Read an accumulator. Bytes that don't fit are no row's fault, and nothing can be done about them here: a trap.
#[inline]
fn read<S: Accumulator>(bytes: Option<&[u8]>, create: impl Fn() -> S) -> S {
    let Some(bytes) = bytes else { return create() };
    let mut rest = bytes;
    match S::read(&mut rest) {
        Some(state) if rest.is_empty() => state,
        _ => unreadable(bytes.len()),
    }
}

#[cold]
fn unreadable(bytes: usize) -> ! {
    panic!(
        "an accumulator of {bytes} bytes can't be read: was it written by a version of this module with other fields?"
    )
}

fn write<S: Accumulator>(states: impl ExactSizeIterator<Item = S>) -> Packed {
    let count = states.len();
    let mut packed = Packed {
        data: Vec::with_capacity(count * size_of::<S>()),
        index: Vec::with_capacity(count * 2),
    };
    for state in states {
        let at = packed.data.len();
        state.write(&mut packed.data);
        let length = packed.data.len() - at;
        packed.index.extend_from_slice(&[at as u32, length as u32]);
    }
    packed
}

/// Fold each row into the accumulator of its group.
pub fn accumulate<'a, S: Accumulator, A: FromRecord<'a>, R: Outcome>(
    accumulators: &Packed,
    groups: &[u32],
    input: &'a Batch,
    create: impl Fn() -> S,
    fold: impl Fn(&mut S, A) -> R,
) -> Accumulated {
    let mut states: Vec<S> = accumulators.iter().map(|bytes| read(bytes, &create)).collect();
    let mut errors = Vec::new();
    let mut careful = Careful::default();
    for (row, record) in input.iter().enumerate() {
        let group = groups[row] as usize;
        let argument = match A::from_record(record) {
            Ok(argument) => argument,
            Err(message) => {
                errors.push(row_error(row, message));
                continue;
            }
        };
        let state = &mut states[group];
        careful.before(group, state);
        if let Err(message) = fold(state, argument).outcome() {
            if !careful.restore(group, state) {
                *state = read(accumulators.get(group), &create);
                let earlier = input.iter().zip(groups).take(row).enumerate();
                refold(state, earlier.filter(|(_, (_, g))| **g as usize == group), &errors, &fold);
                careful.start(group);
            }
            errors.push(row_error(row, message));
        }
    }
    let accumulators = write(states.into_iter());
    Accumulated { accumulators, errors }
}

/// Fold a group's good rows again, after a fold that failed half-way had changed its accumulator.
#[cold]
fn refold<'a, 'g, S, A: FromRecord<'a>, R: Outcome>(
    state: &mut S,
    rows: impl Iterator<Item = (usize, (Row<'a>, &'g u32))>,
    failed: &[crate::packed::RowError],
    fold: impl Fn(&mut S, A) -> R,
) {
    for (row, (record, _)) in rows {
        let is_failed = failed.binary_search_by_key(&(row as u32), |error| error.row).is_ok();
        if !is_failed && let Ok(argument) = A::from_record(record) {
            // It folded before, so it folds now.
            let _ = fold(state, argument).outcome();
        }
    }
}

/// Groups in which a fold failed. A failed row must leave its accumulator as it was; copying it before each row would
/// cost everybody, folding all again after each failure is quadratic. So the first failure in a group folds again,
/// from then on its accumulator is saved before each row.
#[derive(Default)]
struct Careful {
    groups: std::collections::BTreeSet<usize>,
    saved: Vec<u8>,
}

impl Careful {
    #[inline]
    fn before<S: Accumulator>(&mut self, group: usize, state: &S) {
        if !self.groups.is_empty() && self.groups.contains(&group) {
            self.saved.clear();
            state.write(&mut self.saved);
        }
    }

    #[cold]
    fn restore<S: Accumulator>(&self, group: usize, state: &mut S) -> bool {
        if !self.groups.contains(&group) {
            return false;
        }
        match S::read(&mut self.saved.as_slice()) {
            Some(saved) => *state = saved,
            None => unreadable(self.saved.len()),
        }
        true
    }

    fn start(&mut self, group: usize) {
        self.groups.insert(group);
    }
}

/// Merge pairwise; the right one covers the later rows.
pub fn merge<S: Accumulator, R: Outcome>(
    left: &Packed,
    right: &Packed,
    create: impl Fn() -> S,
    merge: impl Fn(&mut S, S) -> R,
) -> Accumulated {
    let mut accumulators = Packed::default();
    let mut errors = Vec::new();
    let mut merged = Vec::new();
    for (pair, (left, right)) in left.iter().zip(right.iter()).enumerate() {
        let mut state = read(left, &create);
        match merge(&mut state, read(right, &create)).outcome() {
            Ok(()) => {
                merged.clear();
                state.write(&mut merged);
                accumulators.push(Some(&merged));
            }
            Err(message) => {
                errors.push(row_error(pair, message));
                accumulators.push(left);
            }
        }
    }
    Accumulated { accumulators, errors }
}

/// Room for a result, in bytes.
const RESULT_BYTES: usize = 96;

/// Results of closed windows.
pub fn finish<'a, S: Accumulator, O: Outputs<'a>>(
    keys: &'a Packed,
    windows: &[i64],
    accumulators: &Packed,
    create: impl Fn() -> S,
    finish: impl Fn(S, Window<'a>) -> O,
) -> Emitted {
    let groups = keys.iter().len();
    let mut sink = Sink::with_capacity(groups, groups * RESULT_BYTES);
    let mut errors = Vec::new();
    let (spans, _) = windows.as_chunks::<2>();
    let all = keys.iter().zip(spans).zip(accumulators.iter());
    for (group, ((key, [start_ms, end_ms]), bytes)) in all.enumerate() {
        let window = Window {
            key,
            start_ms: *start_ms,
            end_ms: *end_ms,
        };
        let mark = sink.mark();
        let parent = Parent {
            row: group as u32,
            headers: None,
            is_window: true,
        };
        let mut port = Port::new(&mut sink, parent);
        if let Err(message) = finish(read(bytes, &create), window).send(&mut port) {
            sink.rewind(&mark);
            errors.push(row_error(group, message));
        }
    }
    let (output, parents) = sink.into_parts();
    Emitted { output, parents, errors }
}
