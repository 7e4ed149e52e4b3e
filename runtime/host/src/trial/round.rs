//! One round: the steps of a case through the pipeline that a shard runs, cut into batches in one way. Each batch is an epoch of its
//! own, so that a batch in which a module traps is done again as a shard does it.

use super::case::{Case, Step, What};
use super::rand::Random;
use crate::json_lines::Record;
use sluicebox_core::batch::Batch;
use sluicebox_core::ledger::Account;
use sluicebox_core::log::{self, OutRecord, SourceBatch};
use sluicebox_core::overlay::Overlay;
use sluicebox_core::pipeline::{Emit, Investigation, Pipeline, Plan, StepError, TopicLimits};
use sluicebox_core::state::{Marker, MemoryStore};
use sluicebox_core::udf::Udf;
use std::collections::{BTreeMap, BTreeSet};

/// State that is kept in memory, in bytes.
const CACHE_BYTES_MAX: usize = 64 << 20;
/// Largest output, as topics have it by default, in bytes.
const RECORD_BYTES_MAX: usize = 1 << 20;
/// Rows of a batch.
const ROWS_MAX: usize = 1_024;

/// A record that came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Number of its topic in the plan.
    pub topic: usize,
    /// Partition.
    pub partition: i32,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value.
    pub value: Option<Vec<u8>>,
    /// Packed headers.
    pub headers: Vec<u8>,
    /// Event time in milliseconds.
    pub timestamp: i64,
}

/// How records that follow each other are cut into batches.
#[derive(Clone, Debug)]
pub enum Cut {
    /// As few as can be.
    Whole,
    /// Each alone.
    Ones,
    /// By chance.
    Random(Random),
}

impl Cut {
    fn next(&mut self, rows: usize) -> usize {
        match self {
            Self::Whole => rows,
            Self::Ones => 1,
            // Small ones show more than large ones.
            Self::Random(random) => {
                let most = 1 + random.below(16);
                1 + random.below(rows.min(most))
            }
        }
    }
}

/// Why a round did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Line of the step.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// What came out of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// By look: of each `expect` what came since the one before, then what came after the last.
    pub looks: Vec<Vec<Output>>,
    /// Why it ended before the case did.
    pub stopped: Option<Stopped>,
    /// Where the rows went, by operator.
    pub accounts: Vec<(String, Account)>,
    /// Records that the job would have named in its log.
    pub notes: Vec<String>,
    /// Outputs of the last look that came before the input ended.
    pub before_end: usize,
}

/// Run a case. The modules are those of the plan, in order.
pub fn run(plan: &Plan, udfs: Vec<Box<dyn Udf>>, case: &Case, cut: Cut) -> Outcome {
    let partitions = case
        .records()
        .filter_map(|(_, record)| record.partition)
        .max();
    let limits = TopicLimits {
        partitions: partitions.unwrap_or(0) + 1,
        record_bytes_max: RECORD_BYTES_MAX,
    };
    let topics = vec![limits; plan.topics.len()];
    let mut round = Round {
        pipeline: Pipeline::new(plan, udfs, topics),
        overlay: Overlay::new(Box::new(MemoryStore::new()), CACHE_BYTES_MAX),
        committed: Committed::default(),
        offsets: BTreeMap::new(),
        out: Collected::default(),
        outcome: Outcome::default(),
        cut,
    };
    let stopped = round.case(case).err();
    let mut outcome = round.outcome;
    outcome.looks.push(round.out.0);
    outcome.accounts = round.pipeline.accounts();
    outcome.stopped = stopped;
    outcome
}

/// What the last batch left.
#[derive(Default)]
struct Committed {
    epoch: u64,
    tasks: BTreeMap<i32, (Option<i64>, bool)>,
    accounts: BTreeMap<String, Account>,
}

#[derive(Default)]
struct Collected(Vec<Output>);

impl Emit for Collected {
    fn emit(&mut self, record: OutRecord<'_>) -> log::Result<()> {
        self.0.push(Output {
            topic: record.topic,
            partition: record.partition,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.unwrap_or_default().to_vec(),
            timestamp: record.timestamp,
        });
        Ok(())
    }
}

struct Round {
    pipeline: Pipeline,
    overlay: Overlay,
    committed: Committed,
    /// Next offset of each partition that has had records.
    offsets: BTreeMap<i32, i64>,
    out: Collected,
    outcome: Outcome,
    cut: Cut,
}

/// A move of the pipeline that may have to be made again.
enum Move {
    Batch(SourceBatch),
    Watermark(i32, i64),
}

impl Round {
    fn case(&mut self, case: &Case) -> Result<(), Stopped> {
        let mut steps = case.steps.as_slice();
        let mut ended = false;
        while let Some((step, rest)) = steps.split_first() {
            match &step.what {
                What::Record(first) => {
                    let run = steps.iter().take_while(|s| follows(first, s)).count();
                    let rows = self.cut.next(run.min(ROWS_MAX));
                    self.records(&steps[..rows])?;
                    steps = &steps[rows..];
                    continue;
                }
                What::Watermark(partition, to) => self.watermark(step.line, *partition, *to)?,
                What::End => {
                    ended = true;
                    self.outcome.before_end = self.out.0.len();
                    self.end(step.line)?;
                }
                What::Expect(_) => {
                    let outputs = std::mem::take(&mut self.out.0);
                    self.outcome.looks.push(outputs);
                }
            }
            steps = rest;
        }
        if ended {
            return Ok(());
        }
        self.outcome.before_end = self.out.0.len();
        self.end(case.lines)
    }

