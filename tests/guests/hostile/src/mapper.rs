//! Answers that a map must not give, and honest ones.

use crate::exports::sluicebox::udf::mapper::{Batch, Emitted, Guest, RowError};
use crate::random::{Random, random};
use crate::{Hostile, is, misbehave};

const NULL: u32 = 0xffff_ffff;
const SAME: u32 = 0xffff_fffe;

impl Guest for Hostile {
    fn apply(input: Batch) -> Emitted {
        misbehave(&input.data);
        let rows = (input.index.len() / 6) as u32;
        if let Some(mut random) = random() {
            return emitted(&mut random, rows as usize);
        }
        let mut answer = same(rows);
        if is("offset outside") {
            answer.output.index[2..4].copy_from_slice(&[1, 1]);
        } else if is("offset overflows") {
            answer.output.index[2..4].copy_from_slice(&[u32::MAX, 0xffff_fff0]);
        } else if is("index too short") {
            answer.output.index.pop();
        } else if is("no index") {
            answer.output.index.clear();
        } else if is("parent outside") {
            answer.parents[rows as usize - 1] = rows;
        } else if is("parents descend") {
            answer.parents[0] = rows - 1;
        } else if is("headers lie") {
            answer.output.data = vec![0xff, 0, 0, 0];
            answer.output.index[4..6].copy_from_slice(&[0, 4]);
        } else if is("too many outputs") {
            answer.parents = vec![0; 1_001];
            answer.output.index = [0, SAME, 0, SAME, 0, SAME].repeat(1_001);
        } else if is("amplify by sharing") {
            // Each row a thousand outputs, all of them the same megabyte.
            answer.output.data = vec![7; 1 << 20];
            answer.parents = (0..rows).flat_map(|row| [row; 1_000]).collect();
            answer.output.index = [0, NULL, 0, 1 << 20, 0, NULL].repeat(answer.parents.len());
        } else if is("amplify by same") {
            answer.parents = (0..rows).flat_map(|row| [row; 1_000]).collect();
            answer.output.index = [0, SAME, 0, SAME, 0, SAME].repeat(answer.parents.len());
        } else if is("fail a parent") {
            answer.errors = vec![RowError {
                row: 0,
                message: "and yet it has output".into(),
            }];
        } else if is("fail row 0") {
            answer.parents.remove(0);
            answer.output.index.drain(..6);
            answer.errors = vec![RowError {
                row: 0,
                message: "no".into(),
            }];
        } else if is("nan") {
            answer.output.data = odd_nan().to_le_bytes().to_vec();
            answer.output.index[2..4].copy_from_slice(&[0, 4]);
        } else if is("timestamps lie") {
            answer.output.timestamps = vec![i64::MAX; 7];
        }
        answer
    }
}

/// Anything at all.
pub fn emitted(random: &mut Random, rows: usize) -> Emitted {
    let outputs = random.length(rows);
    let mut parents: Vec<u32> = match random.below(2) {
        0 => random.numbers(outputs),
        _ => (0..outputs)
            .map(|_| random.below(rows as u64) as u32)
            .collect(),
    };
    if random.below(4) > 0 {
        parents.sort_unstable();
    }
    let (bytes, numbers) = (random.below(64) as usize, random.length(6 * outputs));
    let times = random.length(0);
    Emitted {
        output: Batch {
            data: random.bytes(bytes),
            index: random.numbers(numbers),
            timestamps: (0..times).map(|_| random.time()).collect(),
        },
        parents,
        errors: random.errors(|row, message| RowError { row, message }),
    }
}

/// Each row as it came.
fn same(rows: u32) -> Emitted {
    Emitted {
        output: Batch {
            data: Vec::new(),
            index: [0, SAME, 0, SAME, 0, SAME].repeat(rows as usize),
            timestamps: Vec::new(),
        },
        parents: (0..rows).collect(),
        errors: Vec::new(),
    }
}

/// The bits of a NaN computed from one with a payload: hardware may keep the payload, or the sign, or neither.
fn odd_nan() -> u32 {
    let strange = f32::from_bits(std::hint::black_box(0xffa5_a5a5));
    let sum = std::hint::black_box(strange) + std::hint::black_box(1.0);
    sum.to_bits()
}
