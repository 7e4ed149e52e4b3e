//! Window aggregate: each group's accumulator is read once a call, its rows folded in, and written once.

use super::map::{Outputs, Port};
use super::row_error;
use crate::accumulator::Accumulator;
use crate::output::{Parent, Sink};
use crate::packed::{Accumulated, Batch, Emitted, Packed, Row, RowError};
use crate::record::{FromRecord, Window};
use std::collections::BTreeSet;
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

/// Read an accumulator; `None` is a new one. Bytes that don't fit are no row's fault, and nothing can be done about
/// them here: a trap.
#[inline]
fn read<S: Accumulator>(bytes: Option<&[u8]>) -> Option<S> {
    let bytes = bytes?;
    match S::from_bytes(bytes) {
        Some(state) => Some(state),
        None => unreadable(bytes.len()),
    }
}

#[cold]
fn unreadable(bytes: usize) -> ! {
    panic!(
        "an accumulator of {bytes} bytes can't be read: was it written by a version of this module with other fields?"
    )
}

fn write<S: Accumulator>(states: &[Option<S>]) -> Packed {
    let mut packed = Packed {
        data: Vec::with_capacity(size_of_val(states)),
        index: Vec::with_capacity(states.len() * 2),
    };
    for state in states {
        let Some(state) = state else {
            packed.push(None);
            continue;
        };
        let at = packed.data.len();
        state.write(&mut packed.data);
        let length = packed.data.len() - at;
        packed.index.extend_from_slice(&[at as u32, length as u32]);
    }
    packed
}

/// Fold each row into the accumulator of its group. A group of which every row failed stays new.
pub fn accumulate<'a, S: Accumulator, A: FromRecord<'a>, R: Outcome>(
    accumulators: &Packed,
    groups: &[u32],
    input: &'a Batch,
    create: impl Fn() -> S,
    fold: impl Fn(&mut S, A) -> R,
) -> Accumulated {
    let mut states: Vec<Option<S>> = accumulators.iter().map(read).collect();
    let mut errors = Vec::new();
    let mut careful = Careful::default();
    let fold = |state: &mut Option<S>, argument| {
        fold(state.get_or_insert_with(&create), argument).outcome()
    };
    for (row, (record, group)) in input.iter().zip(groups).enumerate() {
        let state = &mut states[*group as usize];
        let folded = A::from_record(record).and_then(|argument| {
            careful.before(*group, state);
            fold(state, argument).inspect_err(|_| {
                if !careful.restore(*group, state) {
                    *state = read(accumulators.get(*group as usize));
                    let of_group = input.iter().zip(groups).take(row).enumerate();
                    let of_group = of_group.filter(|(_, (_, other))| *other == group);
                    refold(
                        state,
                        of_group.map(|(row, (record, _))| (row, record)),
                        &errors,
                        fold,
                    );
                    careful.start(*group);
                }
            })
        });
        if let Err(message) = folded {
            errors.push(row_error(row, message));
        }
    }
    let accumulators = write(&states);
    Accumulated {
        accumulators,
        errors,
    }
}

/// Fold a group's good rows again, after a fold that failed half-way had changed its accumulator.
#[cold]
fn refold<'a, S, A: FromRecord<'a>>(
    state: &mut Option<S>,
    rows: impl Iterator<Item = (usize, Row<'a>)>,
    failed: &[RowError],
    fold: impl Fn(&mut Option<S>, A) -> Result<(), String>,
) {
    for (row, record) in rows {
        let is_failed = failed
            .binary_search_by_key(&(row as u32), |error| error.row)
            .is_ok();
        if !is_failed && let Ok(argument) = A::from_record(record) {
            // It folded before, so it folds now.
            let _ = fold(state, argument);
        }
    }
}

/// Groups in which a fold failed. A failed row must leave its accumulator as it was; copying it before each row would
/// cost everybody, folding all again after each failure is quadratic. So the first failure in a group folds again,
/// from then on its accumulator is saved before each row.
#[derive(Default)]
struct Careful {
    groups: BTreeSet<u32>,
    saved: Vec<u8>,
}

impl Careful {
    #[inline]
    fn before<S: Accumulator>(&mut self, group: u32, state: &Option<S>) {
        if !self.groups.is_empty() && self.groups.contains(&group) {
            self.saved.clear();
            state.write(&mut self.saved);
        }
    }

    #[cold]
    fn restore<S: Accumulator>(&self, group: u32, state: &mut Option<S>) -> bool {
        if !self.groups.contains(&group) {
            return false;
        }
        match Accumulator::read(&mut self.saved.as_slice()) {
            Some(saved) => *state = saved,
            None => unreadable(self.saved.len()),
        }
        true
    }

    fn start(&mut self, group: u32) {
        self.groups.insert(group);
    }
}

/// Merge pairwise; the right one covers the later rows. A new accumulator covers none, so the other one stays.
pub fn merge<S: Accumulator, R: Outcome>(
    left: &Packed,
    right: &Packed,
    merge: impl Fn(&mut S, S) -> R,
) -> Accumulated {
    let mut accumulators = Packed::default();
    let mut errors = Vec::new();
    let mut merged = Vec::new();
    for (pair, (left, right)) in left.iter().zip(right.iter()).enumerate() {
        let (Some(mut state), Some(later)) = (read(left), read(right)) else {
            accumulators.push(left.or(right));
            continue;
        };
        match merge(&mut state, later).outcome() {
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
    Accumulated {
        accumulators,
        errors,
    }
}

/// Bring accumulators of another format into that of `S`.
pub fn migrate<S: Accumulator>(
    format: u8,
    accumulators: &Packed,
    migrate: impl Fn(&[u8]) -> Option<S>,
) -> Result<Packed, String> {
    let mut migrated = Packed::default();
    let mut bytes = Vec::new();
    for old in accumulators.iter() {
        let old = old.unwrap_or_default();
        let state = migrate(old).ok_or_else(|| {
            format!(
                "an accumulator of {} bytes is not read as one of format {format}",
                old.len()
            )
        })?;
        bytes.clear();
        state.write(&mut bytes);
        migrated.push(Some(&bytes));
    }
    Ok(migrated)
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
        if let Err(message) = finish(read(bytes).unwrap_or_else(&create), window).send(&mut port) {
            sink.rewind(&mark);
            errors.push(row_error(group, message));
        }
    }
    let (output, parents) = sink.into_parts();
    Emitted {
        output,
        parents,
        errors,
    }
}
