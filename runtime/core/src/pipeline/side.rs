//! Outputs that share a topic: late rows, dead letters, and sinks whose topic somebody else writes to as well. Operators
//! work batch-wise, so these are collected, and sent in the order in which row-by-row processing makes them.

use super::chunk::Chunk;
use crate::batch::{self, Batch};

/// What an output is made of. Of one operator and source row, they come in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// An input row of the operator that failed or was late.
    Row,
    /// A closed window that failed.
    Window,
    /// What the operator puts out.
    Output,
}

/// Place of an output among all of its source batch. Nothing in it depends on where batches begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Source row that caused it.
    pub at: u32,
    /// Number of the operator in the plan.
    pub node: usize,
    /// What it is made of.
    pub origin: Origin,
    /// Number of that among those of the source row.
    pub ordinal: u32,
}

/// One output that has to wait for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Its turn.
    pub rank: Rank,
    /// Number of the topic in the plan.
    pub topic: usize,
    /// The record.
    pub record: Batch,
}

/// In the order of their ranks. Sorting is stable: two sinks of one operator keep their order.
pub fn in_row_order(mut side: Vec<Side>) -> Vec<Side> {
    side.sort_by_key(|s| s.rank);
    side
}

/// The rows of a chunk of node number `node`, for a topic that others write to as well.
pub fn outputs(chunk: &Chunk, node: usize, topic: usize) -> impl Iterator<Item = Side> {
    (0..chunk.len()).map(move |row| {
        let mut record = Batch::default();
        record.push_row(&chunk.batch, row);
        let rank = Rank {
            at: chunk.at[row],
            node,
            origin: Origin::Output,
            ordinal: chunk.ordinal[row],
        };
        Side {
            rank,
            topic,
            record,
        }
    })
}

/// Why a row failed and where, as headers of its dead letter. No wall clock and no host name: a replay gives the same.
pub struct Reason<'a> {
    /// Name of the job.
    pub job: &'a str,
    /// Id of the operator.
    pub operator: &'a str,
    /// What the module (or the host about it) said.
    pub error: &'a str,
    /// Source topic, partition and offset of the row.
    pub source: (&'a str, i32, i64),
    /// Of a window's result: the end of the window. It was the row's turn, and not the row that failed.
    pub window_end: Option<i64>,
}

/// Longest error text kept in a header, in bytes.
const ERROR_BYTES_MAX: usize = 4096;

/// The dead letter of a row: the row as the operator got it, its headers, and the reason behind them. A row that would not
/// fit into the dead-letter topic loses its value, then its headers, then its key; headers say so.
pub fn dead_letter(rows: &Batch, row: usize, reason: &Reason<'_>, bytes_max: usize) -> Batch {
    let (mut key, mut value) = (rows.key(row), rows.value(row));
    let mut own = rows.headers(row);
    let mut dropped: Vec<(&str, usize)> = Vec::new();
    loop {
        let headers = headers(own, reason, &dropped);
        let large = record_bytes(key, value, Some(&headers)) > bytes_max;
        let fields = [
            ("sluicebox-value-dropped-bytes", &mut value),
            ("sluicebox-headers-dropped-bytes", &mut own),
            ("sluicebox-key-dropped-bytes", &mut key),
        ];
        let next = fields
            .into_iter()
            .find_map(|(name, field)| Some((name, field.take_if(|_| large)?.len())));
        match next {
            Some(next) => dropped.push(next),
            None => {
                let mut record = Batch::default();
                record.push(key, value, Some(&headers), rows.timestamp(row));
                return record;
            }
        }
    }
}

fn headers(own: Option<&[u8]>, reason: &Reason<'_>, dropped: &[(&str, usize)]) -> Vec<u8> {
    let mut headers = own.unwrap_or_default().to_vec();
    let error = &reason.error[..reason.error.floor_char_boundary(ERROR_BYTES_MAX)];
    let (topic, partition, offset) = reason.source;
    let offset = match offset {
        i64::MAX => "end".to_owned(),
        offset => offset.to_string(),
    };
    for (name, value) in [
        ("sluicebox-job", reason.job),
        ("sluicebox-operator", reason.operator),
        ("sluicebox-error", error),
        ("sluicebox-source-topic", topic),
        ("sluicebox-source-partition", &partition.to_string()),
        ("sluicebox-source-offset", &offset),
    ] {
        batch::push_header(&mut headers, name.as_bytes(), Some(value.as_bytes()));
    }
    let window_end =
        (reason.window_end.iter()).map(|end| ("sluicebox-window-end", end.to_string()));
    let dropped = dropped
        .iter()
        .map(|(name, bytes)| (*name, bytes.to_string()));
    for (name, number) in window_end.chain(dropped) {
        batch::push_header(&mut headers, name.as_bytes(), Some(number.as_bytes()));
    }
    headers
}

/// What a broker adds to a record and its batch at most, in bytes.
pub const RECORD_OVERHEAD_BYTES: usize = 512;

/// Upper bound of a record's size on the wire, in bytes.
pub fn record_bytes(key: Option<&[u8]>, value: Option<&[u8]>, headers: Option<&[u8]>) -> usize {
    [key, value, headers]
        .into_iter()
        .flatten()
        .map(<[u8]>::len)
        .sum::<usize>()
        + RECORD_OVERHEAD_BYTES
}