    fn records(&mut self, steps: &[Step]) -> Result<(), Stopped> {
        let mut batch = Batch::default();
        let mut partition = 0;
        for step in steps {
            if let What::Record(record) = &step.what {
                partition = record.partition.unwrap_or(0);
                let headers = (!record.headers.is_empty()).then_some(record.headers.as_slice());
                batch.push(
                    record.key.as_deref(),
                    record.value.as_deref(),
                    headers,
                    record.timestamp,
                );
            }
        }
        let next = self.offsets.entry(partition).or_insert(0);
        let offsets: Vec<i64> = (*next..*next + batch.len() as i64).collect();
        *next += batch.len() as i64;
        let batch = SourceBatch {
            partition,
            batch,
            next_offset: *next,
            offsets,
            ended: false,
        };
        self.make(
            steps.first().map_or(0, |step| step.line),
            &Move::Batch(batch),
        )
    }

    /// Partitions that are there: those that have had records, at least the first.
    fn partitions(&self) -> BTreeSet<i32> {
        let known = self.offsets.keys().copied();
        known.chain(self.offsets.is_empty().then_some(0)).collect()
    }

    fn watermark(&mut self, line: usize, only: Option<i32>, to: i64) -> Result<(), Stopped> {
        let all = only.map_or_else(|| self.partitions(), |only| [only].into());
        for partition in all {
            self.offsets.entry(partition).or_insert(0);
            self.make(line, &Move::Watermark(partition, to))?;
        }
        Ok(())
    }

    fn end(&mut self, line: usize) -> Result<(), Stopped> {
        for partition in self.partitions() {
            let batch = SourceBatch {
                partition,
                next_offset: self.offsets.get(&partition).copied().unwrap_or(0),
                ended: true,
                ..SourceBatch::default()
            };
            self.make(line, &Move::Batch(batch))?;
        }
        Ok(())
    }

    fn make(&mut self, line: usize, what: &Move) -> Result<(), Stopped> {
        let stopped = |why: String| Stopped { line, why };
        let mark = self.out.0.len();
        loop {
            let done = match what {
                Move::Batch(batch) => {
                    self.pipeline
                        .step(batch.clone(), &mut self.overlay, &mut self.out)
                }
                Move::Watermark(partition, to) => {
                    self.pipeline
                        .advance(*partition, *to, &mut self.overlay, &mut self.out)
                }
            };
            match done {
                Ok(()) => break,
                Err(StepError::Trap(failed)) => {
                    let trap = failed.trap.clone();
                    let learned = self
                        .investigate(Investigation::new(*failed))
                        .map_err(stopped)?;
                    if !learned {
                        return Err(stopped(trap));
                    }
                    self.out.0.truncate(mark);
                    self.go_back().map_err(stopped)?;
                }
                Err(error) => return Err(stopped(error.to_string())),
            }
        }
        self.commit().map_err(stopped)
    }

    /// Find the guilty rows. Answers whether anything was learnt.
    fn investigate(&mut self, mut of: Investigation) -> Result<bool, String> {
        loop {
            if let Some(learned) = self
                .pipeline
                .investigate(&mut of)
                .map_err(|e| e.to_string())?
            {
                self.outcome.notes.extend(learned.notes);
                return Ok(learned.anything);
            }
        }
    }

    fn go_back(&mut self) -> Result<(), String> {
        self.overlay.reset();
        self.pipeline.reset(&self.committed.accounts);
        for (partition, (timestamp_max, ended)) in &self.committed.tasks {
            self.pipeline
                .restore(*partition, *timestamp_max, *ended, &self.overlay)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), String> {
        self.pipeline
            .before_seal(&mut self.overlay)
            .map_err(|e| e.to_string())?;
        let accounts = self.pipeline.accounts();
        if let Some((id, why)) = accounts
            .iter()
            .find_map(|(id, a)| Some((id, a.imbalance()?)))
        {
            return Err(format!(
                "the ledger of operator `{id}` does not balance: {why}. This is a bug in sluicebox: please report it."
            ));
        }
        let delta = self.overlay.seal();
        self.committed.epoch += 1;
        let marker = Marker {
            lineage: 1,
            epoch: self.committed.epoch,
            generation: 1,
            changelog_next: 0,
        };
        self.overlay
            .committed(&delta, marker)
            .map_err(|e| e.to_string())?;
        self.committed.accounts = accounts.into_iter().collect();
        for partition in self.offsets.keys() {
            let task = self.pipeline.task(*partition);
            self.committed.tasks.insert(*partition, task);
        }
        Ok(())
    }
}

/// Whether a step is a record of the same partition, which may be in one batch with the first.
fn follows(first: &Record, step: &Step) -> bool {
    matches!(&step.what, What::Record(record) if record.partition.unwrap_or(0) == first.partition.unwrap_or(0))
}
