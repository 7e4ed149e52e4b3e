//! Poisonous rows: found by bisection after a trap, remembered, so that the next attempt goes around them.
//!
//! A row is named by where it comes from, not by where it stood in a batch: a retry sees other batches.

use crate::batch::{Batch, Packed};
use crate::udf::{CallError, Udf};
use std::collections::HashMap;

/// Identity of an operator's input row: stable over retries, batch sizes and hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowId {
    /// Number of the operator in the plan.
    pub node: usize,
    /// Source partition.
    pub partition: i32,
    /// Offset of the source row that caused it; `i64::MAX` for the end of the input.
    pub offset: i64,
    /// Its number among the operator's input rows of that source row.
    pub ordinal: u32,
    /// Whether it is a closed window (an input of `finish`) and not a row.
    pub window: bool,
}

/// What was found about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It traps alone, on a fresh instance, under a fixed budget. It goes the way of a row error, with this text.
    Poison(String),
    /// It works alone within the fixed budget, though not within the deadline of a batch: run it alone so.
    Alone,
}

/// All verdicts of a shard. They outlive rebuilds.
pub type Verdicts = HashMap<RowId, Verdict>;

/// A call that trapped, kept so that it can be taken apart outside of the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `keep`.
    Filter(Batch),
    /// `apply`.
    Map(Batch),
    /// `accumulate`: accumulators, group of each row, rows.
    Accumulate(Packed, Vec<u32>, Batch),
    /// `finish`: keys, start and end of each window, accumulators.
    Finish(Packed, Vec<i64>, Packed),
}

/// A call that trapped, with the identity of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCall {
    /// Number of the operator in the plan.
    pub node: usize,
    /// What was asked.
    pub call: Call,
    /// Identity of each row.
    pub rows: Vec<RowId>,
    /// What the trap said.
    pub trap: String,
}

/// What taking a call apart has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Guilty rows by their number in the call.
    pub rows: Vec<(usize, Verdict)>,
    /// No row is guilty, only their number: make calls of at most this many rows.
    pub rows_per_call_max: Option<usize>,
}

impl Call {
    fn len(&self) -> usize {
        match self {
            Call::Filter(rows) | Call::Map(rows) | Call::Accumulate(_, _, rows) => rows.len(),
            Call::Finish(keys, _, _) => keys.len(),
        }
    }

    /// Run the rows `from..to` alone. An aggregate's accumulators move on when it works.
    fn run(&mut self, udf: &mut dyn Udf, from: usize, to: usize) -> Result<(), CallError> {
        match self {
            Call::Filter(rows) => udf.filter(&rows.slice(from, to)).map(drop),
            Call::Map(rows) => udf.map(&rows.slice(from, to)).map(drop),
            Call::Accumulate(accumulators, groups, rows) => {
                let answer =
                    udf.accumulate(accumulators, &groups[from..to], &rows.slice(from, to))?;
                *accumulators = answer.accumulators;
                Ok(())
            }
            Call::Finish(keys, windows, accumulators) => {
                let (mut some_keys, mut some_accumulators) = (Packed::default(), Packed::default());
                for i in from..to {
                    some_keys.push(keys.get(i));
                    some_accumulators.push(accumulators.get(i));
                }
                udf.finish(&some_keys, &windows[from * 2..to * 2], &some_accumulators)
                    .map(drop)
            }
        }
    }
}

/// Take a trapped call apart: halves on fresh instances until each guilty row is alone. Takes up to
/// 2 · guilty · log2(rows) deadlines, so it runs outside of a transaction.
pub fn bisect(udf: &mut dyn Udf, mut call: Call) -> Result<Findings, CallError> {
    let mut findings = Findings::default();
    let rows = call.len();
    split(udf, &mut call, 0, rows, &mut findings)?;
    Ok(findings)
}

fn split(
    udf: &mut dyn Udf,
    call: &mut Call,
    from: usize,
    to: usize,
    findings: &mut Findings,
) -> Result<(), CallError> {
    if to - from == 1 {
        return judge(udf, call, from, findings);
    }
    let middle = from + (to - from) / 2;
    let known = findings.rows.len();
    for (from, to) in [(from, middle), (middle, to)] {
        udf.drop_instance();
        match call.run(udf, from, to) {
            Ok(()) => {}
            Err(CallError::Trap(_)) => split(udf, call, from, to, findings)?,
            Err(other) => return Err(other),
        }
    }
    if findings.rows.len() == known {
        let fewer = middle - from;
        findings.rows_per_call_max = Some(
            findings
                .rows_per_call_max
                .map_or(fewer, |max| max.min(fewer)),
        );
    }
    Ok(())
}

fn judge(
    udf: &mut dyn Udf,
    call: &mut Call,
    row: usize,
    findings: &mut Findings,
) -> Result<(), CallError> {
    udf.drop_instance();
    udf.next_call_under_fuel();
    let verdict = match call.run(udf, row, row + 1) {
        Ok(()) => Verdict::Alone,
        Err(CallError::Trap(why)) => Verdict::Poison(why),
        Err(other) => return Err(other),
    };
    udf.drop_instance();
    findings.rows.push((row, verdict));
    Ok(())
}
