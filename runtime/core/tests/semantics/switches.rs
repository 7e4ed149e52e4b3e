//! Versions that take over between two epochs, with the connection and the state of the one before.

use crate::job::{IDS, Job, Kind, window};
use crate::rig::Rig;
use sluicebox_core::shard::{Shard, ShardError, Turn};

/// A job with rows in an open window, committed, and more rows on the way that are not.
fn under_way(job: Job) -> (Rig, Shard) {
    let mut rig = Rig::new(job, 1);
    (0..8).for_each(|i| rig.row(["0a", "0b"][i % 2], &format!("0v{i}"), 1 + i as i64));
    let mut shard = rig.shard();
    rig.control.rows(&[4]);
    rig.tick();
    assert_eq!(shard.turn(false).unwrap(), Turn::Committed);
    assert_eq!(shard.turn(false).unwrap(), Turn::Worked);
    (rig, shard)
}

fn epoch(shard: &Shard) -> u64 {
    shard.progress().epoch
}

/// The epoch's rows are committed by the old version, and the new one goes on after them.
#[test]
fn at_an_epochs_end_nothing_is_read_again() {
    let (rig, mut shard) = under_way(Job::chain(vec![window(100)]));
    let before = epoch(&shard);
    assert_eq!(shard.turn(true).unwrap(), Turn::Committed);
    let at = shard.progress().positions;
    shard.switch(rig.version()).unwrap();
    assert_eq!(
        (epoch(&shard), at),
        (before + 1, shard.progress().positions)
    );
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

#[test]
fn in_the_midst_of_an_epoch_its_rows_are_read_again() {
    let (rig, mut shard) = under_way(Job::chain(vec![window(100)]));
    let at = shard.progress().positions;
    shard.switch(rig.version()).unwrap();
    assert_ne!(at, shard.progress().positions);
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

/// A filter before the window, which lets everything pass: other numbers of the operators, and the state of the window is
/// found by its name.
#[test]
fn operators_come_and_go_and_state_goes_with_its_name() {
    let (mut rig, mut shard) = under_way(Job::chain(vec![window(100)]));
    let lone = rig.job.clone();
    let mut both = Job::chain(vec![Kind::Filter, window(100)]);
    (both.ops[0].id, both.ops[1].id) = (IDS[4], IDS[0]);
    for job in [both, lone] {
        rig.job = job;
        shard.turn(true).unwrap();
        shard.switch(rig.version()).unwrap();
        let ids: Vec<String> = shard
            .progress()
            .accounts
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        assert_eq!(ids.len(), rig.job.ops.len() + 1, "{ids:?}");
    }
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

/// As at a recovery: rows would be gone, or in windows that nobody looks for.
#[test]
fn rows_that_are_held_can_not_be_left_behind() {
    for other in [vec![Kind::Filter], vec![window(70)]] {
        let (mut rig, mut shard) = under_way(Job::chain(vec![window(100)]));
        let first = std::mem::replace(&mut rig.job, Job::chain(other));
        shard.turn(true).unwrap();
        let Err(ShardError::Halt(switched)) = shard.switch(rig.version()) else {
            panic!("it went on");
        };
        drop(shard);
        assert_eq!(switched, rig.refusal());
        rig.job = first;
        let mut shard = rig.shard();
        rig.finish(&mut shard);
        rig.assert_exact(&shard);
    }
}

/// What is known of rows that an old module trapped on says nothing about the new one.
#[test]
fn a_new_version_judges_poisonous_rows_anew() {
    let mut rig = Rig::new(Job::chain(vec![Kind::Map]), 1);
    rig.row("0a", "0v #a", 1);
    rig.row("0b", "0v", 2);
    let mut shard = rig.shard();
    rig.tick();
    assert_eq!(shard.turn(false).unwrap(), Turn::Aborted, "it trapped");
    assert_eq!(shard.turn(false).unwrap(), Turn::Searched);
    shard.switch(rig.version()).unwrap();
    assert_ne!(shard.turn(false).unwrap(), Turn::Searched);
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}
