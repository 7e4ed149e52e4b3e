//! The overlay: state changes since the last commit, over the store, with a bounded cache of what was committed.
//!
//! State is kept in tables, one a namespace (a window of a task's operator). A table packs its keys and values into one
//! buffer: a group is found with one hash look-up, changed in place, and a closed window is dropped as a whole. What
//! the table does not hold is in the store, unless the table is `complete` (made since the store last knew it).

mod cursor;
mod table;
#[cfg(test)]
mod tests;

use crate::state::{Delta, Marker, Namespace, StateStore, StoreError};
use hashbrown::HashMap;
use std::hash::BuildHasher;
use table::Table;

pub use cursor::Cursor;
pub use table::Slot;

/// A shard's state: the store and, over it, what changed since.
pub struct Overlay {
    store: Box<dyn StateStore>,
    tables: HashMap<Namespace, Table, foldhash::fast::FixedState>,
    hasher: foldhash::fast::FixedState,
    call: u32,
    cache_bytes_max: usize,
    changed: bool,
}

impl Overlay {
    /// Over this store; committed state is cached up to `cache_bytes_max`.
    pub fn new(store: Box<dyn StateStore>, cache_bytes_max: usize) -> Self {
        Self {
            store,
            tables: HashMap::default(),
            hasher: foldhash::fast::FixedState::default(),
            call: 0,
            cache_bytes_max,
            changed: false,
        }
    }

    /// The store underneath.
    pub fn store(&self) -> &dyn StateStore {
        self.store.as_ref()
    }

    /// The store underneath, for recovery.
    pub fn store_mut(&mut self) -> &mut dyn StateStore {
        self.store.as_mut()
    }

    /// Forget everything that is not in the store.
    pub fn reset(&mut self) {
        self.tables.clear();
        self.changed = false;
    }

    /// Say that a namespace exists nowhere yet, so that its misses need not ask the store.
    pub fn create(&mut self, namespace: Namespace) {
        let table = self.tables.entry(namespace).or_default();
        table.complete = true;
    }

    /// Begin a call: groups are numbered anew by [`Overlay::group`].
    pub fn begin_call(&mut self) {
        self.call = self.call.checked_add(1).unwrap_or_else(|| {
            // Stamps of 4 billion calls ago must not look like this call's.
            self.tables
                .values_mut()
                .for_each(|t| t.entries.iter_mut().for_each(|e| e.stamp = (0, 0)));
            1
        });
    }

    /// Find (or make) the entry of a key. Answers its slot, and its number in this call: `Err(next)` if it was not asked
    /// for in this call yet (it now has number `next`), `Ok(number)` if it was.
    pub fn group(
        &mut self,
        namespace: &Namespace,
        key: &[u8],
        next: u32,
    ) -> Result<(Slot, Result<u32, u32>), StoreError> {
        let hash = self.hasher.hash_one(key);
        let table = open(&mut self.tables, namespace);
        let slot = match table.find(hash, key) {
            Some(slot) => slot,
            None if table.complete => table.insert(hash, key, None),
            None => {
                let stored = self.store.get(&[&namespace.0, key].concat())?;
                table.insert(hash, key, stored.as_deref())
            }
        };
        let entry = &mut table.entries[slot as usize];
        if entry.stamp.0 == self.call {
            return Ok((slot, Ok(entry.stamp.1)));
        }
        entry.stamp = (self.call, next);
        Ok((slot, Err(next)))
    }

    /// Value of an entry.
    pub fn value(&self, namespace: &Namespace, slot: Slot) -> Option<&[u8]> {
        self.tables
            .get(namespace)
            .and_then(|table| table.value(slot))
    }

    /// Set or remove the value of an entry.
    pub fn set(&mut self, namespace: &Namespace, slot: Slot, value: Option<&[u8]>) {
        self.changed = true;
        open(&mut self.tables, namespace).set(slot, value);
    }

    /// Set or remove a key.
    pub fn put(
        &mut self,
        namespace: &Namespace,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        self.begin_call();
        let (slot, _) = self.group(namespace, key, 0)?;
        self.set(namespace, slot, value);
        Ok(())
    }

    /// Remove a namespace with all its keys.
    pub fn drop_namespace(&mut self, namespace: &Namespace) {
        self.changed = true;
        let table = open(&mut self.tables, namespace);
        *table = Table::dropped(table.dropping || table.stored);
    }

    /// Bytes that the changes since the last commit take in the delta.
    pub fn dirty_bytes(&self) -> usize {
        self.tables.values().map(|table| table.dirty_bytes).sum()
    }

    /// Bytes of memory that state takes here, changed and cached.
    pub fn memory_bytes(&self) -> usize {
        self.tables.values().map(Table::memory_bytes).sum()
    }

    /// Whether anything changed since the last commit.
    pub fn changed(&self) -> bool {
        self.changed
    }

    /// The changes since the last commit as one delta, in key order of namespaces. If the commit then fails,
    /// [`Overlay::reset`] must follow.
    pub fn seal(&mut self) -> Delta {
        let mut delta = Delta::default();
        let mut namespaces: Vec<Namespace> = self.tables.keys().copied().collect();
        namespaces.sort_unstable();
        for namespace in namespaces {
            let Some(table) = self.tables.get_mut(&namespace) else {
                continue;
            };
            if std::mem::take(&mut table.dropping) {
                delta.drop_namespace(&namespace);
                table.stored = false;
            }
            table.dirty_bytes = 0;
            let mut put = false;
            for slot in std::mem::take(&mut table.dirty) {
                table.entries[slot as usize].dirty = false;
                match (table.value(slot), table.stored) {
                    (Some(value), _) => {
                        delta.put(&namespace, table.key(slot), value);
                        put = true;
                    }
                    (None, true) => delta.delete(&namespace, table.key(slot)),
                    (None, false) => {}
                }
            }
            table.stored |= put;
        }
        self.changed = false;
        delta
    }

    /// The delta was committed: apply it to the store and bring the cache back under its limit.
    pub fn committed(&mut self, delta: &Delta, marker: Marker) -> Result<(), StoreError> {
        self.store.apply(delta, marker)?;
        // A table of mostly removed keys costs more than it helps: the store knows the rest.
        self.tables
            .retain(|_, table| table.present > 0 && table.present * 2 >= table.entries.len());
        let mut total = self.memory_bytes();
        if total > self.cache_bytes_max {
            // Largest first: few tables go, and a huge window does not push out the small ones.
            let mut sizes: Vec<_> = self
                .tables
                .iter()
                .map(|(ns, t)| (t.memory_bytes(), *ns))
                .collect();
            sizes.sort_unstable_by(|a, b| b.cmp(a));
            for (bytes, namespace) in sizes {
                if total <= self.cache_bytes_max {
                    break;
                }
                self.tables.remove(&namespace);
                total -= bytes;
            }
        }
        Ok(())
    }
}

/// The table of a namespace; one that is not there may have keys in the store.
fn open<'a>(
    tables: &'a mut HashMap<Namespace, Table, foldhash::fast::FixedState>,
    namespace: &Namespace,
) -> &'a mut Table {
    tables.entry(*namespace).or_insert_with(Table::unknown)
}
