//! The state port in memory: for the demo, `run --dev` and tests. It forgets everything with the process, and that
//! is safe: the changelog restores it.

use super::{Change, Delta, Marker, Namespace, StateStore, StoreError, Visit};
use std::collections::BTreeMap;
use std::ops::Bound;

/// A store without files.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    keys: BTreeMap<Box<[u8]>, Box<[u8]>>,
    marker: Option<Marker>,
    /// Of all keys and values.
    bytes: u64,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of keys it holds.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn drop_namespace(&mut self, namespace: &Namespace) {
        let from = namespace.0.as_slice();
        let gone: Vec<_> = self
            .keys
            .range::<[u8], _>((Bound::Included(from), Bound::Unbounded))
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(from))
            .cloned()
            .collect();
        for key in gone {
            self.remove(&key);
        }
    }

    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.remove(key);
        self.bytes += (key.len() + value.len()) as u64;
        self.keys.insert(key.into(), value.into());
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some(value) = self.keys.remove(key) {
            self.bytes -= (key.len() + value.len()) as u64;
        }
    }
}

impl StateStore for MemoryStore {
    fn marker(&self) -> Result<Option<Marker>, StoreError> {
        Ok(self.marker)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.keys.get(key).map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], from: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let range = (Bound::Included(prefix.max(from)), Bound::Unbounded);
        for (key, value) in self.keys.range::<[u8], _>(range) {
            if !key.starts_with(prefix) || visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&mut self, delta: &Delta, marker: Marker) -> Result<(), StoreError> {
        // Damage must leave the store as it was.
        if let Some(damage) = delta.changes().find_map(Result::err) {
            return Err(StoreError(damage.to_string()));
        }
        for change in delta.changes().flatten() {
            match change {
                Change::Put(key, value) => self.put(key, value),
                Change::Delete(key) => self.remove(key),
                Change::DropNamespace(namespace) => self.drop_namespace(&namespace),
            }
        }
        self.marker = Some(marker);
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        *self = Self::default();
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::conformance::{Fixture, Op, Step, agrees_with_model};
    use proptest::prelude::*;

    struct Memory;

    impl Fixture for Memory {
        fn open(&self) -> Box<dyn StateStore> {
            Box::new(MemoryStore::new())
        }
        fn durable(&self) -> bool {
            false
        }
    }

    crate::store_conformance!(Memory);

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let value = prop::collection::vec(any::<u8>(), 0..4);
        let put = (any::<u8>(), any::<u8>(), value).prop_map(|(n, k, v)| Step::Put(n, k, v));
        let delete = (any::<u8>(), any::<u8>()).prop_map(|(n, k)| Step::Delete(n, k));
        let drop = any::<u8>().prop_map(Step::Drop);
        prop::collection::vec(prop_oneof![6 => put, 2 => delete, 1 => drop], 0..12)
    }

    proptest! {
        #[test]
        fn random_deltas_agree_with_the_model(
            ops in prop::collection::vec(
                prop_oneof![9 => steps().prop_map(Op::Apply), 1 => Just(Op::Clear)],
                0..12,
            )
        ) {
            agrees_with_model(&Memory, &ops);
        }
    }
}
