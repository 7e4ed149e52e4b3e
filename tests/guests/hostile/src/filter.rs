//! Answers that a filter must not give, and honest ones.

use crate::exports::sluicebox::udf::filter::{Batch, Guest, Kept, RowError};
use crate::random::random;
use crate::{Hostile, is, misbehave};

impl Guest for Hostile {
    fn keep(input: Batch) -> Kept {
        misbehave(&input.data);
        let rows = input.index.len() / 6;
        if let Some(mut random) = random() {
            let length = random.length(rows.div_ceil(8));
            return Kept {
                bitmap: random.bytes(length),
                errors: random.errors(|row, message| RowError { row, message }),
            };
        }
        let full = || {
            let mut bitmap = vec![0xff; rows.div_ceil(8)];
            if rows % 8 != 0 {
                bitmap[rows / 8] = (1 << (rows % 8)) - 1;
            }
            bitmap
        };
        let error = |row: usize| RowError {
            row: row as u32,
            message: "bad\u{1b}[2J row".into(),
        };
        let (bitmap, errors) = if is("bitmap too short") {
            (Vec::new(), Vec::new())
        } else if is("bitmap too long") {
            (vec![0; rows / 8 + 2], Vec::new())
        } else if is("bits past the end") {
            (vec![0xff; rows.div_ceil(8)], Vec::new())
        } else if is("fail row 0") {
            let mut bitmap = full();
            bitmap[0] &= !1;
            (bitmap, vec![error(0)])
        } else if is("keep a failed row") {
            (full(), vec![error(0)])
        } else if is("fail a row twice") {
            (vec![0; rows.div_ceil(8)], vec![error(0), error(0)])
        } else if is("fail a row that is not there") {
            (vec![0; rows.div_ceil(8)], vec![error(rows)])
        } else if is("errors out of order") {
            (vec![0; rows.div_ceil(8)], vec![error(1), error(0)])
        } else if is("error bomb") {
            // Few bytes here, gigabytes there: every message is the same long text.
            let text = "z".repeat(10 << 20);
            let errors = (0..rows).map(|row| RowError {
                row: row as u32,
                message: text.clone(),
            });
            (vec![0; rows.div_ceil(8)], errors.take(4).collect())
        } else {
            (full(), Vec::new())
        };
        Kept { bitmap, errors }
    }
}
