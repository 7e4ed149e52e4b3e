//! How records lie in memory: packed one behind the other, with a few bytes beside their fields.

/// A segment is closed once it holds this many bytes.
pub(super) const SEGMENT_BYTES: usize = 1 << 20;
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
pub(super) struct Segment {
    /// Offset of the first row.
    pub base: i64,
    base_timestamp: i64,
    starts: Vec<u32>,
    data: Vec<u8>,
}

impl Segment {
    /// An empty segment that begins with this offset and has room for this record. The first of a partition is small.
    pub fn new(base: i64, first: bool, record: &Record<'_>) -> Self {
        let bytes = match first {
            true => SEGMENT_BYTES_FIRST,
            false => SEGMENT_BYTES,
        };
        Self {
            base,
            base_timestamp: record.timestamp,
            starts: Vec::new(),
            data: Vec::with_capacity(bytes.max(record.bytes() + ROW_OVERHEAD)),
        }
    }

    /// Whether this record no longer fits.
    pub fn full(&self, record: &Record<'_>) -> bool {
        self.data.len() + record.bytes() + ROW_OVERHEAD > SEGMENT_BYTES
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.starts.len()
    }

    #[cfg(test)]
    pub fn bytes_held(&self) -> usize {
        self.data.capacity() + 4 * self.starts.capacity()
    }

    /// Row number `row`.
    pub fn row(&self, row: usize) -> (Head, Record<'_>) {
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

    /// Append a row.
    pub fn push(&mut self, head: Head, record: &Record<'_>) {
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

    /// Offset after the last row.
    pub fn end(&self) -> i64 {
        self.base + self.starts.len() as i64
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
