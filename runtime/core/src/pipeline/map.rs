//! Map: the module turns each row into none, one or many.

use super::StepError;
use super::chunk::{Chunk, Context};
use super::flow::Flow;
use super::node::{Node, Segment};
use super::verdict::Call;
use crate::udf::{Emitted, Udf};

/// Run a chunk through a map.
pub fn run(
    node: &mut Node,
    udf: &mut dyn Udf,
    chunk: Chunk,
    below: &mut Flow<'_>,
    cx: &mut Context<'_>,
) -> Result<(), StepError> {
    node.account.input += chunk.len() as u64;
    for segment in node.segments(chunk, cx) {
        let outputs = match segment {
            Segment::Rows(chunk) => apply(node, udf, chunk, false, cx)?,
            Segment::Alone(chunk) => apply(node, udf, chunk, true, cx)?,
            Segment::Poison(chunk, why) => {
                node.row_failed(&chunk, 0, &why, cx)?;
                continue;
            }
        };
        below.forward(node, outputs, cx)?;
    }
    Ok(())
}

fn apply(
    node: &mut Node,
    udf: &mut dyn Udf,
    chunk: Chunk,
    alone: bool,
    cx: &mut Context<'_>,
) -> Result<Chunk, StepError> {
    Node::prepare(udf, alone, cx)?;
    let Emitted {
        output,
        parents,
        mut errors,
    } = match udf.map(&chunk.batch) {
        Ok(answer) => answer,
        Err(error) => {
            let rows = node.row_ids(&chunk, cx);
            return Err(node.failed(error, || Call::Map(chunk.batch), rows));
        }
    };
    let same_key = |row: usize| output.key(row) == chunk.batch.key(parents[row] as usize);
    node.check_outputs(same_key, &output, &parents, &mut errors);
    for error in &errors {
        node.row_failed(&chunk, error.row as usize, &error.message, cx)?;
    }
    let mut output = node.outputs(
        output,
        parents
            .iter()
            .map(|parent| chunk.at[*parent as usize])
            .collect(),
    );
    let mut with_output = distinct(&parents);
    if !errors.is_empty() {
        let failed = |row: u32| errors.binary_search_by_key(&row, |e| e.row).is_ok();
        output = output.select(|row| !failed(parents[row]));
        let going_on: Vec<u32> = parents
            .iter()
            .copied()
            .filter(|parent| !failed(*parent))
            .collect();
        with_output = distinct(&going_on);
    }
    node.account.forwarded += with_output;
    node.account.filtered += chunk.len() as u64 - with_output - errors.len() as u64;
    Ok(output)
}

/// How many different numbers are in a list that never decreases.
fn distinct(parents: &[u32]) -> u64 {
    parents.chunk_by(|a, b| a == b).count() as u64
}
