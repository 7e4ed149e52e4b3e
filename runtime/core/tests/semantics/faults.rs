//! Everything that can fail in an epoch fails: the shard goes on, reconnects or halts as the error's kind says, and
//! whatever it does, the outputs are exact.

use crate::job::{Job, Kind, window};
use crate::rig::{Rig, run_to_end};
use sluicebox_core::embedded::{At, Call};
use sluicebox_core::log::{Delivery, Error, Kind as ErrorKind, Log};
use sluicebox_core::shard::{Shard, ShardError, Turn};
use std::time::Duration;

/// A job with open windows in every epoch, records in hand.
fn rig() -> Rig {
    let mut rig = Rig::new(Job::chain(vec![Kind::Map, window(10)]).delay(5), 2);
    for i in 0..80 {
        let partition = i % 2;
        let key = format!("{partition}{}", ["a", "b", "c"][i % 3]);
        let value = format!("{partition}v{i}{}", if i % 7 == 0 { " !a" } else { "" });
        let timestamp = i as i64 - (i as i64 * 7) % 13;
        let row = crate::model::Row {
            key: Some(key.into()),
            value: Some(value.into()),
            headers: None,
            timestamp,
        };
        rig.produce(partition, row);
    }
    rig.control.rows(&[9]);
    rig.log.seal("in").unwrap();
    rig
}

/// One epoch of several turns.
fn epoch(rig: &Rig, shard: &mut Shard) -> Result<(), ShardError> {
    shard.turn(false)?;
    shard.turn(false)?;
    rig.tick();
    shard.turn(false).map(drop)
}

fn go_on(rig: &Rig, mut shard: Shard, error: ShardError) -> Shard {
    match error {
        ShardError::Reconnect(_) => {
            shard.reconnect(rig.open());
            // The fault may have waited for this.
            if shard.recover().is_err() {
                shard.reconnect(rig.open());
                shard.recover().unwrap();
            }
            shard
        }
        ShardError::Halt(_) => rig.shard(),
    }
}

#[test]
fn every_call_of_an_epoch_may_fail_in_every_way() {
    let calls = [
        Call::Begin,
        Call::Send,
        Call::Append,
        Call::CommitBefore,
        Call::Poll,
    ];
    for call in calls {
        for kind in [
            ErrorKind::Retriable,
            ErrorKind::Abortable,
            ErrorKind::Fenced,
            ErrorKind::Halt,
        ] {
            for nth in 1..4 {
                let rig = rig();
                let mut shard = rig.shard();
                rig.log
                    .fail(At::nth(call, nth), Error::new(kind, "injected"));
                let mut failed = None;
                for _ in 0..4 {
                    if let Err(error) = epoch(&rig, &mut shard) {
                        failed = Some(error);
                        break;
                    }
                }
                let as_it_should = match (kind, &failed) {
                    (ErrorKind::Retriable | ErrorKind::Abortable, None) => true,
                    (ErrorKind::Fenced, Some(ShardError::Reconnect(why))) => why == "injected",
                    (ErrorKind::Halt, Some(ShardError::Halt(why))) => why == "injected",
                    _ => false,
                };
                assert!(as_it_should, "{call:?} {kind:?} {nth}: {failed:?}");
                if let Some(error) = failed {
                    shard = go_on(&rig, shard, error);
                }
                run_to_end(&mut shard).unwrap();
                rig.assert_exact(&shard);
            }
        }
    }
}

