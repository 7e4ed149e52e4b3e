//! Windows of many keys: some changed since the last commit, some cached, some only in the store, some removed. They fire
//! page by page, and nobody can tell.

use crate::job::{Job, Kind};
use crate::rig::{Rig, run_to_end};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const LATENESS_MS: i64 = 100;

fn job(rows_max: usize) -> Job {
    let mut job = Job::chain(vec![Kind::Window {
        size_ms: 10,
        offset_ms: 0,
        lateness_ms: LATENESS_MS,
        late: Some("late"),
    }]);
    job.ops[0].rows_max = rows_max;
    job
}

/// Keys with and without letters for what happens when their windows are finished.
fn key(number: usize) -> String {
    let letter = match number % 23 {
        3 => "D",
        7 => "E",
        11 => "S",
        17 => "T",
        19 => "Z",
        _ => "",
    };
    format!("0{number:04}{letter}")
}

/// A row: number of its key, whether it empties the accumulator, its time.
type Row = (usize, bool, i64);

fn rows(times: std::ops::Range<i64>, count: usize) -> impl Strategy<Value = Vec<Row>> {
    let empties = prop::bool::weighted(0.2);
    vec((0usize..70, empties, times), 0..count)
}

fn produce(rig: &mut Rig, rows: &[Row]) {
    for (i, (number, empties, timestamp)) in rows.iter().enumerate() {
        let word = if *empties { " 0a" } else { "" };
        rig.row(&key(*number), &format!("0v{i}{word}"), *timestamp);
    }
}

/// Work on what is there, ending the epoch every so many turns.
fn work(rig: &Rig, turns_per_epoch: usize) {
    rig.log.seal("in").unwrap();
    let mut shard = rig.shard();
    for turn in 1..=400 {
        shard.turn(false).unwrap();
        if turn % turns_per_epoch == 0 {
            rig.tick();
        }
    }
    run_to_end(&mut shard).unwrap();
    rig.assert_exact(&shard);
    assert!(rig.store.lock().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::properties::cases()))]

    /// Calls of at most 1, 2 or 7 windows are learnt by traps; without them a page has up to 1024.
    #[test]
    fn whatever_memory_holds_windows_fire_the_same(
        on_time in rows(0..10, 200),
        late in rows(0..20, 30),
        rows_max in select(vec![1, 2, 7, usize::MAX]),
        cache_bytes_max in select(vec![0usize, 4_000, 1 << 20]),
        batch in select(vec![1usize, 7, 16, 64]),
        turns_per_epoch in 1usize..9,
    ) {
        let mut rig = Rig::new(job(rows_max), 1);
        rig.config.cache_bytes_max = cache_bytes_max;
        rig.control.rows(&[batch]);
        produce(&mut rig, &on_time);
        produce(&mut rig, &[(0, false, 10)]);
        produce(&mut rig, &late);
        produce(&mut rig, &[(0, false, 20 + LATENESS_MS)]);
        work(&rig, turns_per_epoch);
    }
}

/// Several whole pages, with all that can happen to a window in the middle of one and at its ends.
#[test]
fn a_window_of_several_pages() {
    for cache_bytes_max in [0, 50_000, 1 << 30] {
        let mut rig = Rig::new(job(usize::MAX), 1);
        rig.config.cache_bytes_max = cache_bytes_max;
        rig.control.rows(&[500]);
        let each = |step: usize, empties: bool, at: i64| -> Vec<Row> {
            let numbers = (0..3_000).step_by(step);
            numbers.map(|n| (n * 7 % 3_000, empties, at)).collect()
        };
        produce(&mut rig, &each(1, false, 1));
        produce(&mut rig, &each(5, true, 2));
        produce(&mut rig, &each(9, false, 3));
        produce(&mut rig, &[(0, false, 10)]);
        // Again, of windows that memory knows and of such that only the store knows; then of none.
        produce(&mut rig, &each(400, false, 4));
        produce(&mut rig, &each(700, true, 4));
        produce(&mut rig, &[(0, false, 20 + LATENESS_MS)]);
        work(&rig, 2);
        assert!(rig.topic("out").len() > 2_000);
        assert!(rig.reasons().len() > 200, "`T` and `E`");
    }
}
