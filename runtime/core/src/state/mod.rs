//! The state port: a shard's keyed state as of the last commit, in key order. What changed since then is in the
//! overlay, not here.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod memory;

pub use memory::MemoryStore;

use std::ops::ControlFlow;

/// First part of each state key: operator, source partition, window. One namespace is one window of one task's
/// operator; it is scanned and deleted as one.
pub const NAMESPACE_BYTES: usize = 16;

/// Operator number (4 bytes, from its id), source partition (4), window end (8, sign flipped), all big endian, so that
/// byte order is (operator, partition, window) order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(pub [u8; NAMESPACE_BYTES]);

impl Namespace {
    /// The namespace of a window of an operator in a task.
    pub fn new(operator: u32, partition: i32, window_end: i64) -> Self {
        let mut bytes = [0; NAMESPACE_BYTES];
        bytes[..4].copy_from_slice(&operator.to_be_bytes());
        bytes[4..8].copy_from_slice(&partition.to_be_bytes());
        bytes[8..].copy_from_slice(&((window_end as u64) ^ (1 << 63)).to_be_bytes());
        Self(bytes)
    }
    /// Operator number.
    pub fn operator(&self) -> u32 {
        u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }
    /// Source partition.
    pub fn partition(&self) -> i32 {
        i32::from_be_bytes([self.0[4], self.0[5], self.0[6], self.0[7]])
    }
    /// End of the window, excluded, in milliseconds.
    pub fn window_end(&self) -> i64 {
        let mut end = [0; 8];
        end.copy_from_slice(&self.0[8..]);
        (u64::from_be_bytes(end) ^ (1 << 63)) as i64
    }
}

/// What the store holds: the state as of this commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Lineage of the epochs.
    pub lineage: u64,
    /// Last epoch applied.
    pub epoch: u64,
    /// Owner generation that committed it.
    pub generation: u64,
    /// Changelog offset after that epoch's record.
    pub changelog_next: i64,
}

/// One change of a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Set a key (namespace and user key in one) to a value.
    Put(&'a [u8], &'a [u8]),
    /// Remove a key.
    Delete(&'a [u8]),
    /// Remove all keys of a namespace.
    DropNamespace(Namespace),
}

/// The changes of one epoch, encoded as they go to the changelog. Order matters: a dropped namespace may be
/// written again after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta(Vec<u8>);

const PUT: u8 = 1;
const DELETE: u8 = 2;
const DROP: u8 = 3;

/// A delta that ends in the middle of a change or has an unknown one: damaged, or from a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("state delta is damaged or of an unknown version")]
pub struct DamagedDelta;

impl Delta {
    /// Bytes as written by [`Delta::as_bytes`]; checked when read.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
    /// The encoded changes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
    /// True without changes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Append a change: kind, then lengths (u32, little endian) and bytes. `key` may come in two parts.
    pub fn put(&mut self, namespace: &Namespace, key: &[u8], value: &[u8]) {
        self.0.push(PUT);
        self.key(namespace, key);
        self.0
            .extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.0.extend_from_slice(value);
    }
    /// Append a removal.
    pub fn delete(&mut self, namespace: &Namespace, key: &[u8]) {
        self.0.push(DELETE);
        self.key(namespace, key);
    }
    /// Append the removal of a whole namespace.
    pub fn drop_namespace(&mut self, namespace: &Namespace) {
        self.0.push(DROP);
        self.0.extend_from_slice(&namespace.0);
    }
    fn key(&mut self, namespace: &Namespace, key: &[u8]) {
        self.0
            .extend_from_slice(&((NAMESPACE_BYTES + key.len()) as u32).to_le_bytes());
        self.0.extend_from_slice(&namespace.0);
        self.0.extend_from_slice(key);
    }
    /// The changes, in order.
    pub fn changes(&self) -> impl Iterator<Item = Result<Change<'_>, DamagedDelta>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let change = change(&mut rest).ok_or(DamagedDelta);
            if change.is_err() {
                rest = &[];
            }
            Some(change)
        })
    }
}