#[test]
fn every_call_of_a_recovery_may_fail_in_every_way() {
    let calls = [
        Call::Init,
        Call::ReadChangelog,
        Call::Begin,
        Call::Append,
        Call::CommitBefore,
        Call::CommitAfter,
    ];
    for call in calls {
        for kind in [
            ErrorKind::Retriable,
            ErrorKind::Abortable,
            ErrorKind::Fenced,
            ErrorKind::Halt,
        ] {
            let rig = rig();
            let mut shard = rig.shard();
            epoch(&rig, &mut shard).unwrap();
            drop(shard);
            rig.log.fail(At::next(call), Error::new(kind, "injected"));
            let mut shard = rig.start();
            match (kind, shard.recover()) {
                (ErrorKind::Halt, Err(ShardError::Halt(_))) => {}
                (ErrorKind::Halt, other) => panic!("{call:?} {kind:?}: {other:?}"),
                (_, Err(ShardError::Reconnect(_))) => {}
                (_, other) => panic!("{call:?} {kind:?}: {other:?}"),
            }
            shard.reconnect(rig.open());
            shard.recover().unwrap();
            run_to_end(&mut shard).unwrap();
            rig.assert_exact(&shard);
        }
    }
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_and_not_repeated() {
    for kind in [ErrorKind::Fenced, ErrorKind::Halt] {
        let rig = rig();
        let mut shard = rig.shard();
        epoch(&rig, &mut shard).unwrap();
        rig.log
            .fail(At::next(Call::CommitAfter), Error::new(kind, "injected"));
        let error = epoch(&rig, &mut shard).unwrap_err();
        let visible = rig.topic("out").len() + rig.topic("dead").len();
        let mut shard = go_on(&rig, shard, error);
        assert_eq!(rig.topic("out").len() + rig.topic("dead").len(), visible);
        run_to_end(&mut shard).unwrap();
        rig.assert_exact(&shard);
    }
}

#[test]
fn an_abort_that_fails_is_left_to_the_next_connection() {
    for kind in [
        ErrorKind::Retriable,
        ErrorKind::Abortable,
        ErrorKind::Fenced,
    ] {
        let rig = rig();
        let mut shard = rig.shard();
        rig.log.fail(
            At::next(Call::CommitBefore),
            Error::new(ErrorKind::Abortable, "injected"),
        );
        rig.log
            .fail(At::next(Call::Abort), Error::new(kind, "injected too"));
        let error = epoch(&rig, &mut shard).unwrap_err();
        assert!(matches!(error, ShardError::Reconnect(_)), "{error:?}");
        let mut shard = go_on(&rig, shard, error);
        run_to_end(&mut shard).unwrap();
        rig.assert_exact(&shard);
    }
}

#[test]
fn a_tainted_commit_counts_and_asks_for_another_connection() {
    let rig = rig();
    let mut shard = rig.shard();
    rig.log.taint(At::next(Call::Append));
    let error = epoch(&rig, &mut shard).unwrap_err();
    assert!(matches!(error, ShardError::Reconnect(_)), "{error:?}");
    let epoch_of_commit = shard.progress().epoch;
    let mut shard = go_on(&rig, shard, error);
    assert_eq!(
        shard.progress().epoch,
        epoch_of_commit + 1,
        "the commit and the claim after it"
    );
    run_to_end(&mut shard).unwrap();
    rig.assert_exact(&shard);
}

#[test]
fn a_zombie_commits_nothing() {
    let mut rig = rig();
    let mut zombie = rig.shard();
    zombie.turn(false).unwrap();
    // The new owner is another host: it has no store.
    rig.store = Default::default();
    let mut owner = rig.shard();
    let before = rig.topic("changes").len();
    rig.tick();
    let error = zombie.turn(false).unwrap_err();
    assert!(matches!(error, ShardError::Reconnect(_)), "{error:?}");
    assert_eq!(rig.topic("changes").len(), before);
    run_to_end(&mut owner).unwrap();
    rig.assert_exact(&owner);
}

#[test]
fn a_paused_owner_that_wakes_after_others_committed_commits_nothing_twice() {
    let mut rig = rig();
    let mut paused = rig.shard();
    epoch(&rig, &mut paused).unwrap();
    paused.turn(false).unwrap();
    let of_paused = std::mem::take(&mut rig.store);
    let mut other = rig.shard();
    epoch(&rig, &mut other).unwrap();
    drop(other);
    rig.store = of_paused;
    paused.reconnect(rig.open());
    paused.recover().unwrap();
    run_to_end(&mut paused).unwrap();
    rig.assert_exact(&paused);
}

#[test]
fn a_transaction_that_the_coordinator_expired_is_begun_anew() {
    let rig = rig();
    let mut shard = rig.shard();
    shard.turn(false).unwrap();
    rig.log.expire_transaction("job-0");
    let error = epoch(&rig, &mut shard).unwrap_err();
    let mut shard = go_on(&rig, shard, error);
    run_to_end(&mut shard).unwrap();
    rig.assert_exact(&shard);
}

#[test]
fn a_topic_made_again_while_running_halts_before_anything_of_it_is_committed() {
    let mut rig = Rig::new(Job::chain(vec![Kind::Map]), 1);
    rig.row("0a", "0old", 1);
    let mut shard = rig.shard();
    rig.tick();
    assert_eq!(shard.turn(false).unwrap(), Turn::Committed);
    rig.log.recreate("in").unwrap();
    for i in 0..5 {
        rig.row("0a", &format!("0new{i}"), 1);
    }
    rig.tick();
    let error = shard.turn(false).unwrap_err();
    assert!(
        matches!(&error, ShardError::Halt(why) if why.contains("made again")),
        "{error:?}"
    );
    assert_eq!(rig.topic("out"), ["0a=0old a0 @1"]);
}

#[test]
fn polls_that_may_be_repeated_are_and_nothing_that_came_is_dropped() {
    let rig = rig();
    let mut shard = rig.shard();
    rig.control.lock().poll_errors =
        vec![Error::new(ErrorKind::Retriable, "a broker is away"); 300];
    for _ in 0..310 {
        shard.turn(false).unwrap();
    }
    assert_eq!(shard.take_notes(), ["a broker is away"]);
    run_to_end(&mut shard).unwrap();
    rig.assert_exact(&shard);
}

#[test]
fn a_row_of_aborts_asks_for_another_connection_and_never_halts() {
    let rig = rig();
    let mut shard = rig.shard();
    let mut reconnected = 0;
    for _ in 0..100 {
        rig.log.fail(
            At::next(Call::CommitBefore),
            Error::new(ErrorKind::Abortable, "injected"),
        );
        match epoch(&rig, &mut shard) {
            Ok(()) => {}
            Err(ShardError::Reconnect(why)) => {
                assert!(why.ends_with("with: injected"), "{why}");
                reconnected += 1;
                rig.log.heal();
                shard.reconnect(rig.open());
                shard.recover().unwrap();
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!((10..20).contains(&reconnected), "{reconnected}");
    rig.log.heal();
    run_to_end(&mut shard).unwrap();
    rig.assert_exact(&shard);
}

#[test]
fn an_idle_shard_waits_for_records() {
    let mut rig = Rig::new(Job::chain(vec![Kind::Map]), 1);
    let mut shard = rig.shard();
    for _ in 0..3 {
        rig.tick();
        assert_eq!(shard.turn(false).unwrap(), Turn::Idle);
    }
    assert!(
        rig.control
            .lock()
            .waits
            .iter()
            .all(|wait| *wait >= Duration::from_millis(10))
    );
    rig.row("0a", "0v", 1);
    assert_eq!(
        shard.turn(false).unwrap(),
        Turn::Committed,
        "what comes after a pause does not wait"
    );
    rig.row("0a", "0v", 1);
    assert_eq!(shard.turn(false).unwrap(), Turn::Worked);
    rig.control.lock().waits.clear();
    rig.tick();
    assert_eq!(shard.turn(false).unwrap(), Turn::Committed);
    assert_eq!(
        rig.control.lock().waits,
        [Duration::ZERO],
        "an epoch that is due does not wait"
    );
}

#[test]
fn a_stop_commits_what_was_done_and_nothing_more() {
    let rig = rig();
    let mut shard = rig.shard();
    shard.turn(false).unwrap();
    let positions = shard.progress().positions;
    assert_eq!(shard.turn(true).unwrap(), Turn::Committed);
    assert_eq!(shard.progress().positions, positions);
    assert_eq!(shard.turn(true).unwrap(), Turn::Idle);
    let mut shard = rig.shard();
    assert_eq!(shard.progress().positions, positions);
    run_to_end(&mut shard).unwrap();
    rig.assert_exact(&shard);
}

#[test]
fn idle_positions_are_committed_again_before_they_expire() {
    let rig = rig();
    let mut shard = rig.shard();
    run_to_end(&mut shard).unwrap();
    let before = shard.progress().epoch;
    (0..12 * 36_000).for_each(|_| rig.tick());
    assert_eq!(shard.turn(false).unwrap(), Turn::Committed);
    assert_eq!(shard.progress().epoch, before + 1);
    rig.assert_exact(&shard);
}

#[test]
fn at_least_once_keeps_state_exact_and_loses_no_output() {
    let mut rig = rig();
    rig.config.log.delivery = Delivery::AtLeastOnce;
    let mut shard = rig.shard();
    epoch(&rig, &mut shard).unwrap();
    rig.log.fail(
        At::next(Call::CommitBefore),
        Error::new(ErrorKind::Abortable, "injected"),
    );
    epoch(&rig, &mut shard).unwrap();
    run_to_end(&mut shard).unwrap();
    let (wanted, accounts) = crate::model::run(&rig.job, crate::rig::SINK_PARTITIONS, &rig.input);
    let got = rig.outputs();
    for (at, wanted) in wanted {
        assert!(wanted.iter().all(|row| got[&at].contains(row)), "{at:?}");
        assert!(got[&at].iter().all(|row| wanted.contains(row)), "{at:?}");
    }
    for (id, account) in shard.progress().committed_accounts {
        assert_eq!(account, accounts[&id]);
    }
}

#[test]
fn idle_partitions_are_committed_beside_busy_ones() {
    let mut rig = Rig::new(Job::chain(vec![Kind::Filter]), 2);
    let mut shard = rig.shard();
    rig.row("0a", "0v", 1);
    shard.turn(false).unwrap();
    shard.turn(true).unwrap();
    let epoch = format!(" e={} ", shard.progress().epoch);
    for at in rig.log.lag("in", "job").unwrap() {
        let metadata = at.committed.unwrap().metadata;
        assert!(
            metadata.contains(&epoch),
            "partition {}: {metadata}",
            at.partition
        );
    }
}

#[test]
fn shards_of_one_job_fail_and_go_on_apart() {
    let mut rig = rig();
    let both = rig.config.log.clone();
    let mut last = None;
    for number in [0, 1] {
        rig.config.log.partitions = vec![number];
        rig.config.log.shard = number;
        rig.config.log.transactional_id = format!("job-{number}");
        rig.store = Default::default();
        let mut shard = rig.shard();
        epoch(&rig, &mut shard).unwrap();
        let why = Error::new(ErrorKind::Fenced, "injected");
        rig.log.fail(
            At::next(Call::CommitBefore).by(&format!("job-{number}")),
            why,
        );
        let error = epoch(&rig, &mut shard).unwrap_err();
        let mut shard = go_on(&rig, shard, error);
        run_to_end(&mut shard).unwrap();
        last = Some(shard.progress());
    }
    rig.config.log = both;
    let (wanted, _) = crate::model::run(&rig.job, crate::rig::SINK_PARTITIONS, &rig.input);
    crate::rig::assert_same(&rig.outputs(), &wanted);
    assert!(last.is_some_and(|p| p.positions.keys().eq([&1])));
}

/// What has ended stays ended: another process finds nothing to do, and says so.
#[test]
fn an_ended_job_started_again_puts_out_nothing() {
    let rig = rig();
    run_to_end(&mut rig.shard()).unwrap();
    let mut shard = rig.shard();
    run_to_end(&mut shard).unwrap();
    rig.assert_exact(&shard);
}
