//! Traps: the guilty row is found alone, goes the way of a row error once, with the trap's own text, and the job goes on.

use crate::job::{Job, Kind, Policy, window};
use crate::rig::{Rig, run_to_end};
use sluicebox_core::shard::{Shard, ShardError, Turn};
use sluicebox_core::udf::CallError;
use std::sync::atomic::Ordering;

fn rig(kind: Kind, values: &[&str]) -> Rig {
    let mut rig = Rig::new(Job::chain(vec![kind]), 1);
    for (i, value) in values.iter().enumerate() {
        rig.row(["0a", "0b"][i % 2], &format!("0{i} {value}"), i as i64);
    }
    rig
}

/// One turn traps, the next ones find out why. Answers the one after those.
fn trap(shard: &mut Shard) -> Result<Turn, ShardError> {
    assert_eq!(shard.turn(false).unwrap(), Turn::Aborted);
    after_the_search(shard)
}

fn after_the_search(shard: &mut Shard) -> Result<Turn, ShardError> {
    loop {
        match shard.turn(false) {
            Ok(Turn::Searched) => {}
            other => return other,
        }
    }
}

#[test]
fn several_poisonous_rows_of_one_batch_are_found_at_once() {
    for kind in [Kind::Filter, Kind::Map, window(5)] {
        let rig = rig(kind, &["#a", "", "", "#a", "#a", "", "", "", "", "#a"]);
        let mut shard = rig.shard();
        trap(&mut shard).unwrap();
        let notes = shard.take_notes();
        assert_eq!(notes.len(), 4, "{notes:?}");
        assert_eq!(
            notes[1],
            "operator a: partition 0 offset 3: unreachable in a: 03 #a"
        );
        rig.finish(&mut shard);
        rig.assert_exact(&shard);
        let mut reasons = rig.reasons();
        reasons.sort();
        let wanted = [0, 3, 4, 9].map(|i| format!("unreachable in a: 0{i} #a"));
        assert_eq!(reasons, wanted);
    }
}

#[test]
fn a_window_that_traps_at_its_end_is_reported_and_the_others_are_not() {
    let mut rig = Rig::new(Job::chain(vec![window(10)]), 1);
    for (i, key) in ["0a", "0T", "0b", "0TT", "0c", "0a"]
        .into_iter()
        .enumerate()
    {
        rig.row(key, &format!("0{i}"), i as i64);
    }
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
    let mut reasons = rig.reasons();
    reasons.sort();
    assert_eq!(
        reasons,
        [
            "window 0..10: unreachable at the end of 0T",
            "window 0..10: unreachable at the end of 0TT"
        ]
    );
    assert_eq!(rig.topic("out").len(), 3);
}

#[test]
fn rows_that_only_miss_the_deadline_are_not_poisonous() {
    for kind in [Kind::Filter, Kind::Map, window(5)] {
        let rig = rig(kind, &["", "~a", "", "", "~a", ""]);
        let mut shard = rig.shard();
        rig.finish(&mut shard);
        rig.assert_exact(&shard);
        assert_eq!(rig.reasons(), [""; 0]);
    }
    let mut rig = Rig::new(Job::chain(vec![window(10)]), 1);
    ["0S", "0b", "0SS"]
        .iter()
        .for_each(|key| rig.row(key, "0v", 1));
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
    assert_eq!(rig.topic("out").len(), 3);
}

#[test]
fn a_module_that_can_not_take_many_rows_gets_fewer_from_then_on() {
    for kind in [Kind::Filter, Kind::Map, window(10)] {
        let mut rig = Rig::new(Job::chain(vec![kind]), 1);
        rig.job.ops[0].rows_max = 10;
        (0..64).for_each(|i| rig.row("0a", "0v", i));
        let mut shard = rig.shard();
        rig.finish(&mut shard);
        rig.assert_exact(&shard);
        assert_eq!(rig.reasons(), [""; 0]);
        let calls = rig.modules.calls.load(Ordering::Relaxed);
        assert!(
            calls < 100,
            "{calls} calls: learnt once and not again for each batch"
        );
    }
}

