//! Positions: committed ones, where a start is, what a partition holds.

use super::Fixture;
use super::job::*;
use crate::log::{Bounds, Committed, PartitionLag, Start};

fn committed(offset: i64, metadata: &str) -> Option<Committed> {
    Some(Committed {
        offset,
        metadata: metadata.into(),
    })
}

/// Positions and their metadata commit with the transaction, and the next owner finds the last ones, in the order
/// it asks.
pub fn positions_commit_with_their_metadata(fixture: &impl Fixture) {
    let job = Job::new(fixture, 3);
    (0..3).for_each(|partition| job.produce(&inputs(partition, 0..10)));
    let long = "m".repeat(200);
    let mut shard = job.owner();
    assert_eq!(shard.committed(&[0, 1, 2]), Ok(vec![None, None, None]));
    let source = source_id(shard.as_mut());
    job.begin_with(shard.as_mut(), &["a"]);
    let first = [position(0, 3, "e=1"), position(1, 4, &long)];
    shard.commit(&first, &source).unwrap();
    job.begin_with(shard.as_mut(), &[]);
    shard.commit(&[position(0, 5, "")], &source).unwrap();
    let mut next = job.owner();
    assert_eq!(
        next.committed(&[2, 1, 0]),
        Ok(vec![None, committed(4, &long), committed(5, "")])
    );
}

/// An aborted epoch leaves the positions of the one before.
pub fn positions_of_an_aborted_epoch_are_gone(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    job.produce(&inputs(0, 0..10));
    let mut shard = job.owner();
    let source = source_id(shard.as_mut());
    job.begin_with(shard.as_mut(), &["a"]);
    shard.commit(&[position(0, 3, "kept")], &source).unwrap();
    job.begin_with(shard.as_mut(), &["b"]);
    shard.abort().unwrap();
    assert_eq!(shard.committed(&[0]), Ok(vec![committed(3, "kept")]));
    job.begin_with(shard.as_mut(), &["c"]);
    // The owner is gone before it commits; the next one ends what it left open.
    assert_eq!(job.owner().committed(&[0]), Ok(vec![committed(3, "kept")]));
}

/// Each kind of start is the offset it says.
pub fn starts_resolve_to_offsets(fixture: &impl Fixture) {
    let job = Job::new(fixture, 2);
    let mut records = inputs(0, 0..10);
    for (record, timestamp) in records.iter_mut().zip((1000..).step_by(10)) {
        record.timestamp = timestamp;
    }
    job.produce(&records);
    fixture.truncate_before(&job.config.source, 0, 2);
    let mut shard = job.owner();
    let starts = [
        (Start::Earliest, 2),
        (Start::Latest, 10),
        (Start::Offset(7), 7),
        (Start::Timestamp(1050), 5),
        (Start::Timestamp(1051), 6),
        (Start::Timestamp(1), 2),
        (Start::Timestamp(2000), 10),
    ];
    for (start, want) in starts {
        assert_eq!(shard.resolve_start(0, start), Ok(want), "{start:?}");
    }
    for start in [Start::Earliest, Start::Latest, Start::Timestamp(5)] {
        assert_eq!(shard.resolve_start(1, start), Ok(0), "{start:?} of nothing");
    }
}

/// Bounds end at what is stable, so a start at the latest skips nothing that will commit.
pub fn bounds_end_where_an_open_transaction_begins(fixture: &impl Fixture) {
    let upstream = Job::new(fixture, 1);
    let job = upstream.downstream();
    let mut shard = job.owner();
    assert_eq!(shard.source_bounds(0), Ok(Bounds { start: 0, end: 0 }));
    job.produce(&inputs(0, 0..3));
    let mut writer = upstream.owner();
    upstream.begin_with(writer.as_mut(), &["open"]);
    // Sent may still be on its way: what is certain is that it never counts.
    (0..5).for_each(|_| {
        assert_eq!(shard.source_bounds(0), Ok(Bounds { start: 0, end: 3 }));
        assert_eq!(shard.resolve_start(0, Start::Latest), Ok(3));
        std::thread::sleep(MOMENT);
    });
    writer.abort().unwrap();
    upstream.epoch(writer.as_mut(), &["committed"], &[]);
    let bounds = || shard.source_bounds(0).unwrap();
    eventually(fixture, "two records and markers", bounds, |b| b.end >= 7);
}

/// What `lag` shows is what is there and what was committed.
pub fn lag_tells_bounds_and_positions(fixture: &impl Fixture) {
    let job = Job::new(fixture, 2);
    job.produce(&inputs(0, 0..10));
    let mut shard = job.owner();
    let source = source_id(shard.as_mut());
    job.begin_with(shard.as_mut(), &[]);
    shard.commit(&[position(0, 4, "m")], &source).unwrap();
    let want: Vec<PartitionLag> = (0..)
        .zip([(10, committed(4, "m")), (0, None)])
        .map(|(partition, (end, committed))| PartitionLag {
            partition,
            bounds: Bounds { start: 0, end },
            committed,
        })
        .collect();
    let log = fixture.log();
    let lag = || log.lag(&job.config.source, &job.config.group).unwrap();
    eventually(fixture, "the lag", lag, |got| *got == want);
}

/// Ends of many partitions, in one question.
pub fn ends_are_told_at_once(fixture: &impl Fixture) {
    let (job, other) = (Job::new(fixture, 2), Job::new(fixture, 1));
    job.produce(&inputs(0, 0..10));
    other.produce(&inputs(0, 0..3));
    let log = fixture.log();
    let topic = &job.config.source;
    let missing = format!("{}-missing", fixture.unique_name());
    let asked = [
        (topic.as_str(), 1),
        (&other.config.source, 0),
        (&missing, 0),
        (topic, 0),
        (topic, 1),
    ];
    let ends = || log.ends(&asked).unwrap();
    let want = [Some(0), Some(3), None, Some(10), Some(0)];
    eventually(fixture, "the ends", ends, |got| *got == want);
    assert_eq!(log.ends(&[]), Ok(Vec::new()));
}
