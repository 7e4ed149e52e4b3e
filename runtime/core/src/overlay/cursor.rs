//! Reading a namespace in key order, some entries at a time. What memory holds and what only the store holds come as one
//! sequence, and nothing is brought into memory for it: a window may be larger than that.

use super::{Overlay, Slot, Table};
use crate::state::{NAMESPACE_BYTES, Namespace, StoreError, Visit};
use std::ops::ControlFlow;
use std::vec::IntoIter;

/// Where reading a namespace has come to. It is good until the namespace changes.
pub struct Cursor {
    namespace: Namespace,
    /// The entries in memory still to come, in key order. Removed ones too: they hide what the store has.
    slots: IntoIter<Slot>,
    /// Where to go on in the store; `None` when there is nothing more.
    stored: Option<Vec<u8>>,
}

impl Overlay {
    /// Read a namespace from its first key.
    pub fn cursor(&self, namespace: &Namespace) -> Cursor {
        let mut slots = Vec::new();
        let mut complete = false;
        if let Some(table) = self.tables.get(namespace) {
            slots.extend(0..table.entries.len() as Slot);
            slots.sort_unstable_by(|a, b| table.key(*a).cmp(table.key(*b)));
            complete = table.complete;
        }
        Cursor {
            namespace: *namespace,
            slots: slots.into_iter(),
            stored: (!complete).then(|| namespace.0.to_vec()),
        }
    }

    /// Visit the keys that have a value, in order, until the visitor breaks; the next call begins with the key at which it did.
    pub fn visit(&self, cursor: &mut Cursor, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let nothing = Table::default();
        let table = self.tables.get(&cursor.namespace).unwrap_or(&nothing);
        if let Some(from) = cursor.stored.take() {
            let namespace = cursor.namespace.0;
            self.store.scan(&namespace, &from, &mut |stored, value| {
                let flow = cursor.visit_stored(table, &stored[NAMESPACE_BYTES..], value, visit);
                if flow.is_break() {
                    cursor.stored = Some(stored.to_vec());
                }
                flow
            })?;
        }
        if cursor.stored.is_none() {
            let _ = cursor.visit_memory(table, None, visit);
        }
        Ok(())
    }
}

impl Cursor {
    /// Visit a key of the store, after those in memory before it. Memory knows better where both have it.
    fn visit_stored(
        &mut self,
        table: &Table,
        key: &[u8],
        value: &[u8],
        visit: &mut Visit<'_>,
    ) -> ControlFlow<()> {
        match self.visit_memory(table, Some(key), visit)? {
            true => ControlFlow::Continue(()),
            false => visit(key, value),
        }
    }

    /// Visit the keys in memory up to `to`. Answers whether that is among them.
    fn visit_memory(
        &mut self,
        table: &Table,
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> ControlFlow<(), bool> {
        while let Some(slot) = self.slots.as_slice().first() {
            let key = table.key(*slot);
            if to.is_some_and(|to| key > to) {
                break;
            }
            if let Some(value) = table.value(*slot) {
                visit(key, value)?;
            }
            self.slots.next();
            if to == Some(key) {
                return ControlFlow::Continue(true);
            }
        }
        ControlFlow::Continue(false)
    }
}
