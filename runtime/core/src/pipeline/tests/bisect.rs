//! Bisection finds exactly the guilty rows, whatever else a call does, within its bound of calls.

use crate::batch::{Batch, Packed};
use crate::pipeline::{Call, FailedCall, Findings, Investigation, Verdict};
use crate::udf::{Accumulated, CallError, Emitted, Kept, Udf};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

/// Rows are one byte: `#` traps, `~` traps unless under fuel; the accumulator collects the others. Also traps on calls of
/// more than `rows_max` rows.
struct Guest {
    rows_max: usize,
    /// Traps where an accumulator would get more rows than this.
    group_max: usize,
    fuel: bool,
    fresh: bool,
    calls: usize,
}

impl Guest {
    fn new(rows_max: usize) -> Self {
        let (fuel, fresh, calls) = (false, true, 0);
        Self {
            rows_max,
            group_max: usize::MAX,
            fuel,
            fresh,
            calls,
        }
    }

    fn enter(&mut self, rows: &[u8]) -> Result<(), CallError> {
        self.calls += 1;
        let fuel = std::mem::take(&mut self.fuel);
        assert!(
            std::mem::take(&mut self.fresh),
            "each call of a bisection has a fresh instance"
        );
        let bad = |row: &u8| *row == b'#' || (*row == b'~' && !fuel);
        match rows.len() > self.rows_max || rows.iter().any(bad) {
            true => Err(CallError::Trap("unreachable".to_owned())),
            false => Ok(()),
        }
    }
}

/// To the end, with one call at most in each step.
fn bisect(guest: &mut Guest, call: Call) -> Result<Findings, CallError> {
    let mut investigation = Investigation::new(FailedCall {
        node: 1,
        call,
        rows: Vec::new(),
        trap: String::new(),
    });
    loop {
        let before = guest.calls;
        let found = investigation.go_on(guest)?;
        assert!(guest.calls <= before + 1);
        if let Some(findings) = found {
            return Ok(findings);
        }
    }
}

fn rows(batch: &Batch) -> Vec<u8> {
    (0..batch.len())
        .filter_map(|row| batch.value(row)?.first())
        .copied()
        .collect()
}

impl Udf for Guest {
    fn filter(&mut self, input: &Batch) -> Result<Kept, CallError> {
        self.enter(&rows(input)).map(|()| Kept::default())
    }
    fn map(&mut self, input: &Batch) -> Result<Emitted, CallError> {
        self.enter(&rows(input)).map(|()| Emitted::default())
    }
    fn accumulate(
        &mut self,
        old: &Packed,
        groups: &[u32],
        input: &Batch,
    ) -> Result<Accumulated, CallError> {
        self.enter(&rows(input))?;
        assert_eq!(groups.len(), input.len());
        let all = [old.get(0).unwrap_or_default(), &rows(input)].concat();
        if all.len() > self.group_max {
            return Err(CallError::Trap("too long".to_owned()));
        }
        let mut answer = Accumulated::default();
        answer.accumulators.push(Some(&all));
        Ok(answer)
    }
    fn merge(&mut self, _: &Packed, _: &Packed) -> Result<Accumulated, CallError> {
        Err(CallError::Module("not here".to_owned()))
    }
    fn finish(
        &mut self,
        keys: &Packed,
        windows: &[i64],
        accumulators: &Packed,
    ) -> Result<Emitted, CallError> {
        assert_eq!(
            (keys.len() * 2, keys.len()),
            (windows.len(), accumulators.len())
        );
        let keys: Vec<u8> = (0..keys.len())
            .filter_map(|i| keys.get(i)?.first())
            .copied()
            .collect();
        self.enter(&keys).map(|()| Emitted::default())
    }
    fn drop_instance(&mut self) {
        self.fresh = true;
    }
    fn next_call_under_fuel(&mut self) {
        self.fuel = true;
    }
}

fn packed(rows: &[u8]) -> Packed {
    let mut packed = Packed::default();
    rows.iter().for_each(|row| packed.push(Some(&[*row])));
    packed
}

fn calls(rows: &[u8]) -> [Call; 4] {
    let mut batch = Batch::default();
    rows.iter()
        .for_each(|row| batch.push(None, Some(&[*row]), None, 0));
    let mut empty = Packed::default();
    empty.push(None);
    [
        Call::Filter(batch.clone()),
        Call::Map(batch.clone()),
        Call::Accumulate(empty, vec![0; rows.len()], batch),
        Call::Finish(packed(rows), vec![0; rows.len() * 2], packed(rows)),
    ]
}

proptest! {
    #[test]
    fn the_guilty_are_found_and_nobody_else(rows in vec(prop_oneof![6 => Just(b'v'), 1 => Just(b'#'), 1 => Just(b'~')], 1..64)) {
        prop_assume!(rows.iter().any(|row| *row != b'v'));
        for call in calls(&rows) {
            let mut guest = Guest::new(usize::MAX);
            let findings = bisect(&mut guest, call).unwrap();
            let wanted = rows.iter().enumerate().filter_map(|(i, row)| match row {
                b'#' => Some((i, Verdict::Poison("unreachable".to_owned()))),
                b'~' => Some((i, Verdict::Alone)),
                _ => None,
            });
            prop_assert_eq!(&findings.rows, &wanted.collect::<Vec<_>>());
            prop_assert_eq!(findings.rows_per_call_max, None);
            let bound = 3 * findings.rows.len() * (usize::BITS - rows.len().leading_zeros()) as usize;
            prop_assert!(guest.calls <= bound.max(2), "{} calls, bound {bound}", guest.calls);
        }
    }

    #[test]
    fn too_many_rows_are_nobodys_guilt(count in 2usize..200, rows_max in 1usize..100, poison in btree_set(0usize..200, 0..3)) {
        prop_assume!(count > rows_max);
        let rows: Vec<u8> = (0..count).map(|i| if poison.contains(&i) { b'#' } else { b'v' }).collect();
        for call in calls(&rows) {
            let Findings { rows, rows_per_call_max } = bisect(&mut Guest::new(rows_max), call).unwrap();
            let guilty: Vec<usize> = rows.into_iter().map(|(row, _)| row).collect();
            let wanted: Vec<usize> = poison.iter().copied().filter(|row| *row < count).collect();
            prop_assert_eq!(&guilty, &wanted);
            // With guilty rows in every half the number is learnt later, by a trap of its own.
            if wanted.is_empty() {
                prop_assert!(rows_per_call_max.is_some_and(|max| (1..=rows_max).contains(&max)), "{rows_per_call_max:?}");
            }
        }
    }
}

#[test]
fn a_call_that_works_now_asks_for_smaller_ones() {
    for call in calls(b"vvvvv") {
        let findings = bisect(&mut Guest::new(4), call).unwrap();
        assert_eq!(
            (findings.rows, findings.rows_per_call_max),
            (Vec::new(), Some(2))
        );
    }
}

/// A row is judged with the accumulator that the rows before it made.
#[test]
fn accumulators_move_on_between_the_halves() {
    let mut guest = Guest::new(usize::MAX);
    guest.group_max = 3;
    let [_, _, accumulate, _] = calls(b"vvvvv");
    let findings = bisect(&mut guest, accumulate).unwrap();
    let guilty: Vec<usize> = findings.rows.iter().map(|(row, _)| *row).collect();
    assert_eq!(guilty, [3, 4]);
}
