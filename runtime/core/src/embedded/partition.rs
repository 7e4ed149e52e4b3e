//! One partition of the embedded log, with the rules of a transactional log: markers occupy an offset, nothing from
//! the first open transaction on is stable, aborted records are never read.

use super::segment::{Head, Record, Segment};
use crate::batch::Batch;
use std::collections::{BTreeMap, BTreeSet};

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
        if self.segments.last().is_none_or(|s| s.full(record)) {
            let first = self.segments.is_empty();
            self.segments.push(Segment::new(self.end, first, record));
        }
        if let Some(segment) = self.segments.last_mut() {
            segment.push(head, record);
        }
        self.end += 1;
        self.end - 1
    }

    #[cfg(test)]
    pub fn bytes_held(&self) -> usize {
        self.segments.iter().map(Segment::bytes_held).sum()
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
            .flat_map(|s| (0..s.rows()).map(move |row| (s.base + row as i64, s.row(row))))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::segment::SEGMENT_BYTES;

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
