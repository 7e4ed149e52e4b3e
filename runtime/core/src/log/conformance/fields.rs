//! Records pass as they are: nulls, empty fields, odd headers, timestamps, sizes.

use super::job::*;
use super::{Fixture, Record};
use crate::batch::{Batch, push_header};
use crate::log::{OutRecord, SourceBatch};

fn odd_headers() -> Vec<u8> {
    let mut headers = Vec::new();
    push_header(&mut headers, b"twice", Some(b"1"));
    push_header(&mut headers, b"twice", Some(b"2"));
    push_header(&mut headers, b"null", None);
    push_header(&mut headers, b"empty", Some(b""));
    push_header(&mut headers, b"bytes", Some(&[0xff, 0x00, 0xfe]));
    headers
}

/// Timestamps lie in the past: brokers refuse those far ahead by default.
fn odd_records() -> Vec<Record> {
    let record =
        |key: Option<&[u8]>, value: Option<&[u8]>, headers: Option<Vec<u8>>, timestamp| Record {
            partition: 0,
            offset: 0,
            key: key.map(<[u8]>::to_vec),
            value: value.map(<[u8]>::to_vec),
            headers,
            timestamp,
        };
    let all_bytes: Vec<u8> = (0..=255).collect();
    vec![
        record(None, None, None, 1),
        record(Some(b""), Some(b""), None, TIMESTAMP),
        record(Some(b"k"), None, Some(odd_headers()), TIMESTAMP - 7),
        record(None, Some(b"v"), Some(odd_headers()), 1_000_000_000_123),
        record(Some(&all_bytes), Some(&all_bytes), None, 999),
    ]
}

fn row(batch: &Batch, row: usize) -> Record {
    Record {
        partition: 0,
        offset: 0,
        key: batch.key(row).map(<[u8]>::to_vec),
        value: batch.value(row).map(<[u8]>::to_vec),
        headers: batch.headers(row).map(<[u8]>::to_vec),
        timestamp: batch.timestamp(row),
    }
}

/// No headers may be null or empty: the same to everyone. Offsets are not what is looked at here.
fn normal(record: Record) -> Record {
    Record {
        offset: 0,
        headers: record.headers.filter(|headers| !headers.is_empty()),
        ..record
    }
}

/// Fields of source records come as they were produced.
pub fn source_fields_come_unchanged(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    job.produce(&odd_records());
    let mut shard = job.owner();
    shard.assign(&[(0, 0)]).unwrap();
    let batches = job.read(shard.as_mut(), odd_records().len());
    let rows = |b: &SourceBatch| (0..b.batch.len()).map(|r| row(&b.batch, r)).collect();
    let got: Vec<Vec<Record>> = batches.iter().map(rows).collect();
    let got: Vec<Record> = got.into_iter().flatten().map(normal).collect();
    assert_eq!(got, odd_records());
}

/// Fields of outputs go as they were sent.
pub fn sink_fields_go_unchanged(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut shard = job.owner();
    shard.begin().unwrap();
    for record in &odd_records() {
        let out = OutRecord {
            topic: 0,
            partition: record.partition,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: record.headers.as_deref(),
            timestamp: record.timestamp,
        };
        shard.send(out).unwrap();
    }
    let source = source_id(shard.as_mut());
    shard.commit(&[], &source).unwrap();
    let read = || fixture.read_committed(&job.config.sinks[0]);
    let all = |got: &Vec<Record>| got.len() == odd_records().len();
    let got = eventually(fixture, "the outputs", read, all);
    let got: Vec<Record> = got.into_iter().map(normal).collect();
    assert_eq!(got, odd_records());
}

/// `record_bytes_max` is what really goes through, to a sink and to the changelog.
pub fn records_as_large_as_the_limit_go_through(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut shard = job.owner();
    let max = shard.record_bytes_max(Some(0)).unwrap();
    let changelog_max = shard.record_bytes_max(None).unwrap();
    assert!(max >= 100_000 && changelog_max >= 100_000);
    let large = "x".repeat(max);
    job.begin_with(shard.as_mut(), &[&large]);
    let change = vec![b'y'; changelog_max - 3];
    shard.append_changelog(b"key", &change).unwrap();
    let source = source_id(shard.as_mut());
    shard.commit(&[], &source).unwrap();
    job.expect_visible(&[&large]);
    let mut read = 0;
    let mut next = job.owner();
    let answer = next.read_changelog(0, &mut |record| read += record.value.len());
    answer.unwrap();
    assert_eq!(read, changelog_max - 3);
}
