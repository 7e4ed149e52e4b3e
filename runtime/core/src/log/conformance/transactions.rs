//! What a transaction makes visible, and when.

use super::Fixture;
use super::job::*;
use crate::log::Delivery;

/// Outputs are visible after the commit, all of them, and not before.
pub fn outputs_are_visible_after_the_commit_only(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut shard = job.owner();
    job.begin_with(shard.as_mut(), &["a", "b"]);
    assert_eq!(job.visible(), [""; 0]);
    shard.send(out(0, "c")).unwrap();
    let source = source_id(shard.as_mut());
    shard.commit(&[], &source).unwrap();
    job.expect_visible(&["a", "b", "c"]);
}

/// Outputs of an aborted transaction never show; the connection works on.
pub fn aborted_outputs_are_never_visible(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut shard = job.owner();
    job.begin_with(shard.as_mut(), &["aborted"]);
    shard.append_changelog(b"aborted", b"").unwrap();
    shard.abort().unwrap();
    job.epoch(shard.as_mut(), &["committed"], &[("committed", "")]);
    job.expect_visible(&["committed"]);
    let mut keys = Vec::new();
    let mut visit = |record: crate::log::ChangelogRecord<'_>| keys.push(record.key.to_vec());
    job.owner().read_changelog(0, &mut visit).unwrap();
    assert_eq!(keys, [b"committed"]);
}

/// Thousands of records over several partitions commit as one.
pub fn a_transaction_over_many_partitions_is_atomic(fixture: &impl Fixture) {
    let job = Job::new(fixture, 4);
    let mut shard = job.owner();
    let send = |shard: &mut dyn crate::log::ShardLog| {
        shard.begin().unwrap();
        for n in 0..8000 {
            shard.send(out(n % 4, &format!("{n:05}"))).unwrap();
        }
    };
    send(shard.as_mut());
    shard.abort().unwrap();
    send(shard.as_mut());
    assert_eq!(job.visible(), [""; 0]);
    let source = source_id(shard.as_mut());
    shard.commit(&[], &source).unwrap();
    let want: Vec<String> = (0..4)
        .flat_map(|p| (p..8000).step_by(4).map(|n| format!("{n:05}")))
        .collect();
    let all = |got: &Vec<String>| got.len() >= want.len();
    let got = eventually(fixture, "8,000 records", || job.visible(), all);
    assert_eq!(got, want);
}

/// Many short epochs, empty ones and aborted ones among them, leave exactly what was committed, in order.
pub fn epochs_follow_each_other(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut shard = job.owner();
    let mut want = Vec::new();
    for n in 0..20 {
        let value = n.to_string();
        match n % 4 {
            0 => job.epoch(shard.as_mut(), &[], &[]),
            1 => {
                job.begin_with(shard.as_mut(), &[&value]);
                shard.abort().unwrap();
            }
            _ => {
                job.epoch(shard.as_mut(), &[&value], &[("k", &value)]);
                want.push(value);
            }
        }
    }
    let want: Vec<&str> = want.iter().map(String::as_str).collect();
    job.expect_visible(&want);
}

/// A job that reads another's sink sees what is committed, in order, and nothing behind an open transaction.
pub fn readers_pass_over_what_is_open_or_aborted(fixture: &impl Fixture) {
    let upstream = Job::new(fixture, 1);
    let job = upstream.downstream();
    let mut writer = upstream.owner();
    let mut shard = job.owner();
    shard.assign(&[(0, 0)]).unwrap();

    upstream.epoch(writer.as_mut(), &["first"], &[]);
    let batches = job.read(shard.as_mut(), 1);
    assert_eq!(values(&batches, 0), ["first"]);

    upstream.begin_with(writer.as_mut(), &["aborted"]);
    // Committed already, but behind the open transaction.
    job.produce(&[input(0, "plain")]);
    let mut none = Vec::new();
    (0..5).for_each(|_| shard.poll(10, MOMENT, &mut none).unwrap());
    assert_eq!(values(&none, 0), [""; 0]);

    writer.abort().unwrap();
    upstream.epoch(writer.as_mut(), &["last"], &[]);
    let batches = job.read(shard.as_mut(), 2);
    assert_eq!(values(&batches, 0), ["plain", "last"]);
}

/// Where a transaction's marker, or an aborted transaction, is all that follows, the position moves past it: only so
/// can "read to the end" be told from "waiting for more".
pub fn positions_pass_transaction_markers(fixture: &impl Fixture) {
    let upstream = Job::new(fixture, 1);
    let job = upstream.downstream();
    let mut writer = upstream.owner();
    let mut shard = job.owner();
    upstream.epoch(writer.as_mut(), &["a", "b"], &[]);
    let ended = |end: i64| {
        let bounds = || job.owner().source_bounds(0).unwrap().end;
        eventually(fixture, "the marker", bounds, |got| *got >= end)
    };
    let end = ended(3);
    shard.assign(&[(0, 0)]).unwrap();
    let batches = job.read_to_end(shard.as_mut(), 0);
    assert_eq!(values(&batches, 0), ["a", "b"]);

    // What is aborted before the client sent it leaves no trace: so once more until one was in the log.
    let abort_one = || {
        upstream.begin_with(writer.as_mut(), &["aborted"]);
        std::thread::sleep(MOMENT);
        writer.abort().unwrap();
        job.owner().source_bounds(0).unwrap().end
    };
    eventually(fixture, "an aborted record", abort_one, |got| {
        *got >= end + 2
    });
    let batches = job.read_to_end(shard.as_mut(), 0);
    assert_eq!(values(&batches, 0), [""; 0]);
}

/// at_least_once: outputs leave at once and stay, whatever becomes of the transaction; changelog and positions are
/// as transactional as ever.
pub fn at_least_once_outputs_are_visible_before_the_commit(fixture: &impl Fixture) {
    let mut job = Job::new(fixture, 1);
    job.config.delivery = Delivery::AtLeastOnce;
    let mut shard = job.owner();
    job.begin_with(shard.as_mut(), &["early"]);
    shard.append_changelog(b"aborted", b"").unwrap();
    job.expect_visible(&["early"]);
    shard.abort().unwrap();
    job.begin_with(shard.as_mut(), &["again"]);
    shard.append_changelog(b"committed", b"").unwrap();
    let source = source_id(shard.as_mut());
    shard.commit(&[position(0, 0, "m")], &source).unwrap();
    job.expect_visible(&["early", "again"]);
    let mut keys = Vec::new();
    let mut next = job.owner();
    let mut visit = |record: crate::log::ChangelogRecord<'_>| keys.push(record.key.to_vec());
    next.read_changelog(0, &mut visit).unwrap();
    assert_eq!(keys, [b"committed"]);
    assert_eq!(
        next.committed(&[0]).unwrap()[0].as_ref().unwrap().metadata,
        "m"
    );
}
