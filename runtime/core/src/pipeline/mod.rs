//! The pipeline of one shard: a source batch goes in, rows pass the operators, outputs come out in order. Pure but for
//! its ports: modules, state and outputs are handed in.

mod chunk;
mod filter;
mod flow;
mod map;
mod node;
mod plan;
mod side;
#[cfg(test)]
mod tests;
mod verdict;
mod window;

pub use chunk::{Chunk, Emit};
pub use plan::{Plan, Target, sink_topic, source_topic};
pub use side::RECORD_OVERHEAD_BYTES;
pub use verdict::{Call, FailedCall, Findings, Investigation, RowId, Verdict, Verdicts};

use crate::ledger::Account;
use crate::log::{self, SourceBatch};
use crate::overlay::Overlay;
use crate::spec::{TimestampPolicy, Verdict as TimestampVerdict};
use crate::state::StoreError;
use crate::time::Watermark;
use crate::udf::Udf;
use chunk::Context;
use flow::{Flow, emit};
use node::Node;
use std::collections::BTreeMap;
use window::{RestoreError, Windows};

/// Why a source batch could not be processed. Nothing of it may be committed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A module trapped: take the call apart outside of the transaction.
    #[error("module trapped: {}", .0.trap)]
    Trap(Box<FailedCall>),
    /// A row failed and the policy is `fail`: somebody must act.
    #[error("{0}")]
    RowFailed(String),
    /// A module can't be used at all: somebody must act.
    #[error("{0}")]
    Module(String),
    /// The plan does not fit the state: somebody must act.
    #[error("{0}")]
    Plan(String),
    /// It takes longer than a transaction may: take fewer records at once.
    #[error("the records take longer than a transaction may")]
    Late {
        /// Source partition of the batch.
        partition: i32,
        /// Its first offset; `i64::MAX` for the end of the input.
        offset: i64,
    },
    /// The host could not run a module: retry.
    #[error("{0}")]
    Host(String),
    /// The state store failed.
    #[error(transparent)]
    State(#[from] StoreError),
    /// An output could not be sent.
    #[error(transparent)]
    Log(#[from] log::Error),
}

/// What an investigation has brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Which rows are poisonous, for the job's log.
    pub notes: Vec<String>,
    /// Whether anything is known now that was not before: then the next attempt comes further.
    pub anything: bool,
}

/// What an operator does, with what it needs for it.
enum Role {
    Filter,
    Map,
    WindowAggregate(Windows),
}

struct Operator {
    node: Node,
    role: Role,
    udf: Box<dyn Udf>,
}

/// What the log says about the topics a pipeline writes to, in the plan's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicLimits {
    /// Number of partitions.
    pub partitions: i32,
    /// Largest record in bytes.
    pub record_bytes_max: usize,
}

/// The operators of one shard and their event time.
pub struct Pipeline {
    source_topic: String,
    timestamp: TimestampPolicy,
    delay_ms: i64,
    source: Node,
    operators: Vec<Operator>,
    topics: Vec<TopicLimits>,
    watermarks: BTreeMap<i32, Watermark>,
    verdicts: Verdicts,
}

impl Pipeline {
    /// The pipeline of a plan; `udfs` has one module a operator, in order; `topics` what the log says about the
    /// plan's topics.
    pub fn new(plan: &Plan, udfs: Vec<Box<dyn Udf>>, topics: Vec<TopicLimits>) -> Self {
        let operators = plan.operators(udfs, &topics);
        Self {
            source_topic: plan.source_topic.clone(),
            timestamp: plan.timestamp.clone(),
            delay_ms: plan.max_out_of_orderness_ms,
            source: plan.source_node(&topics),
            operators,
            topics,
            watermarks: BTreeMap::new(),
            verdicts: Verdicts::new(),
        }
    }

    /// Take up a task where the last commit left it.
    pub fn restore(
        &mut self,
        partition: i32,
        timestamp_max: Option<i64>,
        ended: bool,
        state: &Overlay,
    ) -> Result<(), StepError> {
        let watermark = Watermark::new(self.delay_ms, timestamp_max, ended);
        for operator in &mut self.operators {
            let Role::WindowAggregate(windows) = &mut operator.role else {
                continue;
            };
            match windows.restore(partition, watermark.value(), state) {
                Ok(()) => {}
                Err(RestoreError::State(error)) => return Err(error.into()),
                Err(changed) => {
                    return Err(StepError::Plan(format!(
                        "operator `{}`: {changed}. Change the window back, or start the job under a new name.",
                        operator.node.id
                    )));
                }
            }
        }
        self.watermarks.insert(partition, watermark);
        Ok(())
    }

