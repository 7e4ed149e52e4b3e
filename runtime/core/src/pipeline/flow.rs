//! The way of rows through the operators: each chunk of an operator's outputs goes to all who read them, in plan order.

use super::chunk::{Chunk, Context};
use super::{Emit, Operator, Role, StepError, Target, TopicLimits, filter, map, side, window};
use crate::log::{OutRecord, partition_of};

/// Rows on their way through the operators.
pub(super) struct Flow<'f, 'c, 'd> {
    pub operators: &'f mut [Operator],
    pub topics: &'f [TopicLimits],
    pub cx: &'c mut Context<'d>,
}

impl Flow<'_, '_, '_> {
    /// Give chunks of node number `from` to all who read them; `last` says that nothing follows in this source batch.
    pub fn forward(
        &mut self,
        from: usize,
        targets: &[Target],
        chunks: Vec<Chunk>,
        last: bool,
    ) -> Result<(), StepError> {
        for (i, target) in targets.iter().enumerate() {
            match target {
                Target::Sink(topic) => {
                    for chunk in &chunks {
                        emit(
                            &chunk.batch,
                            *topic,
                            self.topics,
                            self.cx.partition,
                            self.cx.out,
                        )?;
                    }
                }
                Target::SharedSink(topic) => {
                    for chunk in &chunks {
                        self.cx.side.extend(side::outputs(chunk, from, *topic));
                    }
                }
                Target::Operator(number) if i + 1 == targets.len() => {
                    return self.feed(*number, chunks, last);
                }
                Target::Operator(number) => self.feed(*number, chunks.clone(), last)?,
            }
        }
        Ok(())
    }

    fn feed(&mut self, number: usize, mut chunks: Vec<Chunk>, last: bool) -> Result<(), StepError> {
        // An operator must be called at the end of each source batch even without rows: its windows may be due. In
        // between, a chunk without rows has no place in time.
        chunks.retain(|chunk| !chunk.is_empty());
        if chunks.is_empty() && last {
            chunks.push(Chunk::default());
        }
        let count = chunks.len();
        for (i, chunk) in chunks.into_iter().enumerate() {
            let last = last && i + 1 == count;
            let fire_to = match chunk.at.last() {
                Some(at) if !last => self.cx.watermark_before(*at),
                _ => self.cx.watermark_after(),
            };
            let Operator { node, role, udf } = &mut self.operators[number];
            let outputs = match role {
                Role::Filter => filter::run(node, udf.as_mut(), chunk, self.cx)?,
                Role::Map => map::run(node, udf.as_mut(), chunk, self.cx)?,
                Role::WindowAggregate(windows) => {
                    window::run(node, windows, udf.as_mut(), chunk, fire_to, self.cx)?
                }
            };
            let targets = std::mem::take(&mut node.targets);
            let forwarded = self.forward(number + 1, &targets, outputs, last);
            self.operators[number].node.targets = targets;
            forwarded?;
        }
        Ok(())
    }
}

/// Send all rows of a batch to a topic.
pub(super) fn emit(
    batch: &crate::Batch,
    topic: usize,
    topics: &[TopicLimits],
    source_partition: i32,
    out: &mut dyn Emit,
) -> Result<(), StepError> {
    for row in 0..batch.len() {
        let key = batch.key(row);
        out.emit(OutRecord {
            topic,
            partition: partition_of(key, source_partition, topics[topic].partitions),
            key,
            value: batch.value(row),
            headers: batch.headers(row),
            timestamp: batch.timestamp(row),
        })?;
    }
    Ok(())
}
