//! What the embedded log does beyond the port: sealed topics, the reader, and the controls that tests use.

use super::*;
use crate::log::{Delivery, Error, Kind, MemberEvent, OutRecord, Position, SourceBatch};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn config(id: &str) -> ShardConfig {
    ShardConfig {
        source: "in".into(),
        partitions: vec![0, 1],
        sinks: vec!["out".into()],
        changelog: "changes".into(),
        shard: 0,
        transactional_id: id.into(),
        group: "job".into(),
        delivery: Delivery::ExactlyOnce,
        epoch_interval_ms: 100,
        transaction_timeout_ms: 10_000,
    }
}

fn log() -> EmbeddedLog {
    let log = EmbeddedLog::new();
    for topic in ["in", "out", "changes"] {
        log.create_topic(topic, 2).unwrap();
    }
    log
}

fn shard(log: &EmbeddedLog) -> Box<dyn ShardLog> {
    let mut shard = log.open(&config("t")).unwrap();
    shard.init_transactions().unwrap();
    shard
}

fn record(value: &[u8]) -> OutRecord<'_> {
    OutRecord {
        topic: 0,
        partition: 1,
        key: None,
        value: Some(value),
        headers: None,
        timestamp: 5,
    }
}

fn produce(log: &EmbeddedLog, partition: i32, value: &[u8]) {
    log.produce("in", Some(partition), None, Some(value), None, 1)
        .unwrap();
}

#[test]
fn an_epoch_is_visible_after_its_commit_and_not_before() {
    let log = log();
    let mut shard = shard(&log);
    let source = shard.source_topic().unwrap().id;
    shard.begin().unwrap();
    shard.send(record(b"x")).unwrap();
    let mut reader = log.reader("out").unwrap();
    assert_eq!(reader.drain().unwrap(), []);
    let at = Position {
        partition: 0,
        offset: 0,
        metadata: "m".into(),
    };
    assert_eq!(shard.commit(&[at], &source), Ok(false));
    let read = reader.drain().unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!(
        (read[0].partition, read[0].value.as_deref()),
        (1, Some(b"x".as_slice()))
    );
    assert_eq!(
        shard.committed(&[0]).unwrap()[0].as_ref().unwrap().metadata,
        "m"
    );
}

#[test]
fn a_sealed_topic_ends_once_per_partition_after_its_last_record() {
    let log = log();
    produce(&log, 0, b"a");
    log.seal("in").unwrap();
    let mut shard = shard(&log);
    shard.assign(&[(0, 0), (1, 0)]).unwrap();
    let mut batches: Vec<SourceBatch> = Vec::new();
    (0..3).for_each(|_| shard.poll(100, Duration::ZERO, &mut batches).unwrap());
    let got: Vec<_> = batches
        .iter()
        .map(|b| (b.partition, b.batch.len(), b.next_offset, b.ended))
        .collect();
    assert_eq!(got, [(0, 1, 1, true), (1, 0, 0, true)]);
    let refused = log.produce("in", Some(0), None, None, None, 1).unwrap_err();
    assert!(refused.message.contains("sealed"), "{refused}");
}

#[test]
fn a_waiting_poll_wakes_for_a_record_and_for_the_seal() {
    let log = log();
    let mut reader = log.reader("in").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut batches = Vec::new();
            while !reader.ended() {
                reader.poll(SOON, &mut batches).unwrap();
            }
            batches.iter().map(|b| b.batch.len()).sum::<usize>()
        });
        produce(&log, 0, b"a");
        produce(&log, 1, b"b");
        log.seal("in").unwrap();
        assert_eq!(waiting.join().unwrap(), 2);
    });
}

#[test]
fn partitions_take_turns_however_small_the_polls() {
    let log = log();
    (0..100).for_each(|_| produce(&log, 0, b"a"));
    produce(&log, 1, b"b");
    let mut shard = shard(&log);
    shard.assign(&[(0, 0), (1, 0)]).unwrap();
    let mut batches = Vec::new();
    (0..2).for_each(|_| shard.poll(1, Duration::ZERO, &mut batches).unwrap());
    assert_eq!((batches[0].partition, batches[1].partition), (0, 1));
}

#[test]
fn records_without_partition_go_by_key_or_in_turns() {
    let log = log();
    let to = |key: Option<&[u8]>| log.produce("in", None, key, None, None, 1).unwrap().0;
    assert_eq!(to(Some(b"21")), partition_of(Some(b"21"), 0, 2));
    assert_eq!((to(None), to(None), to(None)), (0, 1, 0));
}

#[test]
fn the_nth_call_fails_and_only_of_whom_it_should() {
    let log = log();
    let mut shard = shard(&log);
    let lost = Error::new(Kind::Abortable, "lost");
    log.fail(At::nth(Call::Send, 1).by("someone-else"), lost.clone());
    log.fail(At::nth(Call::Send, 2), lost.clone());
    shard.begin().unwrap();
    assert_eq!(shard.send(record(b"1")), Ok(()));
    assert_eq!(shard.send(record(b"2")), Err(lost));
    assert_eq!(shard.send(record(b"3")), Ok(()));
    shard.abort().unwrap();
}

