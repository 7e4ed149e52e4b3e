//! One partition of the embedded log: records packed into segments, so that millions of them cost little more than
//! their bytes, and the rules of a transactional log: markers occupy an offset, nothing from the first open
//! transaction on is stable, aborted records are never read.

use crate::batch::Batch;
use std::collections::{BTreeMap, BTreeSet};

/// A segment is closed once it holds this many bytes.
const SEGMENT_BYTES: usize = 1 << 20;
/// First allocation of a segment, so that small topics stay small.
const SEGMENT_BYTES_FIRST: usize = 1 << 10;

/// Most bytes that a row's varints take beside its fields.
const ROW_OVERHEAD: usize = 2 * 10 + 3 * 5;

/// What a row of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// A record outside any transaction.
    Plain,
    /// The end of a transaction.
    Marker,
    /// A record of this transaction.
    Transactional(u64),
}

/// A record to append: its fields, null being `None`, and its event time in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Record<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Option<&'a [u8]>,
    pub timestamp: i64,
}

impl Record<'_> {
    /// Size as limits count it: key, value and headers, in bytes.
    pub fn bytes(&self) -> usize {
        [self.key, self.value, self.headers]
            .iter()
            .flatten()
            .map(|field| field.len())
            .sum()
    }
}

/// Consecutive rows. A row is: head, timestamp (less the segment's first), the lengths of key, value and headers
/// plus one (0 = null), all as varints, then the bytes.
struct Segment {
    base: i64,
    base_timestamp: i64,
    starts: Vec<u32>,
    data: Vec<u8>,
}

impl Segment {
    fn row(&self, row: usize) -> (Head, Record<'_>) {
        let mut at = self.starts[row] as usize;
        let head = match varint(&self.data, &mut at) {
            0 => Head::Plain,
            1 => Head::Marker,
            n => Head::Transactional(n - 2),
        };
        let timestamp = self
            .base_timestamp
            .wrapping_add(unzigzag(varint(&self.data, &mut at)));
        let lengths: [u64; 3] = std::array::from_fn(|_| varint(&self.data, &mut at));
        let [key, value, headers] = lengths.map(|length| {
            let length = length.checked_sub(1)? as usize;
            at += length;
            Some(&self.data[at - length..at])
        });
        (
            head,
            Record {
                key,
                value,
                headers,
                timestamp,
            },
        )
    }

    fn push(&mut self, head: Head, record: &Record<'_>) {
        self.starts.push(self.data.len() as u32);
        let head = match head {
            Head::Plain => 0,
            Head::Marker => 1,
            Head::Transactional(n) => n + 2,
        };
        push_varint(&mut self.data, head);
        let since = record.timestamp.wrapping_sub(self.base_timestamp);
        push_varint(&mut self.data, zigzag(since));
        let fields = [record.key, record.value, record.headers];
        for field in fields {
            push_varint(&mut self.data, field.map_or(0, |f| f.len() as u64 + 1));
        }
        for field in fields.into_iter().flatten() {
            self.data.extend_from_slice(field);
        }
    }

    fn end(&self) -> i64 {
        self.base + self.starts.len() as i64
    }
}

/// The rows of one partition, dense in offsets.
#[derive(Default)]
pub(super) struct Partition {
    segments: Vec<Segment>,
    start: i64,
    end: i64,
    /// Open transactions and the first offset of each.
    open: BTreeMap<u64, i64>,
    aborted: BTreeSet<u64>,
}

impl Partition {
    /// First offset there is.
    pub fn start(&self) -> i64 {
        self.start
    }

    /// Offset after the last row, stable or not.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// Offset after the last stable row: where the first open transaction begins.
    pub fn stable_end(&self) -> i64 {
        self.open.values().min().copied().unwrap_or(self.end)
    }

