//! Packed record batches: one byte buffer, an index and the timestamps, exactly as `wit/udf.wit` lays them out, so
//! that handing a batch to a module is three memcpys.

#[cfg(test)]
mod tests;

/// Length that says "null" in an index.
pub const NULL: u32 = 0xffff_ffff;
/// Length that says "the same as my parent's field" in what a module returns.
pub const SAME: u32 = 0xffff_fffe;
/// Most rows of one batch.
pub const ROWS_MAX: usize = 4096;

const STRIDE: usize = 6;

/// Which field of a record, in index order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The key.
    Key = 0,
    /// The value.
    Value = 1,
    /// The headers, packed (see `wit/udf.wit`).
    Headers = 2,
}

/// Up to [`ROWS_MAX`] records. Invariant: every non-null field lies inside `data`, and
/// `index.len() == 6 * timestamps.len()`. Only `SAME`-free batches are `Batch`es.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    data: Vec<u8>,
    index: Vec<u32>,
    timestamps: Vec<i64>,
}

impl Batch {
    /// Number of records.
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// True without records.
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// All bytes.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Six numbers a record.
    pub fn index(&self) -> &[u32] {
        &self.index
    }

    /// Event time of each record, in milliseconds since 1970.
    pub fn timestamps(&self) -> &[i64] {
        &self.timestamps
    }

    /// Event time of a row.
    pub fn timestamp(&self, row: usize) -> i64 {
        self.timestamps[row]
    }

    /// A field of a row; `None` is null.
    pub fn field(&self, row: usize, field: Field) -> Option<&[u8]> {
        let at = row * STRIDE + field as usize * 2;
        let (offset, length) = (self.index[at], self.index[at + 1]);
        (length != NULL).then(|| &self.data[offset as usize..offset as usize + length as usize])
    }

    /// The key of a row.
    pub fn key(&self, row: usize) -> Option<&[u8]> {
        self.field(row, Field::Key)
    }

    /// The value of a row; `None` is a tombstone.
    pub fn value(&self, row: usize) -> Option<&[u8]> {
        self.field(row, Field::Value)
    }

    /// The packed headers of a row.
    pub fn headers(&self, row: usize) -> Option<&[u8]> {
        self.field(row, Field::Headers)
    }

    /// Remove all rows, keep the memory.
    pub fn clear(&mut self) {
        self.data.clear();
        self.index.clear();
        self.timestamps.clear();
    }

    /// Append a record.
    pub fn push(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Option<&[u8]>,
        timestamp: i64,
    ) {
        for field in [key, value, headers] {
            match field {
                Some(bytes) => {
                    self.index.push(self.data.len() as u32);
                    self.index.push(bytes.len() as u32);
                    self.data.extend_from_slice(bytes);
                }
                None => self.index.extend_from_slice(&[0, NULL]),
            }
        }
        self.timestamps.push(timestamp);
    }

    /// Append a row of another batch.
    pub fn push_row(&mut self, from: &Batch, row: usize) {
        self.push(
            from.key(row),
            from.value(row),
            from.headers(row),
            from.timestamp(row),
        );
    }

    /// Give a row another event time (milliseconds since 1970).
    pub fn set_timestamp(&mut self, row: usize, timestamp: i64) {
        self.timestamps[row] = timestamp;
    }

    /// The rows for which `keep` answers true, sharing this batch's bytes if most stay (moving them costs more than
    /// carrying a few dead ones), else compacted.
    pub fn select(mut self, keep: impl Fn(usize) -> bool) -> Batch {
        let rows = self.len();
        let kept = (0..rows).filter(|row| keep(*row)).count();
        if kept == rows {
            return self;
        }
        if kept * 2 < rows {
            let mut out = Batch::default();
            (0..rows)
                .filter(|row| keep(*row))
                .for_each(|row| out.push_row(&self, row));
            return out;
        }
        let mut to = 0;
        for row in (0..rows).filter(|row| keep(*row)) {
            self.index
                .copy_within(row * STRIDE..(row + 1) * STRIDE, to * STRIDE);
            self.timestamps[to] = self.timestamps[row];
            to += 1;
        }
        self.index.truncate(to * STRIDE);
        self.timestamps.truncate(to);
        self
    }