fn change<'a>(rest: &mut &'a [u8]) -> Option<Change<'a>> {
    let kind = *rest.split_off_first()?;
    match kind {
        PUT => Some(Change::Put(key(rest)?, bytes(rest)?)),
        DELETE => Some(Change::Delete(key(rest)?)),
        DROP => {
            let namespace = rest.split_off(..NAMESPACE_BYTES)?;
            Some(Change::DropNamespace(Namespace(namespace.try_into().ok()?)))
        }
        _ => None,
    }
}

/// A key without a whole namespace was never written by a [`Delta`]; stores keep such keys for themselves.
fn key<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    bytes(rest).filter(|key| key.len() >= NAMESPACE_BYTES)
}

fn bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = rest.split_off(..4)?;
    let length = u32::from_le_bytes(length.try_into().ok()?);
    rest.split_off(..length as usize)
}

/// A state store failed: its message says what (disk full, damaged files). The shard stops; what is committed is
/// in the changelog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("state store: {0}")]
pub struct StoreError(pub String);

/// Called for each key and value of a scan.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// A shard's state as of its marker.
pub trait StateStore: Send {
    /// Which commit this is the state of; `None` for an empty store.
    fn marker(&self) -> Result<Option<Marker>, StoreError>;
    /// Value of a key (namespace and user key).
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// Visit the keys that begin with `prefix` and are not before `from` (`&[]` is before all), in byte order.
    fn scan(&self, prefix: &[u8], from: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError>;
    /// Apply a delta and set the marker, atomically.
    fn apply(&mut self, delta: &Delta, marker: Marker) -> Result<(), StoreError>;
    /// Empty the store, marker included.
    fn clear(&mut self) -> Result<(), StoreError>;
    /// About how many bytes it takes, on disk or in memory.
    fn bytes(&self) -> u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The encoding is on changelogs: another one needs a new kind of change, not a new meaning of these.
    #[test]
    fn a_delta_is_encoded_as_written_down() {
        let namespace = Namespace::new(0x0102_0304, 5, -1);
        let mut delta = Delta::default();
        delta.put(&namespace, b"k", b"value");
        delta.delete(&namespace, b"");
        delta.drop_namespace(&namespace);
        let hex: String = delta
            .as_bytes()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let at = "01020304000000057fffffffffffffff";
        let want = format!(
            "0111000000{at}6b0500000076616c7565{}{at}{}{at}",
            "0210000000", "03"
        );
        assert_eq!(hex, want);
        let key = [&namespace.0[..], b"k"].concat();
        let want = [
            Ok(Change::Put(&key, b"value")),
            Ok(Change::Delete(&namespace.0)),
            Ok(Change::DropNamespace(namespace)),
        ];
        assert!(delta.changes().eq(want));
    }

    #[test]
    fn a_damaged_delta_ends_with_one_error() {
        let mut delta = Delta::default();
        delta.delete(&Namespace::new(1, 2, 3), b"key");
        let bytes = delta.as_bytes();
        for cut in 1..bytes.len() {
            let damaged = Delta::from_bytes(bytes[..cut].to_vec());
            assert!(damaged.changes().eq([Err(DamagedDelta)]), "cut at {cut}");
        }
    }

    #[test]
    fn namespaces_sort_as_their_parts_do() {
        let ends = [i64::MIN, -1, 0, 1, i64::MAX];
        let all: Vec<_> = [(1, 0), (1, 7), (2, 0)]
            .into_iter()
            .flat_map(|(operator, partition)| ends.map(|end| (operator, partition, end)))
            .collect();
        let of = |&(operator, partition, end)| Namespace::new(operator, partition, end);
        assert!(all.iter().map(of).is_sorted());
        for parts in &all {
            let namespace = of(parts);
            let back = (
                namespace.operator(),
                namespace.partition(),
                namespace.window_end(),
            );
            assert_eq!(back, *parts);
        }
    }
}
