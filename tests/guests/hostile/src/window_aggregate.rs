//! Answers that a window-aggregate must not give, and honest ones: it counts, one byte a row.

use crate::exports::sluicebox::udf::window_aggregate::{
    Accumulated, Batch, Emitted, Guest, Packed, RowError,
};
use crate::{Hostile, is, misbehave};

const NULL: u32 = 0xffff_ffff;
const SAME: u32 = 0xffff_fffe;

impl Guest for Hostile {
    fn accumulate(accumulators: Packed, groups: Vec<u32>, input: Batch) -> Accumulated {
        misbehave(&input.data);
        let mut items = items(&accumulators);
        for group in groups {
            items[group as usize].push(1);
        }
        answer(items)
    }

    fn merge(left: Packed, right: Packed) -> Accumulated {
        misbehave(&[]);
        let merged = items(&left).into_iter().zip(items(&right));
        answer(merged.map(|(left, right)| [left, right].concat()).collect())
    }

    fn finish(keys: Packed, _windows: Vec<i64>, accumulators: Packed) -> Emitted {
        misbehave(&[]);
        let groups = keys.index.len() / 2;
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
