//! Numbers and ranks of rows: what makes order and verdicts independent of batches.

use crate::overlay::Overlay;
use crate::pipeline::chunk::{Context, Emit, Ordinals};
use crate::pipeline::side::{Origin, Rank};
use crate::pipeline::{Chunk, Verdicts};
use crate::state::MemoryStore;
use crate::{Batch, log};

struct Nowhere;

impl Emit for Nowhere {
    fn emit(&mut self, _: log::OutRecord<'_>) -> log::Result<()> {
        Ok(())
    }
}

#[test]
fn ordinals_count_anew_for_each_source_row() {
    let mut ordinals = Ordinals::default();
    let numbers = [0, 0, 2, 2, 2, 5].map(|at| ordinals.next(at));
    assert_eq!(numbers, [0, 1, 0, 1, 2, 0]);
}

#[test]
fn a_selected_row_keeps_its_number() {
    let mut batch = Batch::default();
    (0..5).for_each(|i| batch.push(None, Some(&[i]), None, 0));
    let (at, ordinal) = (vec![0, 1, 1, 1, 4], vec![0, 0, 1, 2, 0]);
    let chunk = Chunk { batch, at, ordinal }.select(|row| row != 2);
    assert_eq!(
        (chunk.at.as_slice(), chunk.ordinal.as_slice()),
        ([0, 1, 1, 4].as_slice(), [0, 0, 2, 0].as_slice())
    );
    assert_eq!(chunk.slice(2, 3).batch.value(0), Some([3].as_slice()));
}

#[test]
fn a_watermark_is_caused_by_the_row_that_brought_it() {
    let mut state = Overlay::new(Box::new(MemoryStore::new()), 0);
    let cx = Context {
        source_topic: "in",
        partition: 0,
        offsets: &[10, 11, 13],
        // Before each of three rows, after the last, and after the end of the input.
        watermarks: vec![5, 5, 20, 20, i64::MAX],
        state: &mut state,
        out: &mut Nowhere,
        side: Vec::new(),
        verdicts: &Verdicts::new(),
    };
    assert_eq!([6, 20, 21, i64::MAX].map(|w| cx.caused_by(w)), [1, 1, 3, 3]);
    assert_eq!([0, 1, 3].map(|at| cx.offset(at)), [10, 11, i64::MAX]);
    assert_eq!(
        (cx.watermark_before(2), cx.watermark_after()),
        (20, i64::MAX)
    );
}

#[test]
fn ranks_are_by_row_then_operator_then_what_it_made() {
    let rank = |at, node, origin, ordinal| Rank {
        at,
        node,
        origin,
        ordinal,
    };
    let ranks = [
        rank(0, 9, Origin::Output, 9),
        rank(1, 1, Origin::Output, 9),
        rank(1, 2, Origin::Row, 3),
        rank(1, 2, Origin::Window, 0),
        rank(1, 2, Origin::Output, 0),
        rank(1, 2, Origin::Output, 1),
        rank(2, 0, Origin::Row, 0),
    ];
    assert!(ranks.is_sorted());
}
