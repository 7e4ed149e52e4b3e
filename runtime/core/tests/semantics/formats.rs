//! Versions of a module with other accumulators: what an earlier one wrote is migrated when it is touched, and never given to
//! one that can't read it.

use crate::job::{Job, window};
use crate::rig::Rig;
use proptest::prelude::*;
use sluicebox_core::shard::{ShardError, Turn};
use std::sync::atomic::Ordering;

/// From now on modules have this format, and migrate those.
fn version(rig: &Rig, format: u8, migrates: &[u8]) {
    rig.modules.format.store(format, Ordering::Relaxed);
    *rig.modules.migrates.lock().unwrap() = migrates.to_vec();
}

/// Rows of these keys, in a window that stays open, committed by the present version.
fn fold(rig: &mut Rig, keys: &[&str]) -> Result<(), ShardError> {
    keys.iter().for_each(|key| rig.row(key, "0v", 1));
    let mut shard = rig.shard();
    rig.tick();
    while shard.turn(false)? != Turn::Committed {}
    Ok(())
}

fn finish(rig: &Rig) {
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

fn rig() -> Rig {
    Rig::new(Job::chain(vec![window(10)]), 1)
}

#[test]
fn accumulators_are_migrated_when_they_are_touched_and_when_they_fire() {
    let mut rig = rig();
    fold(&mut rig, &["0a", "0b", "0c"]).unwrap();
    version(&rig, 1, &[0]);
    fold(&mut rig, &["0a", "0d"]).unwrap();
    // There are some of each format now.
    version(&rig, 2, &[0, 1]);
    fold(&mut rig, &["0a", "0b"]).unwrap();
    finish(&rig);
    assert_eq!(rig.topic("out").len(), 4);
}

#[test]
fn what_can_not_be_migrated_halts_the_job_and_going_back_goes_on() {
    let mut rig = rig();
    version(&rig, 1, &[]);
    fold(&mut rig, &["0a", "0b"]).unwrap();
    version(&rig, 3, &[2]);
    let why = fold(&mut rig, &["0c", "0b"]).unwrap_err();
    assert!(matches!(why, ShardError::Halt(_)));
    insta::assert_snapshot!("accumulators_without_a_migration", why.to_string());
    assert_eq!(rig.topic("out"), [""; 0]);
    version(&rig, 1, &[]);
    finish(&rig);
}

/// At the end of a window as well: nobody has touched it since.
#[test]
fn a_window_that_fires_without_a_migration_halts_the_job() {
    let mut rig = rig();
    fold(&mut rig, &["0a"]).unwrap();
    version(&rig, 1, &[]);
    let mut shard = rig.shard();
    rig.log.seal("in").unwrap();
    let halted = (0..100).find_map(|_| shard.turn(false).err());
    assert!(matches!(halted, Some(ShardError::Halt(_))), "{halted:?}");
    assert_eq!(rig.topic("out"), [""; 0]);
    version(&rig, 0, &[]);
    finish(&rig);
}

proptest! {
    /// Whatever versions follow each other, results are those of one version.
    #[test]
    fn upgrades_at_any_time_change_no_result(
        steps in proptest::collection::vec((0u8..4, proptest::collection::vec(0usize..600, 0..400)), 1..6)
    ) {
        let keys: Vec<String> = (0..600).map(|i| format!("0k{i}")).collect();
        let mut rig = rig();
        for (format, touched) in steps {
            version(&rig, format, &[0, 1, 2, 3]);
            let touched: Vec<&str> = touched.into_iter().map(|i| keys[i].as_str()).collect();
            if !touched.is_empty() {
                fold(&mut rig, &touched).unwrap();
            }
        }
        finish(&rig);
    }
}