    /// Forget all tasks, and set the accounts to those of the last commit (by operator id; missing ones start at zero).
    pub fn reset(&mut self, accounts: &BTreeMap<String, Account>) {
        self.watermarks.clear();
        for operator in &mut self.operators {
            if let Role::WindowAggregate(windows) = &mut operator.role {
                windows.reset();
            }
        }
        for node in self.nodes_mut() {
            node.account = accounts.get(&node.id).copied().unwrap_or_default();
        }
    }

    fn nodes_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        std::iter::once(&mut self.source).chain(self.operators.iter_mut().map(|o| &mut o.node))
    }

    /// Process one source batch.
    pub fn step(
        &mut self,
        source: SourceBatch,
        state: &mut Overlay,
        out: &mut dyn Emit,
    ) -> Result<(), StepError> {
        let (partition, ended) = (source.partition, source.ended);
        let (watermarks, times) = self.observe(partition, source.batch.timestamps(), ended);
        self.process(source, watermarks, times, state, out)
    }

    /// Bring a task's watermark to this value, unless it is beyond, and fire what that closes: event time that goes on without a record.
    pub fn advance(
        &mut self,
        partition: i32,
        watermark: i64,
        state: &mut Overlay,
        out: &mut dyn Emit,
    ) -> Result<(), StepError> {
        let before = self.watermark(partition);
        let timestamp = watermark.saturating_add(self.delay_ms).saturating_add(1);
        self.watermark_mut(partition).observe(timestamp);
        let watermarks = vec![before, self.watermark(partition)];
        let nothing = SourceBatch {
            partition,
            ..SourceBatch::default()
        };
        self.process(nothing, watermarks, Vec::new(), state, out)
    }

    fn process(
        &mut self,
        source: SourceBatch,
        watermarks: Vec<i64>,
        times: Vec<(usize, TimestampVerdict)>,
        state: &mut Overlay,
        out: &mut dyn Emit,
    ) -> Result<(), StepError> {
        self.nodes_mut().for_each(|node| {
            node.output_ordinals = Default::default();
            node.window_ordinals = Default::default();
        });
        let SourceBatch {
            partition,
            batch,
            offsets,
            ..
        } = source;
        let mut cx = Context {
            source_topic: &self.source_topic,
            partition,
            offsets: &offsets,
            watermarks,
            state,
            out,
            side: Vec::new(),
            verdicts: &self.verdicts,
        };
        let rows = batch.len();
        let chunk = Chunk {
            batch,
            at: (0..rows as u32).collect(),
            ordinal: vec![0; rows],
        };
        let chunk = with_times(&mut self.source, chunk, times, &mut cx)?;
        let mut flow = Flow::new(&mut self.operators, &self.topics);
        flow.forward(&self.source, chunk, &mut cx)?;
        flow.end(&mut cx)?;
        for side in side::in_row_order(std::mem::take(&mut cx.side)) {
            emit(&side.record, side.topic, &self.topics, partition, cx.out)?;
        }
        Ok(())
    }

    fn watermark_mut(&mut self, partition: i32) -> &mut Watermark {
        let delay_ms = self.delay_ms;
        let new = || Watermark::new(delay_ms, None, false);
        self.watermarks.entry(partition).or_insert_with(new)
    }

    /// Let the watermark see a batch. Answers the watermark before each row (and after the last, and at the end), and
    /// what differs from the records' own times.
    fn observe(
        &mut self,
        partition: i32,
        timestamps: &[i64],
        ended: bool,
    ) -> (Vec<i64>, Vec<(usize, TimestampVerdict)>) {
        let delay_ms = self.delay_ms;
        let new = || Watermark::new(delay_ms, None, false);
        let watermark = self.watermarks.entry(partition).or_insert_with(new);
        let mut watermarks = Vec::with_capacity(timestamps.len() + 2);
        let mut differing = Vec::new();
        for (row, timestamp) in timestamps.iter().enumerate() {
            watermarks.push(watermark.value());
            match self
                .timestamp
                .judge(Some(*timestamp), watermark.timestamp_max())
            {
                TimestampVerdict::Time(time) if time == *timestamp => watermark.observe(time),
                // A clamped time is one that the watermark has seen already, or the smallest there can be.
                other => differing.push((row, other)),
            }
        }
        watermarks.push(watermark.value());
        if ended {
            watermark.end();
            watermarks.push(watermark.value());
        }
        (watermarks, differing)
    }

    /// What a task needs to go on elsewhere: largest timestamp seen, and whether its input has ended.
    pub fn task(&self, partition: i32) -> (Option<i64>, bool) {
        self.watermarks
            .get(&partition)
            .map_or((None, false), |w| (w.timestamp_max(), w.ended()))
    }

    /// Ids of the operators that keep rows between batches.
    pub fn keeping_rows(&self) -> Vec<String> {
        let keeping = |o: &&Operator| matches!(o.role, Role::WindowAggregate(_));
        let keeping = self.operators.iter().filter(keeping);
        keeping.map(|o| o.node.id.clone()).collect()
    }

    /// Watermark of a task.
    pub fn watermark(&self, partition: i32) -> i64 {
        self.watermarks
            .get(&partition)
            .map_or(crate::time::WATERMARK_MIN, Watermark::value)
    }

    /// Write what operators keep outside of the state into it, and settle the accounts. Before each commit.
    pub fn before_seal(&mut self, state: &mut Overlay) -> Result<(), StoreError> {
        for operator in &mut self.operators {
            if let Role::WindowAggregate(windows) = &mut operator.role {
                windows.before_seal(state)?;
                operator.node.account.held = windows.held();
            }
        }
        Ok(())
    }

    /// Where the rows went, by operator in plan order, the source first.
    pub fn accounts(&self) -> Vec<(String, Account)> {
        let nodes = std::iter::once(&self.source).chain(self.operators.iter().map(|o| &o.node));
        nodes.map(|node| (node.id.clone(), node.account)).collect()
    }

    /// Make the next call of an investigation, outside of a transaction. What it has brought, once there is none: from then on
    /// it is remembered.
    pub fn investigate(&mut self, of: &mut Investigation) -> Result<Option<Learned>, StepError> {
        let operator = &mut self.operators[of.node - 1];
        match of.go_on(operator.udf.as_mut()) {
            Ok(None) => Ok(None),
            Ok(Some(findings)) => Ok(Some(self.learn(of, findings))),
            Err(error) => {
                let nothing = || Call::Filter(crate::Batch::default());
                Err(operator.node.failed(error, nothing, Vec::new()))
            }
        }
    }

    fn learn(&mut self, of: &Investigation, findings: Findings) -> Learned {
        let operator = &mut self.operators[of.node - 1];
        let mut learned = Learned::default();
        if let Some(rows) = findings.rows_per_call_max {
            let fewer = rows.max(1).min(operator.node.rows_per_call_max);
            learned.anything = fewer < operator.node.rows_per_call_max;
            operator.node.rows_per_call_max = fewer;
        }
        for (row, verdict) in findings.rows {
            let id = of.rows[row];
            if let Verdict::Poison(why) = &verdict {
                learned.notes.push(format!(
                    "operator {}: partition {} offset {}: {why}",
                    operator.node.id, id.partition, id.offset
                ));
            }
            let known = self.verdicts.insert(id, verdict.clone());
            learned.anything |= known != Some(verdict);
        }
        learned
    }

    /// Most rows of the source to take at once: an operator that takes few in a call, because its calls ran into a limit, would
    /// take very long for many, and nobody could stop it on the way.
    pub fn rows_max(&self) -> usize {
        let each = self.operators.iter().map(|o| o.node.rows_per_call_max);
        each.min().unwrap_or(usize::MAX)
    }

    /// Verdicts on rows before these offsets are of no more use.
    pub fn forget_verdicts(&mut self, partition: i32, before_offset: i64) {
        self.verdicts
            .retain(|id, _| id.partition != partition || id.offset >= before_offset);
    }
}