#[test]
fn a_failed_commit_is_nothing_before_and_all_after() {
    let log = log();
    let mut shard = shard(&log);
    let source = shard.source_topic().unwrap().id;
    let lost = Error::new(Kind::Fenced, "timed out");
    for (call, visible) in [(Call::CommitBefore, 0), (Call::CommitAfter, 1)] {
        shard.init_transactions().unwrap();
        shard.begin().unwrap();
        shard.send(record(b"x")).unwrap();
        log.fail(At::next(call), lost.clone());
        assert_eq!(shard.commit(&[], &source), Err(lost.clone()));
        let read = log.reader("out").unwrap().drain().unwrap();
        assert_eq!(read.len(), visible, "{call:?}");
    }
}

#[test]
fn a_tainted_commit_says_so_once() {
    let log = log();
    let mut shard = shard(&log);
    let source = shard.source_topic().unwrap().id;
    log.taint(At::next(Call::Send));
    let mut commit = || {
        shard.begin().unwrap();
        shard.send(record(b"x")).unwrap();
        shard.commit(&[], &source).unwrap()
    };
    assert!(commit());
    assert!(!commit());
}

#[test]
fn a_stalled_commit_that_wakes_after_a_takeover_is_fenced() {
    let log = log();
    let mut old = shard(&log);
    let source = old.source_topic().unwrap().id;
    old.begin().unwrap();
    old.send(record(b"zombie")).unwrap();
    let stall = log.stall(At::next(Call::CommitBefore));
    std::thread::scope(|scope| {
        let zombie = scope.spawn(move || old.commit(&[], &source).unwrap_err().kind);
        assert!(stall.reached(SOON), "the commit came to the stall");
        shard(&log);
        stall.release();
        assert_eq!(zombie.join().unwrap(), Kind::Fenced);
    });
    assert_eq!(log.reader("out").unwrap().drain().unwrap(), []);
}

#[test]
fn a_transaction_that_the_coordinator_expired_is_fenced_and_invisible() {
    let log = log();
    let mut shard = shard(&log);
    shard.begin().unwrap();
    shard.send(record(b"late")).unwrap();
    log.expire_transaction("t");
    let source = shard.source_topic().unwrap().id;
    assert_eq!(shard.commit(&[], &source).unwrap_err().kind, Kind::Fenced);
    assert_eq!(log.reader("out").unwrap().drain().unwrap(), []);
    let end = log.lag("out", "job").unwrap()[1].bounds.end;
    assert_eq!(end, 2, "the record and the abort marker");
}

#[test]
fn a_record_over_the_topics_limit_is_refused() {
    let log = log();
    log.set_record_bytes_max("out", 3).unwrap();
    let mut shard = shard(&log);
    assert_eq!(shard.record_bytes_max(Some(0)), Ok(3));
    shard.begin().unwrap();
    assert_eq!(shard.send(record(b"123")), Ok(()));
    let refused = shard.send(record(b"1234")).unwrap_err();
    assert!(refused.message.contains("4 bytes"), "{refused}");
}

fn join(log: &EmbeddedLog, host_id: &str) -> Box<dyn Membership> {
    let member = MemberConfig {
        group: "members".into(),
        changelog: "changes".into(),
        host_id: host_id.into(),
    };
    log.join(&member).unwrap()
}

#[test]
fn an_expired_member_loses_its_shards_and_joins_again() {
    let log = log();
    let (mut a, mut b) = (join(&log, "a"), join(&log, "b"));
    a.released(&[1]);
    assert_eq!(b.poll(SOON), Ok(vec![MemberEvent::Assigned(vec![1])]));
    log.expire_member("members", "b");
    let events = a.poll(SOON).unwrap();
    assert_eq!(events.last(), Some(&MemberEvent::Assigned(vec![1])));
    assert_eq!(b.poll(SOON), Ok(vec![MemberEvent::Lost(vec![1])]));
    assert_eq!(a.poll(SOON), Ok(vec![MemberEvent::Revoked(vec![1])]));
}

#[test]
fn a_member_that_died_stays_until_it_expires_or_comes_back() {
    let log = log();
    let (a, mut b) = (join(&log, "a"), join(&log, "b"));
    drop(a);
    assert_eq!(b.poll(Duration::ZERO), Ok(vec![]));
    let mut again = join(&log, "a");
    assert_eq!(
        again.poll(SOON).unwrap().first(),
        Some(&MemberEvent::Assigned(vec![0, 1]))
    );
    drop(again);
    log.expire_member("members", "a");
    assert_eq!(b.poll(SOON), Ok(vec![MemberEvent::Assigned(vec![0, 1])]));
}

#[test]
fn shards_that_nobody_asked_back_are_not_released() {
    let log = log();
    let mut a = join(&log, "a");
    a.poll(SOON).unwrap();
    a.released(&[0, 1]);
    assert_eq!(a.poll(Duration::ZERO), Ok(vec![]));
}

#[test]
fn many_records_cost_little_more_than_their_bytes() {
    let log = log();
    let value = [b'v'; 100];
    (0..100_000).for_each(|_| produce(&log, 0, &value));
    let state = log.shared.lock();
    let held = state.partition("in", 0).unwrap().bytes_held();
    assert!(held < 100_000 * 100 * 5 / 4, "{held} bytes held");
}