#[test]
fn any_number_of_poisonous_rows_is_no_reason_to_give_up() {
    let mut rig = rig(Kind::Map, &["#a"; 300]);
    rig.control.rows(&[1]);
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
    // Each in a call of its own: late rows that fire again are called one by one.
    let kind = Kind::Window {
        size_ms: 10,
        offset_ms: 0,
        lateness_ms: 1_000,
        late: None,
    };
    rig = Rig::new(Job::chain(vec![kind]), 1);
    rig.row("0a", "0first", 500);
    (0..150).for_each(|i| rig.row("0a", &format!("0again{i} #a"), 1));
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

/// A trap costs its own epoch, and not all that was done since the last commit, again and again.
#[test]
fn between_two_traps_there_is_a_commit() {
    let mut rig = rig(Kind::Map, &["", "", "#a", "", "#a", "", "", "#a", "", ""]);
    rig.config.epoch_interval = std::time::Duration::from_secs(3600);
    rig.control.rows(&[2]);
    let mut shard = rig.shard();
    let mut epochs = Vec::new();
    for _ in 0..12 {
        if after_the_search(&mut shard).unwrap() == Turn::Aborted {
            epochs.push(shard.progress().epoch);
        }
    }
    assert_eq!(epochs.len(), 3);
    epochs.dedup();
    assert_eq!(epochs.len(), 3, "a commit between each two");
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

#[test]
fn verdicts_outlive_a_new_connection() {
    let rig = rig(Kind::Map, &["", "#a", ""]);
    let mut shard = rig.shard();
    trap(&mut shard).unwrap();
    shard.reconnect(rig.open());
    shard.recover().unwrap();
    assert_ne!(shard.turn(false).unwrap(), Turn::Aborted);
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

#[test]
fn by_the_policy_fail_a_poisonous_row_halts_the_job_and_nothing_is_committed() {
    for kind in [Kind::Filter, Kind::Map, window(5)] {
        let mut rig = rig(kind, &["", "", "#a", ""]);
        rig.job = rig.job.policy(Policy::Fail);
        let mut shard = rig.shard();
        let error = trap(&mut shard).unwrap_err();
        assert!(matches!(error, ShardError::Halt(_)));
        insta::assert_snapshot!("a_poisonous_row_by_policy_fail", error.to_string());
        assert_eq!(rig.topic("out"), [""; 0]);
    }
}

#[test]
fn a_module_of_no_use_halts_and_a_host_without_room_comes_back() {
    let rig = rig(Kind::Map, &["", ""]);
    let mut shard = rig.shard();
    let next = |error| rig.modules.errors.lock().unwrap().push(error);
    next(CallError::Host("no instance is free".to_owned()));
    let error = shard.turn(false).unwrap_err();
    assert!(
        matches!(&error, ShardError::Reconnect(why) if why.contains("no instance")),
        "{error:?}"
    );
    shard.reconnect(rig.open());
    shard.recover().unwrap();
    next(CallError::Module("config refused".to_owned()));
    let error = shard.turn(false).unwrap_err();
    assert!(
        matches!(&error, ShardError::Halt(why) if why == "operator a: config refused"),
        "{error:?}"
    );
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

/// Each turn of the search makes one call at most; it can be left at any time, and nothing of it is in the results.
#[test]
fn a_search_goes_on_call_by_call_and_a_stop_does_not_wait_for_its_end() {
    let rig = rig(Kind::Map, &["#a"; 64]);
    let mut shard = rig.shard();
    assert_eq!(shard.turn(false).unwrap(), Turn::Aborted);
    for _ in 0..10 {
        let before = rig.modules.calls.load(Ordering::Relaxed);
        assert_eq!(shard.turn(false).unwrap(), Turn::Searched);
        let calls = rig.modules.calls.load(Ordering::Relaxed) - before;
        assert!(calls <= 1, "{calls} calls in one turn");
        assert_eq!(shard.rest().unwrap(), Turn::Idle);
    }
    assert_eq!(shard.turn(true).unwrap(), Turn::Idle);
    assert_eq!(rig.topic("out"), [""; 0]);
    let mut next = rig.shard();
    rig.finish(&mut next);
    rig.assert_exact(&next);
}

/// Where all is poisonous the search does not have to end for all of it before anything is committed.
#[test]
fn many_poisonous_rows_are_committed_in_smaller_and_smaller_parts() {
    let rig = rig(Kind::Map, &["#a"; 1500]);
    let mut shard = rig.shard();
    let mut commits = vec![0];
    while shard.progress().positions[&0] < 1500 {
        if shard.turn(false).unwrap() == Turn::Committed {
            commits.push(shard.progress().positions[&0]);
        }
    }
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
    assert!(commits.len() > 2, "{commits:?}");
    assert!(
        commits.windows(2).all(|c| c[1] - c[0] <= 512),
        "{commits:?}"
    );
}

/// A trap that does not come back finds nobody guilty.
#[test]
fn a_trap_that_happens_once_accuses_nobody() {
    let rig = rig(Kind::Map, &["", "", "", ""]);
    let mut shard = rig.shard();
    rig.modules
        .errors
        .lock()
        .unwrap()
        .push(CallError::Trap("cosmic ray".to_owned()));
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
    run_to_end(&mut shard).unwrap();
    assert_eq!(rig.reasons(), [""; 0]);
}
