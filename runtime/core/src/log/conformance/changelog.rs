//! Reading a shard's changelog back.

use super::Fixture;
use super::job::*;
use crate::log::{Bounds, ShardLog};

/// A record as read: its offset, key and value.
type Read = (i64, String, String);

fn read(shard: &mut dyn ShardLog, from: i64) -> (Vec<Read>, Bounds) {
    let mut records = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let bounds = shard
        .read_changelog(from, &mut |r| {
            records.push((r.offset, text(r.key), text(r.value)));
        })
        .unwrap();
    (records, bounds)
}

fn pairs(records: &[Read]) -> Vec<(&str, &str)> {
    records
        .iter()
        .map(|(_, key, value)| (key.as_str(), value.as_str()))
        .collect()
}

/// Records come in order up to the end position, although what stands last is a marker, not a record.
pub fn a_changelog_is_read_to_its_end_position(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut shard = job.owner();
    job.epoch(shard.as_mut(), &[], &[("a", "1"), ("b", "2")]);
    job.epoch(shard.as_mut(), &[], &[("a", "3")]);
    let (records, bounds) = read(job.owner().as_mut(), 0);
    assert_eq!(pairs(&records), [("a", "1"), ("b", "2"), ("a", "3")]);
    assert_eq!(bounds.start, 0);
    assert!(records.is_sorted_by(|a, b| a.0 < b.0), "{records:?}");
    let last = records.last().map(|r| r.0).unwrap();
    assert!(bounds.end > last + 1, "a marker ends {bounds:?}");

    let mut shard = job.owner();
    // What is aborted before the client sent it leaves no trace: so once more until one was in the log.
    let abort_one = || {
        shard.begin().unwrap();
        shard.append_changelog(b"aborted", b"").unwrap();
        std::thread::sleep(MOMENT);
        shard.abort().unwrap();
        read(job.owner().as_mut(), 0)
    };
    let behind = |(_, bounds): &(Vec<Read>, Bounds)| bounds.end > last + 3;
    let (records, _) = eventually(fixture, "an end behind the aborted one", abort_one, behind);
    assert_eq!(records.len(), 3, "the aborted one is not read");
}

/// Reading starts at an offset; one before the first or after the last is as good as the nearest.
pub fn a_changelog_is_read_from_an_offset(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut shard = job.owner();
    job.epoch(shard.as_mut(), &[], &[("a", "1"), ("b", "2")]);
    job.epoch(shard.as_mut(), &[], &[("c", "3")]);
    let mut shard = job.owner();
    let (all, bounds) = read(shard.as_mut(), 0);
    for from in 0..all.len() {
        let (records, same) = read(shard.as_mut(), all[from].0);
        assert_eq!(records, all[from..]);
        assert_eq!(same, bounds);
    }
    assert_eq!(read(shard.as_mut(), -5).0, all);
    assert_eq!(read(shard.as_mut(), bounds.end), (vec![], bounds));
    assert_eq!(read(shard.as_mut(), bounds.end + 100), (vec![], bounds));
}

/// A new changelog has nothing, and says so at once.
pub fn an_empty_changelog_has_no_records(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut shard = job.owner();
    let (records, bounds) = read(shard.as_mut(), 0);
    assert_eq!(
        (records, bounds),
        (vec![], Bounds { start: 0, end: 0 }),
        "a new one"
    );
    shard.begin().unwrap();
    shard.append_changelog(b"aborted", b"").unwrap();
    shard.abort().unwrap();
    let (records, _) = read(job.owner().as_mut(), 0);
    assert_eq!(records, [], "one with nothing but an aborted transaction");
}

/// Each shard has the changelog partition of its number.
pub fn changelogs_of_shards_are_apart(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut second = Job {
        fixture,
        config: job.config.clone(),
    };
    second.config.shard = 1;
    second.config.transactional_id += "-1";
    job.epoch(job.owner().as_mut(), &[], &[("zero", "0")]);
    second.epoch(second.owner().as_mut(), &[], &[("one", "1")]);
    let zero = read(job.owner().as_mut(), 0).0;
    let one = read(second.owner().as_mut(), 0).0;
    assert_eq!(pairs(&zero), [("zero", "0")]);
    assert_eq!(pairs(&one), [("one", "1")]);
}

/// Megabytes over several epochs come back whole.
pub fn a_large_changelog_is_read_whole(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut shard = job.owner();
    let source = source_id(shard.as_mut());
    for epoch in 0..3u8 {
        shard.begin().unwrap();
        for n in 0..30u8 {
            let value = vec![n; 100_000];
            shard.append_changelog(&[epoch, n], &value).unwrap();
        }
        shard.commit(&[], &source).unwrap();
    }
    let mut got = Vec::new();
    let mut visit = |record: crate::log::ChangelogRecord<'_>| {
        let [epoch, n] = record.key else {
            panic!("key {:?}", record.key);
        };
        assert!(record.value == vec![*n; 100_000], "value of {epoch} {n}");
        got.push((*epoch, *n));
    };
    job.owner().read_changelog(0, &mut visit).unwrap();
    let want: Vec<(u8, u8)> = (0..3).flat_map(|e| (0..30).map(move |n| (e, n))).collect();
    assert_eq!(got, want);
}

/// Records before the first there is are passed over, and the bounds say so.
pub fn a_trimmed_changelog_starts_where_it_was_trimmed(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut shard = job.owner();
    job.epoch(shard.as_mut(), &[], &[("a", "1"), ("b", "2")]);
    job.epoch(shard.as_mut(), &[], &[("c", "3"), ("d", "4")]);
    let (all, _) = read(job.owner().as_mut(), 0);
    fixture.truncate_before(&job.config.changelog, 0, all[2].0);
    let mut shard = job.owner();
    let at = || read(shard.as_mut(), 0);
    let (records, bounds) = eventually(fixture, "the trim", at, |(_, b)| b.start == all[2].0);
    assert_eq!(records, all[2..]);
    assert_eq!(bounds.start, all[2].0);
}

/// `ensure_changelog` makes the topic once and never changes it.
pub fn a_changelog_is_made_once(fixture: &impl Fixture) {
    let name = format!("{}-changes", fixture.unique_name());
    let log = fixture.log();
    assert_eq!(log.ensure_changelog(&name, 3), Ok(3));
    let made = log.topic(&name).unwrap().unwrap();
    assert_eq!(made.partitions, 3);
    assert_eq!(log.ensure_changelog(&name, 5), Ok(3));
    assert_eq!(log.topic(&name), Ok(Some(made)));
}