/// Apply the policy for invalid times to the source's rows.
fn with_times(
    source: &mut Node,
    mut chunk: Chunk,
    times: Vec<(usize, TimestampVerdict)>,
    cx: &mut Context<'_>,
) -> Result<Chunk, StepError> {
    source.account.input += chunk.len() as u64;
    let mut invalid = Vec::new();
    for (row, verdict) in times {
        match verdict {
            TimestampVerdict::Time(time) => chunk.batch.set_timestamp(row, time),
            TimestampVerdict::Invalid => {
                let why = format!(
                    "timestamp {} is outside of the accepted range (source.timestamp)",
                    chunk.batch.timestamp(row)
                );
                source.row_failed(&chunk, row, &why, cx)?;
                invalid.push(row);
            }
        }
    }
    if source.record_bytes_max != usize::MAX {
        let mut large = Vec::new();
        let rows = (0..chunk.len()).filter(|row| invalid.binary_search(row).is_err());
        source.check_sizes(&chunk.batch, rows.map(|row| (row, row as u32)), &mut large);
        for error in large {
            source.row_failed(&chunk, error.row as usize, &error.message, cx)?;
            invalid.push(error.row as usize);
        }
        invalid.sort_unstable();
    }
    if !invalid.is_empty() {
        chunk = chunk.select(|row| invalid.binary_search(&row).is_err());
    }
    source.account.forwarded += chunk.len() as u64;
    Ok(chunk)
}