    /// Append a record. Answers its offset.
    pub fn append(&mut self, head: Head, record: &Record<'_>) -> i64 {
        if let Head::Transactional(transaction) = head {
            self.open.entry(transaction).or_insert(self.end);
        }
        let full = |s: &Segment| s.data.len() + record.bytes() + ROW_OVERHEAD > SEGMENT_BYTES;
        if self.segments.last().is_none_or(full) {
            let bytes = match self.segments.is_empty() {
                true => SEGMENT_BYTES_FIRST,
                false => SEGMENT_BYTES,
            };
            self.segments.push(Segment {
                base: self.end,
                base_timestamp: record.timestamp,
                starts: Vec::new(),
                data: Vec::with_capacity(bytes.max(record.bytes() + ROW_OVERHEAD)),
            });
        }
        if let Some(segment) = self.segments.last_mut() {
            segment.push(head, record);
        }
        self.end += 1;
        self.end - 1
    }

    #[cfg(test)]
    pub fn bytes_held(&self) -> usize {
        let bytes = |s: &Segment| s.data.capacity() + 4 * s.starts.capacity();
        self.segments.iter().map(bytes).sum()
    }

    /// Append a record of an open transaction. Answers whether it is its first here.
    pub fn append_first(&mut self, transaction: u64, record: &Record<'_>) -> bool {
        let first = !self.open.contains_key(&transaction);
        self.append(Head::Transactional(transaction), record);
        first
    }

    /// End a transaction that wrote here: its records become readable, or never will be.
    pub fn end_transaction(&mut self, transaction: u64, commit: bool) {
        if self.open.remove(&transaction).is_none() {
            return;
        }
        if !commit {
            self.aborted.insert(transaction);
        }
        self.append(Head::Marker, &Record::default());
    }

    /// Copy readable records from offset `from` on, at most `rows_max` and about `bytes_max` bytes (but at least
    /// one record). Answers the position after them, past markers and aborted records.
    pub fn read(
        &self,
        from: i64,
        rows_max: usize,
        bytes_max: usize,
        into: &mut Batch,
        offsets: &mut Vec<i64>,
    ) -> i64 {
        let end = self.stable_end();
        let mut at = from.max(self.start);
        let first = self.segments.partition_point(|s| s.end() <= at);
        for segment in &self.segments[first..] {
            if at >= end {
                break;
            }
            while at < segment.end().min(end) {
                let (head, record) = segment.row((at - segment.base) as usize);
                if self.readable(head) {
                    let full = into.data().len() + record.bytes() > bytes_max;
                    if into.len() >= rows_max || (full && !into.is_empty()) {
                        return at;
                    }
                    into.push(record.key, record.value, record.headers, record.timestamp);
                    offsets.push(at);
                }
                at += 1;
            }
        }
        at
    }

    fn readable(&self, head: Head) -> bool {
        match head {
            Head::Plain => true,
            Head::Marker => false,
            Head::Transactional(transaction) => !self.aborted.contains(&transaction),
        }
    }

    /// Offset of the first stable record of this timestamp or a later one.
    pub fn offset_of_timestamp(&self, timestamp: i64) -> Option<i64> {
        let end = self.stable_end();
        self.segments
            .iter()
            .flat_map(|s| (0..s.starts.len()).map(move |row| (s.base + row as i64, s.row(row))))
            .skip_while(|(offset, _)| *offset < self.start)
            .take_while(|(offset, _)| *offset < end)
            .find(|(_, (head, record))| self.readable(*head) && record.timestamp >= timestamp)
            .map(|(offset, _)| offset)
    }

    /// Forget the rows before `offset` (at most all of them).
    pub fn truncate_before(&mut self, offset: i64) {
        self.start = offset.clamp(self.start, self.end);
        let gone = self.segments.partition_point(|s| s.end() <= self.start);
        self.segments.drain(..gone);
    }
}

fn push_varint(into: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        into.push(n as u8 | 0x80);
        n >>= 7;
    }
    into.push(n as u8);
}

fn varint(from: &[u8], at: &mut usize) -> u64 {
    let (mut n, mut shift) = (0, 0);
    loop {
        let byte = from[*at];
        *at += 1;
        n |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return n;
        }
    }
}

