//! Answers that a window-aggregate must not give, and honest ones: it counts, one byte a row.

use crate::exports::sluicebox::udf::window_aggregate::{
    Accumulated, Batch, Emitted, Guest, Packed, RowError,
};
use crate::random::{Random, random};
use crate::{Hostile, is, mapper, misbehave};

pub(crate) const NULL: u32 = 0xffff_ffff;
const SAME: u32 = 0xffff_fffe;

impl Guest for Hostile {
    fn accumulate(accumulators: Packed, groups: Vec<u32>, input: Batch) -> Accumulated {
        misbehave(&input.data);
        if let Some(mut random) = random() {
            return accumulated(&mut random, accumulators.index.len() / 2);
        }
        let mut items = items(&accumulators);
        for group in groups {
            items[group as usize].push(1);
        }
        answer(items)
    }

    fn merge(left: Packed, right: Packed) -> Accumulated {
        misbehave(&[]);
        if let Some(mut random) = random() {
            return accumulated(&mut random, left.index.len() / 2);
        }
        let merged = items(&left).into_iter().zip(items(&right));
        answer(merged.map(|(left, right)| [left, right].concat()).collect())
    }

    fn finish(keys: Packed, _windows: Vec<i64>, accumulators: Packed) -> Emitted {
        misbehave(&[]);
        let groups = keys.index.len() / 2;
        if let Some(mut random) = random() {
            let made = mapper::emitted(&mut random, groups);
            return Emitted {
                output: Batch {
                    data: made.output.data,
                    index: made.output.index,
                    timestamps: made.output.timestamps,
                },
                parents: made.parents,
                errors: Vec::new(),
            };
        }
        let mut output = Batch {
            data: Vec::new(),
            index: Vec::new(),
            timestamps: Vec::new(),
        };
        for item in items(&accumulators) {
            let count = item.len().to_string();
            let at = output.data.len() as u32;
            let value = if is("value same") {
                [0, SAME]
            } else {
                [at, count.len() as u32]
            };
            output.index.extend([0, SAME, value[0], value[1], 0, NULL]);
            output.data.extend(count.as_bytes());
        }
        Emitted {
            output,
            parents: (0..groups as u32).collect(),
            errors: Vec::new(),
        }
    }
}

/// Anything at all.
fn accumulated(random: &mut Random, groups: usize) -> Accumulated {
    let (bytes, numbers) = (random.below(64) as usize, random.length(2 * groups));
    Accumulated {
        accumulators: Packed {
            data: random.bytes(bytes),
            index: random.numbers(numbers),
        },
        errors: random.errors(|row, message| RowError { row, message }),
    }
}

fn items(packed: &Packed) -> Vec<Vec<u8>> {
    packed
        .index
        .chunks_exact(2)
        .map(|item| match item[1] {
            NULL => Vec::new(),
            length => packed.data[item[0] as usize..][..length as usize].to_vec(),
        })
        .collect()
}

fn answer(mut items: Vec<Vec<u8>>) -> Accumulated {
    let mut errors = Vec::new();
    if is("one accumulator too few") {
        items.pop();
    } else if is("accumulator too large") {
        items[0] = vec![0; (64 << 10) + 1];
    } else if is("fail a row that is not there") {
        errors.push(RowError {
            row: u32::MAX,
            message: String::new(),
        });
    }
    let mut packed = Packed {
        data: Vec::new(),
        index: Vec::new(),
    };
    for item in items {
        packed
            .index
            .extend([packed.data.len() as u32, item.len() as u32]);
        packed.data.extend(item);
    }
    if is("accumulator outside") {
        packed.index[0] = u32::MAX;
    }
    Accumulated {
        accumulators: packed,
        errors,
    }
}