    /// The rows `from..to` as a batch of their own.
    pub fn slice(&self, from: usize, to: usize) -> Batch {
        let mut out = Batch::default();
        (from..to).for_each(|row| out.push_row(self, row));
        out
    }
}

/// What is wrong with data that a module returned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The index is not six (or two) numbers a row.
    #[error("index has {0} numbers, which is not {1} a row")]
    Stride(usize, usize),
    /// A field reaches outside the data.
    #[error(
        "row {row}: field at offset {offset} with length {length} reaches past the {data} bytes of data"
    )]
    OutOfData {
        /// The row in what was returned.
        row: usize,
        /// Claimed offset in bytes.
        offset: u32,
        /// Claimed length in bytes.
        length: u32,
        /// Bytes there are.
        data: usize,
    },
    /// A list has the wrong number of items.
    #[error("{what} has {got} items, expected {want}")]
    Count {
        /// Which list.
        what: &'static str,
        /// Items returned.
        got: usize,
        /// Items expected.
        want: usize,
    },
    /// A row number is outside the input or out of order.
    #[error("{what} names row {row} of {rows}, or names rows out of order or twice")]
    Row {
        /// Which list.
        what: &'static str,
        /// Claimed row.
        row: u32,
        /// Rows there are.
        rows: usize,
    },
    /// Headers are not a sequence of names and values.
    #[error("row {0}: headers are not a sequence of length, name, length, value")]
    Headers(usize),
    /// More than the limits allow.
    #[error("{what}: {got} is over the limit of {limit}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// How much came.
        got: usize,
        /// How much may come.
        limit: usize,
    },
}

/// Byte strings packed into one buffer; two numbers an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    data: Vec<u8>,
    index: Vec<u32>,
}

impl Packed {
    /// Check data that a module returned.
    pub fn from_guest(data: Vec<u8>, index: Vec<u32>) -> Result<Self, Malformed> {
        if !index.len().is_multiple_of(2) {
            return Err(Malformed::Stride(index.len(), 2));
        }
        for (row, item) in index.chunks_exact(2).enumerate() {
            inside(row, item[0], item[1], data.len())?;
        }
        Ok(Self { data, index })
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.index.len() / 2
    }

    /// True without items.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// All bytes.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Two numbers an item: offset and length.
    pub fn index(&self) -> &[u32] {
        &self.index
    }

    /// Item `i`; `None` is null.
    pub fn get(&self, i: usize) -> Option<&[u8]> {
        let (offset, length) = (self.index[i * 2], self.index[i * 2 + 1]);
        (length != NULL).then(|| &self.data[offset as usize..offset as usize + length as usize])
    }

    /// Append an item.
    pub fn push(&mut self, item: Option<&[u8]>) {
        match item {
            Some(bytes) => {
                self.index.push(self.data.len() as u32);
                self.index.push(bytes.len() as u32);
                self.data.extend_from_slice(bytes);
            }
            None => self.index.extend_from_slice(&[0, NULL]),
        }
    }

    /// Remove all items, keep the memory.
    pub fn clear(&mut self) {
        self.data.clear();
        self.index.clear();
    }
}

fn inside(row: usize, offset: u32, length: u32, data: usize) -> Result<(), Malformed> {
    if length == NULL || offset as usize + length as usize <= data {
        return Ok(());
    }
    Err(Malformed::OutOfData {
        row,
        offset,
        length,
        data,
    })
}

/// What a module returned from `apply` or `finish`, before it is checked.
#[derive(Debug, Default)]
pub struct Returned {
    /// All bytes.
    pub data: Vec<u8>,
    /// Six numbers a record, `SAME` allowed.
    pub index: Vec<u32>,
    /// For each record its input row.
    pub parents: Vec<u32>,
}

/// Where the fields of a parent come from when an output says "same as my parent's".
pub trait Parents {
    /// Number of input rows.
    fn rows(&self) -> usize;
    /// Field of an input row.
    fn field(&self, row: usize, field: Field) -> Option<&[u8]>;
    /// Timestamp that outputs of this row get.
    fn timestamp(&self, row: usize) -> i64;
}

impl Parents for Batch {
    fn rows(&self) -> usize {
        self.len()
    }
    fn field(&self, row: usize, field: Field) -> Option<&[u8]> {
        Batch::field(self, row, field)
    }
    fn timestamp(&self, row: usize) -> i64 {
        self.timestamps[row]
    }
}

