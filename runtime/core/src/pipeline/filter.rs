//! Filter: the module says which rows stay.

use super::StepError;
use super::chunk::{Chunk, Context};
use super::flow::Flow;
use super::node::{Node, Segment};
use super::verdict::Call;
use crate::udf::Udf;

/// Run a chunk through a filter.
pub fn run(
    node: &mut Node,
    udf: &mut dyn Udf,
    chunk: Chunk,
    below: &mut Flow<'_>,
    cx: &mut Context<'_>,
) -> Result<(), StepError> {
    node.account.input += chunk.len() as u64;
    for segment in node.segments(chunk, cx) {
        let kept = match segment {
            Segment::Rows(chunk) => keep(node, udf, chunk, false, cx)?,
            Segment::Alone(chunk) => keep(node, udf, chunk, true, cx)?,
            Segment::Poison(chunk, why) => {
                node.row_failed(&chunk, 0, &why, cx)?;
                continue;
            }
        };
        below.forward(node, kept, cx)?;
    }
    Ok(())
}

fn keep(
    node: &mut Node,
    udf: &mut dyn Udf,
    chunk: Chunk,
    alone: bool,
    cx: &mut Context<'_>,
) -> Result<Chunk, StepError> {
    Node::prepare(udf, alone, cx)?;
    let mut answer = match udf.filter(&chunk.batch) {
        Ok(answer) => answer,
        Err(error) => {
            let rows = node.row_ids(&chunk, cx);
            return Err(node.failed(error, || Call::Filter(chunk.batch), rows));
        }
    };
    let mut errors = std::mem::take(&mut answer.errors);
    if node.record_bytes_max != usize::MAX {
        let parents: Vec<u32> = (0..chunk.len() as u32)
            .filter(|row| answer.keeps(*row as usize))
            .collect();
        node.check_sizes(
            &chunk.batch,
            parents.iter().map(|row| (*row as usize, *row)),
            &mut errors,
        );
    }
    for error in &errors {
        node.row_failed(&chunk, error.row as usize, &error.message, cx)?;
    }
    let failed = |row: usize| {
        errors
            .binary_search_by_key(&(row as u32), |e| e.row)
            .is_ok()
    };
    let rows = chunk.len();
    let chunk = if errors.is_empty() {
        chunk.select(|row| answer.keeps(row))
    } else {
        chunk.select(|row| answer.keeps(row) && !failed(row))
    };
    node.account.forwarded += chunk.len() as u64;
    node.account.filtered += (rows - chunk.len() - errors.len()) as u64;
    Ok(chunk)
}
