//! The way of rows through the operators: what one puts out goes at once to all who read it, chunk by chunk, in plan order.
//! Nothing waits here for the rest of a window, so a window's results take no more memory than one call's.

use super::chunk::{Chunk, Context};
use super::node::Node;
use super::{Emit, Operator, Role, StepError, Target, TopicLimits, filter, map, side, window};
use crate::log::{OutRecord, partition_of};

/// What is below the source or an operator.
pub(super) struct Flow<'f> {
    /// The operators after it, in plan order: those that read it, directly or not, are among them.
    operators: &'f mut [Operator],
    /// Number of the first of them in the plan.
    first: usize,
    topics: &'f [TopicLimits],
}

impl<'f> Flow<'f> {
    /// What is below the source.
    pub fn new(operators: &'f mut [Operator], topics: &'f [TopicLimits]) -> Self {
        let first = 0;
        Self {
            operators,
            first,
            topics,
        }
    }

    /// An operator, and what is below it.
    fn split(&mut self, number: usize) -> (&mut Operator, Flow<'_>) {
        let (upper, operators) = self.operators.split_at_mut(number + 1 - self.first);
        let below = Flow {
            operators,
            first: number + 1,
            topics: self.topics,
        };
        (&mut upper[number - self.first], below)
    }

    /// Give a chunk of `from`'s outputs to all who read them.
    pub fn forward(
        &mut self,
        from: &Node,
        chunk: Chunk,
        cx: &mut Context<'_>,
    ) -> Result<(), StepError> {
        if chunk.is_empty() {
            return Ok(());
        }
        for (i, target) in from.targets.iter().enumerate() {
            match target {
                Target::Sink(topic) => {
                    emit(&chunk.batch, *topic, self.topics, cx.partition, cx.out)?
                }
                Target::SharedSink(topic) => {
                    cx.side.extend(side::outputs(&chunk, from.number, *topic));
                }
                Target::Operator(number) if i + 1 == from.targets.len() => {
                    return self.feed(*number, chunk, cx);
                }
                Target::Operator(number) => self.feed(*number, chunk.clone(), cx)?,
            }
        }
        Ok(())
    }

    fn feed(&mut self, number: usize, chunk: Chunk, cx: &mut Context<'_>) -> Result<(), StepError> {
        let (Operator { node, role, udf }, mut below) = self.split(number);
        let udf = udf.as_mut();
        match role {
            Role::Filter => filter::run(node, udf, chunk, &mut below, cx),
            Role::Map => map::run(node, udf, chunk, &mut below, cx),
            Role::WindowAggregate(windows) => {
                window::run(node, windows, udf, chunk, &mut below, cx)
            }
        }
    }

    /// All rows of the source batch have passed: fire what its watermark closes. In plan order, so that what one
    /// operator fires has reached the next before the watermark does.
    pub fn end(&mut self, cx: &mut Context<'_>) -> Result<(), StepError> {
        for number in self.first..self.first + self.operators.len() {
            let (Operator { node, role, udf }, mut below) = self.split(number);
            if let Role::WindowAggregate(windows) = role {
                window::end(node, windows, udf.as_mut(), &mut below, cx)?;
            }
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