impl Returned {
    /// Check everything and take the fields that are the same as the parent's. `rows_per_input_max` bounds the
    /// outputs of one input row, `bytes_max` the whole batch.
    pub fn checked(
        self,
        parents: &impl Parents,
        rows_per_input_max: usize,
        bytes_max: usize,
    ) -> Result<(Batch, Vec<u32>), Malformed> {
        let Returned {
            mut data,
            mut index,
            parents: of,
        } = self;
        if index.len() != of.len() * STRIDE {
            return Err(Malformed::Stride(index.len(), STRIDE));
        }
        check_parents(&of, parents.rows(), rows_per_input_max)?;
        let returned_bytes = data.len();
        let mut timestamps = Vec::with_capacity(of.len());
        for (row, (fields, parent)) in index.chunks_exact_mut(STRIDE).zip(&of).enumerate() {
            let parent = *parent as usize;
            timestamps.push(parents.timestamp(parent));
            for (which, field) in [Field::Key, Field::Value, Field::Headers]
                .into_iter()
                .enumerate()
            {
                let [offset, length] = &mut fields[which * 2..which * 2 + 2] else {
                    unreachable!()
                };
                if *length == SAME {
                    match parents.field(parent, field) {
                        Some(bytes) => {
                            (*offset, *length) = (data.len() as u32, bytes.len() as u32);
                            data.extend_from_slice(bytes);
                        }
                        None => (*offset, *length) = (0, NULL),
                    }
                } else {
                    inside(row, *offset, *length, returned_bytes)?;
                    if field == Field::Headers && *length != NULL {
                        let bytes = &data[*offset as usize..*offset as usize + *length as usize];
                        headers(bytes)
                            .try_for_each(|h| h.map(drop))
                            .map_err(|_| Malformed::Headers(row))?;
                    }
                }
            }
            if data.len() > bytes_max {
                return Err(Malformed::Limit {
                    what: "bytes of output",
                    got: data.len(),
                    limit: bytes_max,
                });
            }
        }
        Ok((
            Batch {
                data,
                index,
                timestamps,
            },
            of,
        ))
    }
}

fn check_parents(of: &[u32], rows: usize, rows_per_input_max: usize) -> Result<(), Malformed> {
    let (mut last, mut run) = (0, 0);
    for parent in of {
        run = if *parent == last { run + 1 } else { 1 };
        if *parent as usize >= rows || *parent < last {
            return Err(Malformed::Row {
                what: "parents",
                row: *parent,
                rows,
            });
        }
        if run > rows_per_input_max {
            return Err(Malformed::Limit {
                what: "outputs of one row",
                got: run,
                limit: rows_per_input_max,
            });
        }
        last = *parent;
    }
    Ok(())
}

/// A header as packed: its name and value (`None` is null). Names are bytes: Kafka does not check them.
pub type Header<'a> = (&'a [u8], Option<&'a [u8]>);

/// The headers in a packed field, in order. `Err(())` once, then nothing, where the bytes end too early.
pub fn headers(mut packed: &[u8]) -> impl Iterator<Item = Result<Header<'_>, ()>> {
    fn take<'a>(from: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
        let (length, rest) = from.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length);
        *from = rest;
        if length == NULL {
            return Some(None);
        }
        let (bytes, rest) = from.split_at_checked(length as usize)?;
        *from = rest;
        Some(Some(bytes))
    }
    std::iter::from_fn(move || {
        if packed.is_empty() {
            return None;
        }
        let header = take(&mut packed)
            .flatten()
            .and_then(|name| Some((name, take(&mut packed)?)));
        if header.is_none() {
            packed = &[];
        }
        Some(header.ok_or(()))
    })
}

/// Append one header in packed form.
pub fn push_header(packed: &mut Vec<u8>, name: &[u8], value: Option<&[u8]>) {
    packed.extend_from_slice(&(name.len() as u32).to_le_bytes());
    packed.extend_from_slice(name);
    packed.extend_from_slice(&value.map_or(NULL, |v| v.len() as u32).to_le_bytes());
    packed.extend_from_slice(value.unwrap_or_default());
}
