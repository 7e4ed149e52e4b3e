//! Migrations that a module must not make, and an honest one, which changes nothing.

use crate::exports::sluicebox::udf::accumulator_format::{Guest, Packed};
use crate::random::random;
use crate::{Hostile, attacks, is, misbehave, window_aggregate};

/// Of this number nothing is known.
const FOREIGN: u8 = 9;

impl Guest for Hostile {
    fn format() -> u8 {
        if is("format loops") {
            attacks::endless_loop();
        }
        1
    }

    fn migrates(format: u8) -> bool {
        format != FOREIGN
    }

    fn migrate(_format: u8, accumulators: Packed) -> Result<Packed, String> {
        misbehave(&accumulators.data);
        if is("migration refused") {
            return Err("too\u{1b}[31m old".into());
        }
        if let Some(mut random) = random() {
            let (bytes, numbers) = (
                random.below(64) as usize,
                random.length(accumulators.index.len()),
            );
            return Ok(Packed {
                data: random.bytes(bytes),
                index: random.numbers(numbers),
            });
        }
        let Packed { data, mut index } = accumulators;
        if is("migrated to null") {
            index[1] = window_aggregate::NULL;
        } else if is("one accumulator too few") {
            index.truncate(index.len() - 2);
        } else if is("accumulator outside") {
            index[0] = u32::MAX;
        } else if is("accumulator too large") {
            let mut large = data;
            large.resize((64 << 10) + 1, 0);
            let all = large.len() as u32;
            return Ok(Packed {
                data: large,
                index: [0, all].repeat(index.len() / 2),
            });
        }
        Ok(Packed { data, index })
    }
}
