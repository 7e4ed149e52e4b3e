//! Limits: of a record, of a piece of the changelog, of the state in memory.

use crate::job::{Job, Kind, window};
use crate::model::Row;
use crate::rig::{Rig, header, run_to_end};
use sluicebox_core::shard::{ShardError, Turn};
use std::sync::atomic::Ordering;

/// Text that does not compress well.
fn noise(seed: usize, bytes: usize) -> String {
    let mut x = seed as u64 + 1;
    let next = || {
        x = x
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + ((x >> 33) % 26) as u8)
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

#[test]
fn a_delta_of_any_size_goes_in_pieces_and_comes_back() {
    for (changelog_bytes_max, rows, bytes) in [(2_000, 40, 500), (1_048_000, 60, 30_000)] {
        let mut rig = Rig::new(Job::chain(vec![window(1_000)]), 1);
        rig.log
            .set_record_bytes_max("changes", changelog_bytes_max)
            .unwrap();
        rig.config.overlay_bytes_max = 1 << 30;
        for i in 0..rows {
            rig.row(&format!("0k{i}"), &format!("0{}", noise(i, bytes)), 1);
        }
        let mut shard = rig.shard();
        shard.turn(false).unwrap();
        assert_eq!(shard.turn(true).unwrap(), Turn::Committed);
        assert!(
            rig.topic("changes").len() > 3,
            "a claim, an epoch record and several pieces"
        );
        rig.store.set(Default::default());
        let mut shard = rig.shard();
        rig.finish(&mut shard);
        rig.assert_exact(&shard);
    }
}

#[test]
fn the_epoch_ends_early_when_the_changes_reach_their_limit() {
    let mut rig = Rig::new(Job::chain(vec![window(1_000)]), 1);
    rig.config.overlay_bytes_max = 5_000;
    rig.control.rows(&[1]);
    (0..20).for_each(|i| rig.row(&format!("0k{i}"), &format!("0{}", noise(i, 1_000)), 1));
    let mut shard = rig.shard();
    let turns: Vec<_> = (0..20).map(|_| shard.turn(false).unwrap()).collect();
    let commits = turns.iter().filter(|t| **t == Turn::Committed).count();
    assert!((3..=5).contains(&commits), "{turns:?}");
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

/// What is only cached is no reason to end an epoch.
#[test]
fn a_large_cache_does_not_end_epochs() {
    let mut rig = Rig::new(Job::chain(vec![window(1_000)]), 1);
    (rig.config.overlay_bytes_max, rig.config.cache_bytes_max) = (100_000, 100 << 20);
    (0..90).for_each(|i| rig.row(&format!("0k{i}"), &format!("0{}", noise(i, 1_000)), 1));
    let mut shard = rig.shard();
    for _ in 0..5 {
        shard.turn(true).unwrap();
        shard.turn(false).unwrap();
        (0..90).for_each(|i| rig.row(&format!("0k{i}"), &format!("0{}", noise(i, 100)), 1));
    }
    shard.turn(false).unwrap();
    shard.turn(true).unwrap();
    rig.row("0k1", "0v", 1);
    assert_eq!(shard.turn(false).unwrap(), Turn::Worked);
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

/// Outputs over the limit of `out` are row errors; the dead letter itself always fits.
#[test]
fn outputs_that_the_topic_does_not_take_fail_their_rows() {
    for kind in [Kind::Filter, Kind::Map, window(10)] {
        let mut rig = Rig::new(Job::chain(vec![kind]), 1);
        rig.log.set_record_bytes_max("out", 1_000).unwrap();
        for (i, bytes) in [10, 900, 10].into_iter().enumerate() {
            rig.row(["0a", "0b", "0c"][i], &format!("0{}", noise(i, bytes)), 1);
        }
        let mut shard = rig.shard();
        rig.finish(&mut shard);
        assert_eq!(rig.topic("out").len(), 2);
        let reasons = rig.reasons();
        assert!(
            reasons.len() == 1 && reasons[0].contains("max.message.bytes"),
            "{reasons:?}"
        );
        assert!(
            rig.topic("dead")[0].starts_with("0b="),
            "whole, as the dead-letter topic takes it"
        );
    }
}

#[test]
fn a_copied_record_that_the_sink_does_not_take_goes_the_way_of_the_source() {
    let mut job = Job::chain(vec![]);
    job.on_invalid = sluicebox_core::spec::OnInvalid::DeadLetter;
    let mut rig = Rig::new(job, 1);
    rig.log.set_record_bytes_max("out", 1_000).unwrap();
    rig.row("0a", &noise(1, 900), 1);
    rig.row("0a", "0small", 2);
    rig.row("0a", "0invalid", 2_000_000);
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    assert_eq!(rig.topic("out"), ["0a=0small @2"]);
    assert_eq!(rig.reasons().len(), 2);
    assert_eq!(
        shard.progress().committed_accounts["source"].dead_lettered,
        2
    );
}

#[test]
fn a_late_row_that_its_topic_does_not_take_is_a_failed_row() {
    let mut rig = Rig::new(Job::chain(vec![window(10)]), 1);
    rig.log.set_record_bytes_max("late", 1_000).unwrap();
    rig.row("0a", "0v", 50);
    rig.row("0a", &noise(1, 900), 1);
    rig.row("0a", "0late", 1);
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    assert_eq!(rig.topic("late"), ["0a=0late @1"]);
    let account = shard.progress().committed_accounts["a"];
    assert_eq!((account.late, account.dead_lettered), (1, 1));
}

#[test]
fn a_dead_letter_that_does_not_fit_loses_its_value_then_its_headers_then_its_key() {
    let mut rig = Rig::new(Job::chain(vec![Kind::Filter]), 1);
    rig.log.set_record_bytes_max("dead", 3_000).unwrap();
    let mut headers = Vec::new();
    sluicebox_core::batch::push_header(&mut headers, b"own", Some(&[b'h'; 4_000]));
    let large = || Some(format!("0{} !a", noise(1, 4_000)).into_bytes());
    let why = |rig: &mut Rig, key: Option<Vec<u8>>, headers| {
        rig.produce(
            0,
            Row {
                key,
                value: Some(b"0v #a".to_vec()),
                headers,
                timestamp: 1,
            },
        );
    };
    why(&mut rig, Some(b"0a".to_vec()), Some(headers));
    why(&mut rig, large(), None);
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    let mut read = rig.log.reader("dead").unwrap().drain().unwrap();
    read.sort_by_key(|r| header(r.headers.as_deref(), "sluicebox-source-offset"));
    let dropped = |i: usize, what: &str| {
        header(
            read[i].headers.as_deref(),
            &format!("sluicebox-{what}-dropped-bytes"),
        )
    };
    assert_eq!(
        (read[0].key.as_deref(), read[0].value.as_deref()),
        (Some(b"0a".as_slice()), None)
    );
    assert_eq!(
        (dropped(0, "value"), dropped(0, "headers")),
        ("5".into(), "4011".into())
    );
    assert_eq!(header(read[0].headers.as_deref(), "own"), "");
    assert_eq!(
        (read[1].key.as_deref(), dropped(1, "key")),
        (None, "4004".to_owned())
    );
}

/// Values that grow row by row leave no trail of their former selves.
#[test]
fn a_growing_value_takes_its_own_size() {
    let mut rig = Rig::new(Job::chain(vec![window(1_000)]), 1);
    (rig.config.overlay_bytes_max, rig.config.cache_bytes_max) = (200_000, 1 << 30);
    rig.control.rows(&[1]);
    (0..600).for_each(|i| rig.row("0a", &format!("0{}", noise(i, 100)), 1));
    let mut shard = rig.shard();
    let committed = (0..600)
        .filter(|_| shard.turn(false).unwrap() == Turn::Committed)
        .count();
    assert_eq!(committed, 0, "60 kB are far below the limit");
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

#[test]
fn a_delta_that_the_changelog_can_not_take_at_all_halts() {
    let mut rig = Rig::new(Job::chain(vec![window(10)]), 1);
    rig.row("0a", "0v", 1);
    let mut shard = rig.shard();
    rig.log.set_record_bytes_max("changes", 20).unwrap();
    rig.log.seal("in").unwrap();
    let error = run_to_end(&mut shard).unwrap_err();
    assert!(
        matches!(&error, ShardError::Halt(why) if why.contains("changes")),
        "{error:?}"
    );
    assert_eq!(rig.topic("out"), [""; 0]);
}

/// What a module is given at once has a limit, however large the state of a window is.
#[test]
fn large_accumulators_are_handed_over_in_parts() {
    let mut rig = Rig::new(Job::chain(vec![window(10)]), 1);
    (rig.config.overlay_bytes_max, rig.config.cache_bytes_max) = (1 << 30, 1 << 30);
    let large = |i: usize| {
        format!(
            "0{}",
            char::from(b'a' + i as u8).to_string().repeat(900_000)
        )
    };
    rig.log.set_record_bytes_max("out", 1 << 30).unwrap();
    rig.control.rows(&[5]);
    (0..25).for_each(|i| rig.row(&format!("0k{}", i % 5), &large(i % 5), 1));
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
    let most = rig
        .modules
        .accumulator_bytes
        .load(std::sync::atomic::Ordering::Relaxed);
    assert!((8 << 20..12 << 20).contains(&most), "{most} bytes");
}

/// Modules that are slow on each row, and a batch that takes them longer than a transaction may: the brokers would abort it,
/// again and again.
#[test]
fn a_batch_that_outlasts_the_transaction_is_taken_in_parts() {
    let mut rig = Rig::new(Job::chain(vec![Kind::Filter, Kind::Map, window(100)]), 1);
    (0..700).for_each(|i| rig.row(["0a", "0b"][i % 2], &format!("0v{i}"), i as i64));
    // 45 s are for 75 rows then: for 64 at once, in parts.
    rig.modules.row_ms.store(200, Ordering::Relaxed);
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
    let notes = shard.take_notes();
    insta::assert_snapshot!(notes.join("\n"), @r"
    the modules take more than 45 s for what was read at once: 512 records at most are read at once from now on
    the modules take more than 45 s for what was read at once: 256 records at most are read at once from now on
    the modules take more than 45 s for what was read at once: 128 records at most are read at once from now on
    the modules take more than 45 s for what was read at once: 64 records at most are read at once from now on
    ");
}

#[test]
fn a_record_that_outlasts_the_transaction_halts_the_job_and_goes_on_when_it_is_faster() {
    let mut rig = Rig::new(Job::chain(vec![Kind::Filter, Kind::Map]), 1);
    (0..9).for_each(|i| rig.row("0a", &format!("0v{i}"), i));
    rig.modules.row_ms.store(50_000, Ordering::Relaxed);
    let mut shard = rig.shard();
    let halted = (0..100).find_map(|_| shard.turn(false).err());
    let Some(ShardError::Halt(why)) = halted else {
        panic!("{halted:?}");
    };
    insta::assert_snapshot!(why, @"the record at in-0 offset 0 takes the modules more than 45 s, longer than a transaction may. Nothing of it was committed. Make the modules faster, let them make fewer rows of a record, or filter such records out before.");
    assert_eq!(rig.topic("out"), [""; 0]);
    rig.modules.row_ms.store(1, Ordering::Relaxed);
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

/// A machine that was frozen with a record on its way, of a job that takes one at a time: it only seems to be slow.
#[test]
fn time_that_passes_once_halts_nothing() {
    let mut rig = Rig::new(Job::chain(vec![Kind::Filter, Kind::Map]), 1);
    (0..30).for_each(|i| rig.row("0a", &format!("0v{i}"), i));
    // 40 s through both operators, of 45: they are taken one by one.
    rig.modules.row_ms.store(20_000, Ordering::Relaxed);
    let mut shard = rig.shard();
    let committed = (0..100).find(|_| shard.turn(false).unwrap() == Turn::Committed);
    assert!(committed.is_some());
    for row_ms in [50_000, 20_000, 50_000, 20_000] {
        rig.modules.row_ms.store(row_ms, Ordering::Relaxed);
        let late = row_ms == 50_000;
        assert_eq!(shard.turn(false).unwrap() == Turn::Aborted, late);
    }
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}