/// Small numbers of either sign become small unsigned ones.
fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(partition: &Partition, from: i64) -> (Vec<i64>, i64) {
        let (mut batch, mut offsets) = (Batch::default(), Vec::new());
        let next = partition.read(from, usize::MAX, usize::MAX, &mut batch, &mut offsets);
        assert_eq!(batch.len(), offsets.len());
        (offsets, next)
    }

    fn value(value: &[u8]) -> Record<'_> {
        Record {
            value: Some(value),
            ..Record::default()
        }
    }

    #[test]
    fn rows_come_back_as_they_were_over_many_segments() {
        let mut partition = Partition::default();
        let big = vec![7; SEGMENT_BYTES / 3];
        let timestamps = [i64::MAX, -1, 0, i64::MIN, 1_700_000_000_000, 5, 6, 7];
        for timestamp in timestamps {
            let record = Record {
                key: (timestamp % 2 == 0).then_some(b"k".as_slice()),
                value: (timestamp != 5).then_some(big.as_slice()),
                headers: None,
                timestamp,
            };
            partition.append(Head::Plain, &record);
        }
        assert!(partition.segments.len() > 2);
        let (mut batch, mut offsets) = (Batch::default(), Vec::new());
        let next = partition.read(0, usize::MAX, usize::MAX, &mut batch, &mut offsets);
        assert_eq!(next, 8);
        assert_eq!(batch.timestamps(), timestamps);
        for (row, timestamp) in timestamps.into_iter().enumerate() {
            assert_eq!(batch.key(row).is_some(), timestamp % 2 == 0);
            assert_eq!(batch.value(row).is_some(), timestamp != 5);
        }
    }

    #[test]
    fn nothing_from_the_first_open_transaction_on_is_stable() {
        let mut partition = Partition::default();
        partition.append(Head::Plain, &value(b"a"));
        partition.append(Head::Transactional(3), &value(b"b"));
        partition.append(Head::Plain, &value(b"c"));
        assert_eq!(read(&partition, 0), (vec![0], 1));
        partition.end_transaction(3, true);
        assert_eq!(read(&partition, 0), (vec![0, 1, 2], 4), "the marker is 3");
    }

    #[test]
    fn aborted_rows_are_passed_over() {
        let mut partition = Partition::default();
        partition.append(Head::Transactional(1), &value(b"a"));
        partition.append(Head::Transactional(2), &value(b"b"));
        partition.end_transaction(1, false);
        partition.end_transaction(2, true);
        assert_eq!(read(&partition, 0), (vec![1], 4));
    }

    #[test]
    fn truncation_drops_whole_segments_and_keeps_offsets() {
        let mut partition = Partition::default();
        let big = vec![0; SEGMENT_BYTES / 2];
        (0..10).for_each(|_| {
            partition.append(Head::Plain, &value(&big));
        });
        partition.truncate_before(7);
        assert!(partition.segments.len() < 4);
        assert_eq!(read(&partition, 0), (vec![7, 8, 9], 10));
        partition.truncate_before(99);
        assert_eq!((partition.start(), partition.end()), (10, 10));
        assert_eq!(partition.append(Head::Plain, &value(b"x")), 10);
        assert_eq!(read(&partition, 10), (vec![10], 11));
    }

    #[test]
    fn limits_of_a_read_give_at_least_one_record() {
        let mut partition = Partition::default();
        (0..5).for_each(|_| {
            partition.append(Head::Plain, &value(&[0; 100]));
        });
        let (mut batch, mut offsets) = (Batch::default(), Vec::new());
        assert_eq!(partition.read(0, 9, 10, &mut batch, &mut offsets), 1);
        batch.clear();
        assert_eq!(partition.read(1, 9, 250, &mut batch, &mut offsets), 3);
        batch.clear();
        assert_eq!(partition.read(3, 1, 999, &mut batch, &mut offsets), 4);
    }
}
