//! Reading the source: order, bounds of a poll, assignment.

use super::Fixture;
use super::job::*;
use crate::batch::ROWS_MAX;
use crate::log::SourceBatch;
use std::time::Duration;

/// Records of a partition come in offset order, whatever the other partitions do; each with its offset.
pub fn each_partition_comes_in_order(fixture: &impl Fixture) {
    let job = Job::new(fixture, 3);
    for partition in 0..3 {
        job.produce(&inputs(partition, 0..1500));
    }
    let mut shard = job.owner();
    shard.assign(&[(0, 0), (1, 0), (2, 0)]).unwrap();
    let batches = job.read(shard.as_mut(), 4500);
    for partition in 0..3 {
        let want: Vec<_> = inputs(partition, 0..1500).iter().map(text).collect();
        assert_eq!(values(&batches, partition), want);
        let of = batches.iter().filter(|b| b.partition == partition);
        let offsets: Vec<i64> = of.flat_map(|b| b.offsets.clone()).collect();
        assert_eq!(offsets, (0..1500).collect::<Vec<_>>());
    }
    batches.iter().for_each(check_batch);
}

fn check_batch(batch: &SourceBatch) {
    assert_eq!(batch.offsets.len(), batch.batch.len());
    assert!(batch.batch.len() <= ROWS_MAX);
    assert!(batch.offsets.last().is_none_or(|o| *o < batch.next_offset));
    assert!(!batch.ended, "a topic does not end");
}

/// A poll gives at most as many records as it was asked for, goes on where it ended, and gives nothing without
/// records.
pub fn a_poll_is_bounded_and_an_idle_one_empty(fixture: &impl Fixture) {
    let job = Job::new(fixture, 2);
    for partition in 0..2 {
        job.produce(&inputs(partition, 0..100));
    }
    let mut shard = job.owner();
    shard.assign(&[(0, 0), (1, 0)]).unwrap();
    let mut all: Vec<SourceBatch> = Vec::new();
    eventually(
        fixture,
        "all 200 records in polls of at most 7",
        || {
            let mut batches = Vec::new();
            shard.poll(7, MOMENT, &mut batches).unwrap();
            let rows: usize = batches.iter().map(|b| b.batch.len()).sum();
            assert!(rows <= 7, "{rows} records in a poll of at most 7");
            all.append(&mut batches);
            all.iter().map(|b| b.batch.len()).sum::<usize>()
        },
        |rows| *rows == 200,
    );
    for partition in 0..2 {
        let want: Vec<_> = inputs(partition, 0..100).iter().map(text).collect();
        assert_eq!(values(&all, partition), want);
    }
    let mut none = Vec::new();
    shard.poll(7, Duration::ZERO, &mut none).unwrap();
    shard.poll(7, MOMENT, &mut none).unwrap();
    assert!(none.iter().all(|b| b.batch.is_empty()), "{none:?}");
}

/// `assign` decides what is read, from where, and replaces what was assigned.
pub fn partitions_and_offsets_are_read_as_assigned(fixture: &impl Fixture) {
    let job = Job::new(fixture, 3);
    for partition in 0..3 {
        job.produce(&inputs(partition, 0..10));
    }
    let mut shard = job.owner();
    shard.assign(&[(0, 7), (2, 0)]).unwrap();
    let batches = job.read(shard.as_mut(), 13);
    assert_eq!(values(&batches, 0), ["0/7", "0/8", "0/9"]);
    assert_eq!(values(&batches, 1), [""; 0]);
    assert_eq!(values(&batches, 2).len(), 10);

    shard.assign(&[(0, 9), (1, 8)]).unwrap();
    job.produce(&inputs(2, 10..20));
    let batches = job.read(shard.as_mut(), 3);
    assert_eq!(values(&batches, 0), ["0/9"]);
    assert_eq!(values(&batches, 1), ["1/8", "1/9"]);
    let mut more = Vec::new();
    (0..5).for_each(|_| shard.poll(100, MOMENT, &mut more).unwrap());
    assert_eq!(values(&more, 2), [""; 0], "partition 2 is not assigned");
}
