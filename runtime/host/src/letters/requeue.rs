//! Giving records back to a job's source.

use super::desk::{Desk, Originals, Positions, Row};
use super::letter::Letter;
use super::path::untouched;
use crate::error::{Error, Result};
use sluicebox_core::batch::Batch;
use sluicebox_core::log::{Log, OutRecord, Position, Topic};
use sluicebox_core::pipeline::source_topic;
use sluicebox_core::spec::JobSpec;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Most records of a transaction.
const RECORDS_MAX: usize = 5_000;
/// Most bytes of a transaction; one record may be larger.
const BYTES_MAX: usize = 16 << 20;
/// Longest time to collect them.
const COLLECT_MAX: Duration = Duration::from_secs(20);
/// Most records of the topic that a dry run looks at.
const DRY_READ_MAX: u64 = 200_000;

/// What to give back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requeue {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Also records of which parts may have had their effect already: those count twice.
    pub repeats: bool,
    /// Letters before these offsets only, by partition; empty: all that there are now.
    pub until: Positions,
}

/// What became of the letters, as far as one transaction goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requeued {
    /// The source topic.
    pub topic: String,
    /// Records given back, by the operator that failed.
    pub requeued: BTreeMap<String, u64>,
    /// Letters of a record that was given back in the same call.
    pub duplicates: u64,
    /// Letters whose record is not in the source any more.
    pub gone: u64,
    /// Letters that are results of windows: there is no record to give back.
    pub windows: u64,
    /// What is no dead letter of this job.
    pub foreign: u64,
    /// The end that was meant, by partition.
    pub until: Positions,
    /// Whether that was reached: if not, ask again with this `until`.
    pub done: bool,
}

/// Give a job's records back, as many as fit into one transaction.
pub fn requeue(log: &dyn Log, spec: &JobSpec, base: &str, wish: &Requeue) -> Result<Requeued> {
    let topic = source_topic(&spec.source);
    let missing = || Error::halted(format!("there is no topic `{topic}` any more"));
    let source = log.topic(&topic)?.ok_or_else(missing)?;
    let mut desk = Desk::open(log, spec, base, std::slice::from_ref(&topic))?;
    if !wish.dry_run {
        // Whoever else does the same is fenced, and has committed all or nothing: what follows is how far that went.
        desk.log.init_transactions()?;
    }
    let (mut at, ends) = desk.span(false)?;
    let until = match wish.until.is_empty() {
        true => ends,
        false => wish.until.clone(),
    };
    let before = at.clone();
    let mut pile = Pile::new(log, spec, base, source, wish);
    pile.requeued.topic = topic;
    desk.read(&mut at, &until, &mut |row| pile.take(row))?;
    let end = |partition: &i32| until.get(partition).copied().unwrap_or(0);
    pile.requeued.done = at
        .iter()
        .all(|(partition, offset)| *offset >= end(partition));
    pile.requeued.until = until;
    if !wish.dry_run && at != before {
        pile.write(&mut desk, &at)?;
    }
    Ok(pile.requeued)
}

/// Records to be written, and what is known of those that are not.
struct Pile<'a> {
    log: &'a dyn Log,
    spec: &'a JobSpec,
    base: &'a str,
    source: Topic,
    wish: &'a Requeue,
    originals: Option<Originals>,
    /// Whether nothing of a record that failed there has had an effect, by operator.
    untouched: HashMap<String, bool>,
    seen: HashSet<(i32, i64)>,
    records: Vec<(i32, Batch)>,
    bytes: usize,
    read: u64,
    started: Instant,
    requeued: Requeued,
}

impl<'a> Pile<'a> {
    fn new(
        log: &'a dyn Log,
        spec: &'a JobSpec,
        base: &'a str,
        source: Topic,
        wish: &'a Requeue,
    ) -> Self {
        Self {
            log,
            spec,
            base,
            source,
            wish,
            originals: None,
            untouched: HashMap::new(),
            seen: HashSet::new(),
            records: Vec::new(),
            bytes: 0,
            read: 0,
            started: Instant::now(),
            requeued: Requeued::default(),
        }
    }

