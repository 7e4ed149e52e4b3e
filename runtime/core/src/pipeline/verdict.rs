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

/// A trapped call that is being taken apart: halves on fresh instances until each guilty row is alone. Takes up to
/// 3 · guilty · log2(rows) calls, each of which may run into its deadline. So it goes on call by call, outside of a transaction, and whoever
/// runs the shard can hold its tenant to its quota, or stop, in between.
#[derive(Debug)]
pub struct Investigation {
    /// Number of the operator in the plan.
    pub node: usize,
    /// Identity of each row.
    pub rows: Vec<RowId>,
    call: Call,
    /// What is still to be done, the next last.
    steps: Vec<Step>,
    findings: Findings,
}

/// Of rows by their number in the call, the second excluded.
#[derive(Debug)]
enum Step {
    /// These work, or are guilty.
    Run(usize, usize),
    /// Together they trap.
    Split(usize, usize),
    /// Where nobody was found guilty since there were so many findings, calls of so many rows would do.
    Fewer { known: usize, rows: usize },
}

impl Investigation {
    /// Of this call.
    pub fn new(failed: FailedCall) -> Self {
        let rows = failed.call.len();
        Self {
            node: failed.node,
            rows: failed.rows,
            call: failed.call,
            steps: vec![Step::Split(0, rows)],
            findings: Findings::default(),
        }
    }

    /// Make the next call. The findings, once there is none.
    pub fn go_on(&mut self, udf: &mut dyn Udf) -> Result<Option<Findings>, CallError> {
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Split(from, to) if to - from == 1 => {
                    self.judge(udf, from)?;
                    return Ok(None);
                }
                Step::Split(from, to) => {
                    let middle = from + (to - from) / 2;
                    let (known, rows) = (self.findings.rows.len(), middle - from);
                    self.steps.push(Step::Fewer { known, rows });
                    self.steps.push(Step::Run(middle, to));
                    self.steps.push(Step::Run(from, middle));
                }
                Step::Run(from, to) => {
                    udf.drop_instance();
                    match self.call.run(udf, from, to) {
                        Ok(()) => {}
                        Err(CallError::Trap(_)) => self.steps.push(Step::Split(from, to)),
                        Err(other) => return Err(other),
                    }
                    return Ok(None);
                }
                Step::Fewer { known, rows } => {
                    if self.findings.rows.len() == known {
                        let max = &mut self.findings.rows_per_call_max;
                        *max = Some(max.map_or(rows, |max| max.min(rows)));
                    }
                }
            }
        }
        Ok(Some(std::mem::take(&mut self.findings)))
    }

    fn judge(&mut self, udf: &mut dyn Udf, row: usize) -> Result<(), CallError> {
        udf.drop_instance();
        udf.next_call_under_fuel();
        let verdict = match self.call.run(udf, row, row + 1) {
            Ok(()) => Verdict::Alone,
            Err(CallError::Trap(why)) => Verdict::Poison(why),
            Err(other) => return Err(other),
        };
        udf.drop_instance();
        self.findings.rows.push((row, verdict));
        Ok(())
    }
}
