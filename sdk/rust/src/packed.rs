//! Packed records as `wit/udf.wit` lays them out: one byte buffer and an index, so that thousands of records cross
//! in three memcpys.

/// Length that says "null".
pub const NULL: u32 = 0xffff_ffff;
/// Length that says "the same as my parent's field".
pub const SAME: u32 = 0xffff_fffe;

const STRIDE: usize = 6;

/// Records of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// All bytes.
    pub data: Vec<u8>,
    /// Six numbers a record: offset and length of key, value and headers.
    pub index: Vec<u32>,
    /// Event time of each record, milliseconds since 1970; empty in what a module returns.
    pub timestamps: Vec<i64>,
}

impl Batch {
    /// Number of records.
    pub fn rows(&self) -> usize {
        self.index.len() / STRIDE
    }

    /// One record; `None` past the end.
    pub fn row(&self, row: usize) -> Option<Row<'_>> {
        let at = row * STRIDE;
        let fields = self.index.get(at..at + STRIDE)?.first_chunk::<STRIDE>()?;
        Some(self.fields(fields, row))
    }

    /// All records in order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        let (rows, _) = self.index.as_chunks::<STRIDE>();
        rows.iter()
            .enumerate()
            .map(|(row, fields)| self.fields(fields, row))
    }

    fn fields(&self, fields: &[u32; STRIDE], row: usize) -> Row<'_> {
        let field = |offset, length| slice(&self.data, offset, length);
        Row {
            key: field(fields[0], fields[1]),
            value: field(fields[2], fields[3]),
            headers: field(fields[4], fields[5]),
            timestamp_ms: self.timestamps.get(row).copied().unwrap_or_default(),
        }
    }
}

/// The packed fields of one record; `None` is null.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row<'a> {
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value; null is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers, packed.
    pub headers: Option<&'a [u8]>,
    /// Event time, milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// Byte strings in one buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// All bytes.
    pub data: Vec<u8>,
    /// Two numbers an item: offset and length.
    pub index: Vec<u32>,
}

impl Packed {
    /// All items in order; `None` is null.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&[u8]>> {
        let (items, _) = self.index.as_chunks::<2>();
        items
            .iter()
            .map(|[offset, length]| slice(&self.data, *offset, *length))
    }

    /// Item `i`; `None` is null.
    pub fn get(&self, i: usize) -> Option<&[u8]> {
        slice(
            &self.data,
            *self.index.get(i * 2)?,
            *self.index.get(i * 2 + 1)?,
        )
    }

    /// Append an item.
    pub fn push(&mut self, item: Option<&[u8]>) {
        let at = push_field(&mut self.data, item);
        self.index.extend_from_slice(&at);
    }
}

/// Append a field to `data` and answer its offset and length.
pub(crate) fn push_field(data: &mut Vec<u8>, bytes: Option<&[u8]>) -> [u32; 2] {
    let Some(bytes) = bytes else {
        return [0, NULL];
    };
    let at = data.len() as u32;
    data.extend_from_slice(bytes);
    [at, bytes.len() as u32]
}

/// The host promises offsets inside the data; should it lie, the panic here is a trap and harms nobody.
fn slice(data: &[u8], offset: u32, length: u32) -> Option<&[u8]> {
    (length != NULL).then(|| &data[offset as usize..][..length as usize])
}

/// A row that failed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// Row of the input, from 0.
    pub row: u32,
    /// Why, for people.
    pub message: String,
}

/// Answer of a filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// One bit a row, least significant bit first.
    pub bitmap: Vec<u8>,
    /// Failed rows, ascending.
    pub errors: Vec<RowError>,
}

/// Answer of a map, or of finished windows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emitted {
    /// The outputs, without timestamps.
    pub output: Batch,
    /// For each output its input row (or group).
    pub parents: Vec<u32>,
    /// Failed rows (or groups), ascending.
    pub errors: Vec<RowError>,
}

/// Answer of an aggregate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accumulated {
    /// The new accumulators, in the order given.
    pub accumulators: Packed,
    /// Failed rows (or pairs), ascending.
    pub errors: Vec<RowError>,
}