    fn full(&self) -> bool {
        let many = match self.wish.dry_run {
            true => self.read == DRY_READ_MAX,
            false => self.records.len() >= RECORDS_MAX || self.bytes >= BYTES_MAX,
        };
        many || self.started.elapsed() > COLLECT_MAX
    }

    fn take(&mut self, row: Row<'_>) -> Result<ControlFlow<()>> {
        if self.full() {
            return Ok(ControlFlow::Break(()));
        }
        self.read += 1;
        let letter = Letter::read(row.rows, row.row, self.spec);
        let of_source = |letter: &Letter| letter.source_partition < self.source.partitions;
        match letter.filter(of_source) {
            None => self.requeued.foreign += 1,
            Some(letter) => self.deal_with(row, letter)?,
        }
        Ok(ControlFlow::Continue(()))
    }

    fn deal_with(&mut self, row: Row<'_>, letter: Letter) -> Result<()> {
        let Some(offset) = letter.source_offset.filter(|_| letter.window_end.is_none()) else {
            self.requeued.windows += 1;
            return Ok(());
        };
        let untouched = *self
            .untouched
            .entry(letter.operator.clone())
            .or_insert_with(|| untouched(self.spec, &letter.operator));
        if !untouched && !self.wish.repeats {
            return Err(may_repeat(&row, &letter));
        }
        if !self.seen.insert((letter.source_partition, offset)) {
            self.requeued.duplicates += 1;
            return Ok(());
        }
        if !self.wish.dry_run {
            let record = match untouched && letter.whole {
                true => Some(record(row, &letter)),
                false => self.original(letter.source_partition, offset)?,
            };
            let Some(record) = record else {
                self.requeued.gone += 1;
                return Ok(());
            };
            self.bytes += record.data().len();
            self.records.push((letter.source_partition, record));
        }
        *self.requeued.requeued.entry(letter.operator).or_default() += 1;
        Ok(())
    }

    fn original(&mut self, partition: i32, offset: i64) -> Result<Option<Batch>> {
        if self.originals.is_none() {
            let partitions = self.source.partitions;
            self.originals = Some(Originals::open(self.log, self.spec, self.base, partitions)?);
        }
        let originals = self.originals.as_mut();
        originals.map_or(Ok(None), |originals| originals.read(partition, offset))
    }

    fn write(&self, desk: &mut Desk, at: &Positions) -> Result<()> {
        let positions: Vec<Position> = at
            .iter()
            .map(|(partition, offset)| Position {
                partition: *partition,
                offset: *offset,
                metadata: String::new(),
            })
            .collect();
        desk.log.begin()?;
        for (partition, record) in &self.records {
            desk.log.send(OutRecord {
                topic: 0,
                partition: *partition,
                key: record.key(0),
                value: record.value(0),
                headers: record.headers(0),
                timestamp: record.timestamp(0),
            })?;
        }
        // Tainted or not: this connection makes no other transaction.
        desk.log.commit(&positions, &desk.topic)?;
        Ok(())
    }
}

/// The record that a whole letter of an untouched one still is.
fn record(row: Row<'_>, letter: &Letter) -> Batch {
    let mut record = Batch::default();
    let (rows, row) = (row.rows, row.row);
    let headers = letter.headers.as_deref();
    record.push(rows.key(row), rows.value(row), headers, rows.timestamp(row));
    record
}

fn may_repeat(row: &Row<'_>, letter: &Letter) -> Error {
    Error::halted(format!(
        "the dead letter in partition {} at offset {} failed in operator `{}`, and the job may have made something of its \
         record elsewhere, which would count twice; nothing was requeued\nif that does no harm, say so (`--repeats`)",
        row.partition, row.offset, letter.operator
    ))
}
