//! One namespace's keys and values, packed into one buffer: an entry costs little more than its bytes, and a whole
//! window is dropped at once.

use crate::state::NAMESPACE_BYTES;
use hashbrown::HashTable;

/// Number of a group (a key) in its table.
pub type Slot = u32;

/// A piece of a table's buffer: offset and length.
type Piece = (usize, u32);

#[derive(Clone, Copy)]
pub(super) struct Entry {
    hash: u64,
    key: Piece,
    value: Piece,
    /// Bytes from the value's offset on that it may grow into.
    capacity: u32,
    pub present: bool,
    pub dirty: bool,
    /// Which call last asked for this entry, and its number in that call.
    pub stamp: (u32, u32),
}

impl Entry {
    /// Bytes it takes in a delta.
    fn delta_bytes(&self) -> usize {
        DELTA_OVERHEAD_BYTES + self.key.1 as usize + self.value.1 as usize
    }
}

/// What a change takes in a delta beside key and value, in bytes.
const DELTA_OVERHEAD_BYTES: usize = NAMESPACE_BYTES + 9;
/// A buffer with less dead bytes than this is not worth copying.
const DEAD_BYTES_MIN: usize = 4096;

/// One namespace's keys and values.
#[derive(Default)]
pub(super) struct Table {
    index: HashTable<Slot>,
    pub entries: Vec<Entry>,
    /// Entries that have a value.
    pub present: usize,
    bytes: Vec<u8>,
    /// Bytes of `bytes` that values which grew have left behind.
    dead_bytes: usize,
    pub dirty: Vec<Slot>,
    /// Bytes that the dirty entries take in a delta.
    pub dirty_bytes: usize,
    /// Nothing of this namespace is only in the store.
    pub complete: bool,
    /// The store may hold keys of this namespace.
    pub stored: bool,
    /// The store's keys of this namespace are dropped by the next delta.
    pub dropping: bool,
}

impl Table {
    /// Of a namespace that may be in the store.
    pub fn unknown() -> Self {
        Self {
            stored: true,
            ..Self::default()
        }
    }
    /// Of a namespace that was emptied; `dropping` if the store has to be told.
    pub fn dropped(dropping: bool) -> Self {
        Self {
            complete: true,
            dropping,
            ..Self::default()
        }
    }
    fn piece(&self, (offset, length): Piece) -> &[u8] {
        &self.bytes[offset..offset + length as usize]
    }
    pub fn key(&self, slot: Slot) -> &[u8] {
        self.piece(self.entries[slot as usize].key)
    }
    pub fn value(&self, slot: Slot) -> Option<&[u8]> {
        let entry = &self.entries[slot as usize];
        entry.present.then(|| self.piece(entry.value))
    }
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<Slot> {
        let same =
            |slot: &Slot| self.entries[*slot as usize].hash == hash && self.key(*slot) == key;
        self.index.find(hash, same).copied()
    }
    fn push(&mut self, bytes: &[u8]) -> Piece {
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (offset, bytes.len() as u32)
    }
    pub fn insert(&mut self, hash: u64, key: &[u8], value: Option<&[u8]>) -> Slot {
        let slot = self.entries.len() as Slot;
        let key = self.push(key);
        let present = value.is_some();
        self.present += usize::from(present);
        let value = self.push(value.unwrap_or_default());
        self.entries.push(Entry {
            hash,
            key,
            value,
            capacity: value.1,
            present,
            dirty: false,
            stamp: (0, 0),
        });
        let entries = &self.entries;
        self.index
            .insert_unique(hash, slot, |slot| entries[*slot as usize].hash);
        slot
    }
    pub fn set(&mut self, slot: Slot, value: Option<&[u8]>) {
        let mut entry = self.entries[slot as usize];
        if entry.dirty {
            self.dirty_bytes -= entry.delta_bytes();
        } else {
            entry.dirty = true;
            self.dirty.push(slot);
        }
        let bytes = value.unwrap_or_default();
        if bytes.len() > entry.capacity as usize {
            self.dead_bytes += entry.capacity as usize;
            entry.value = self.push(bytes);
            entry.capacity = entry.value.1;
        } else {
            let offset = entry.value.0;
            self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
            entry.value.1 = bytes.len() as u32;
        }
        self.present -= usize::from(entry.present);
        entry.present = value.is_some();
        self.present += usize::from(entry.present);
        self.dirty_bytes += entry.delta_bytes();
        self.entries[slot as usize] = entry;
        if self.dead_bytes > DEAD_BYTES_MIN.max(self.bytes.len() / 2) {
            self.compact();
        }
    }
    /// Copy the living into a new buffer: values that grow row by row would otherwise leave every length behind.
    fn compact(&mut self) {
        let old = std::mem::take(&mut self.bytes);
        self.bytes.reserve(old.len() - self.dead_bytes);
        for entry in &mut self.entries {
            for piece in [&mut entry.key, &mut entry.value] {
                let bytes = &old[piece.0..piece.0 + piece.1 as usize];
                piece.0 = self.bytes.len();
                self.bytes.extend_from_slice(bytes);
            }
            entry.capacity = entry.value.1;
        }
        self.dead_bytes = 0;
    }
    pub fn memory_bytes(&self) -> usize {
        let entry = size_of::<Entry>() + size_of::<Slot>() + 1;
        self.bytes.capacity() + self.entries.capacity() * entry
    }
}
