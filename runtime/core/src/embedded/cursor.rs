//! Reading a topic from positions on: what a shard's `poll` and a [`Reader`](super::Reader) have in common.

use super::broker::State;
use super::partition::Partition;
use super::shared::Shared;
use crate::batch::{Batch, ROWS_MAX};
use crate::log::{Error, Result, SourceBatch};
use std::time::Duration;

/// About how many bytes one batch may hold; a larger record comes alone.
const BATCH_BYTES_MAX: usize = 4 << 20;

struct At {
    partition: i32,
    offset: i64,
    ended: bool,
}

/// Positions in some partitions of a topic.
pub(super) struct Cursor {
    topic: String,
    positions: Vec<At>,
    /// Partition (by its place) to read first: they take turns.
    turn: usize,
}

impl Cursor {
    pub fn new(topic: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            positions: Vec::new(),
            turn: 0,
        }
    }

    /// Read these partitions from these offsets on, and no others.
    pub fn assign(&mut self, state: &State, positions: &[(i32, i64)]) -> Result<()> {
        for (partition, _) in positions {
            state.partition(&self.topic, *partition)?;
        }
        let at = |&(partition, offset): &(i32, i64)| At {
            partition,
            offset,
            ended: false,
        };
        self.positions = positions.iter().map(at).collect();
        self.turn = 0;
        Ok(())
    }

    /// True when all partitions of a sealed topic have been read to their ends.
    pub fn ended(&self) -> bool {
        !self.positions.is_empty() && self.positions.iter().all(|at| at.ended)
    }

    /// Append what there is, at most `rows_max` records, waiting up to `wait` if there is nothing.
    pub fn poll(
        &mut self,
        shared: &Shared,
        rows_max: usize,
        wait: Duration,
        into: &mut Vec<SourceBatch>,
    ) -> Result<()> {
        let state = shared.wait(shared.lock(), Some(wait), |state| self.idle(state));
        self.fill(&state, rows_max, into)
    }

    fn idle(&self, state: &State) -> bool {
        let Some(topic) = state.find(&self.topic) else {
            return false;
        };
        self.positions.iter().all(|at| {
            let partition = topic.partitions.get(at.partition as usize);
            at.ended || partition.is_some_and(|p| at.idle(p, topic.sealed))
        })
    }

    fn fill(&mut self, state: &State, rows_max: usize, into: &mut Vec<SourceBatch>) -> Result<()> {
        let sealed = state.topic(&self.topic)?.sealed;
        let mut rows_left = rows_max;
        let count = self.positions.len();
        for i in 0..count {
            let place = (self.turn + i) % count;
            let at = &mut self.positions[place];
            while rows_left > 0 && !at.ended {
                let Some(batch) = at.read(state, &self.topic, sealed, rows_left)? else {
                    break;
                };
                rows_left -= batch.batch.len();
                into.push(batch);
            }
            if rows_left == 0 {
                // The one that filled the answer comes last next time.
                self.turn = (place + 1) % count;
                break;
            }
        }
        Ok(())
    }
}

impl At {
    fn idle(&self, partition: &Partition, sealed: bool) -> bool {
        let unstable = partition.stable_end()..=partition.end();
        unstable.contains(&self.offset) && !(sealed && self.offset == partition.end())
    }

    /// The next batch of the partition; `None` if there is nothing.
    fn read(
        &mut self,
        state: &State,
        topic: &str,
        sealed: bool,
        rows_max: usize,
    ) -> Result<Option<SourceBatch>> {
        let partition = state.partition(topic, self.partition)?;
        // Up to the very end: a position behind an open transaction is odd, but not lost.
        if self.offset < partition.start() || self.offset > partition.end() {
            return Err(out_of_range(topic, self.partition, self.offset, partition));
        }
        let (mut batch, mut offsets) = (Batch::default(), Vec::new());
        let rows_max = rows_max.min(ROWS_MAX);
        let next = partition.read(
            self.offset,
            rows_max,
            BATCH_BYTES_MAX,
            &mut batch,
            &mut offsets,
        );
        self.ended = sealed && next == partition.end();
        if next == self.offset && !self.ended {
            return Ok(None);
        }
        self.offset = next;
        Ok(Some(SourceBatch {
            partition: self.partition,
            batch,
            offsets,
            next_offset: next,
            ended: self.ended,
        }))
    }
}

fn out_of_range(topic: &str, number: i32, offset: i64, partition: &Partition) -> Error {
    Error::halt(format!(
        "topic {topic:?} partition {number}: position {offset} is outside of what the log holds, {} to {}. \
         Records were deleted or the topic was made again; give the job an explicit start to go on without them",
        partition.start(),
        partition.end()
    ))
}
