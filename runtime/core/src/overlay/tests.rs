//! The overlay against a plain map: whatever is set, dropped, evicted, committed or lost, it answers what the map says,
//! and the store holds what was committed.

use super::*;
use crate::state::{MemoryStore, NAMESPACE_BYTES};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

#[derive(Clone, Debug)]
enum Step {
    /// Set keys of one namespace in one call; a missing length removes the key.
    Call(u8, Vec<(u8, Option<usize>)>),
    Drop(u8),
    /// Read a namespace, so many keys at a time.
    Read(u8, usize),
    /// Say that a namespace is new, where it is.
    Create(u8),
    Commit,
    /// The commit fails: all since the last one is lost.
    Lose,
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![1 => Just(None), 4 => (0usize..40).prop_map(Some), 1 => (0usize..3_000).prop_map(Some)];
    prop_oneof![
        6 => (0u8..3, vec((0u8..KEYS, length), 1..12)).prop_map(|(n, changes)| Step::Call(n, changes)),
        1 => (0u8..3).prop_map(Step::Drop),
        3 => (0u8..3, select(vec![1, 2, 7, 1024])).prop_map(|(n, page)| Step::Read(n, page)),
        1 => (0u8..3).prop_map(Step::Create),
        2 => Just(Step::Commit),
        1 => Just(Step::Lose),
    ]
}

type Plain = BTreeMap<(Namespace, Vec<u8>), Vec<u8>>;

const KEYS: u8 = 13;

/// Keys that are prefixes of each other, the empty one among them.
fn name(key: u8) -> Vec<u8> {
    vec![b'a' + key % 3; usize::from(key).div_ceil(3)]
}

fn namespace(n: u8) -> Namespace {
    Namespace::new(1, 0, i64::from(n))
}

fn of(plain: &Plain, namespace: Namespace) -> Vec<(Vec<u8>, Vec<u8>)> {
    let of = plain.iter().filter(|((n, _), _)| *n == namespace);
    of.map(|((_, key), value)| (key.clone(), value.clone()))
        .collect()
}

/// One call of a module: each key gets a number once, then all accumulators are set.
fn call(overlay: &mut Overlay, plain: &mut Plain, n: u8, changes: &[(u8, Option<usize>)]) {
    let namespace = namespace(n);
    overlay.begin_call();
    let mut numbers: Vec<(u8, Slot)> = Vec::new();
    for (key, _) in changes {
        let next = numbers.len() as u32;
        let (slot, number) = overlay.group(&namespace, &name(*key), next).unwrap();
        match numbers.iter().position(|(k, _)| k == key) {
            Some(known) => assert_eq!(number, Ok(known as u32)),
            None => {
                assert_eq!(number, Err(next));
                numbers.push((*key, slot));
            }
        }
        let stored = plain.get(&(namespace, name(*key)));
        assert_eq!(overlay.value(&namespace, slot), stored.map(Vec::as_slice));
    }
    for (i, (key, length)) in changes.iter().enumerate() {
        let slot = numbers.iter().find(|(k, _)| k == key).unwrap().1;
        let value = length.map(|length| vec![i as u8; length]);
        overlay.set(&namespace, slot, value.as_deref());
        match value {
            Some(value) => plain.insert((namespace, name(*key)), value),
            None => plain.remove(&(namespace, name(*key))),
        };
    }
}

/// All of a namespace, read in pages.
fn read(overlay: &Overlay, n: u8, page: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut read: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut cursor = overlay.cursor(&namespace(n));
    loop {
        let from = read.len();
        let mut visit = |key: &[u8], value: &[u8]| match read.len() - from < page {
            true => {
                read.push((key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            }
            false => ControlFlow::Break(()),
        };
        overlay.visit(&mut cursor, &mut visit).unwrap();
        if read.len() == from {
            return read;
        }
    }
}

fn all(store: &dyn StateStore) -> Plain {
    let mut plain = Plain::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        let (namespace, key) = key.split_at(NAMESPACE_BYTES);
        let namespace = Namespace(namespace.try_into().unwrap());
        plain.insert((namespace, key.to_vec()), value.to_vec());
        ControlFlow::Continue(())
    };
    store.scan(&[], &[], &mut visit).unwrap();
    plain
}

const MARKER: Marker = Marker {
    lineage: 1,
    epoch: 1,
    generation: 1,
    changelog_next: 0,
};

fn overlay(cache_bytes_max: usize) -> Overlay {
    Overlay::new(Box::new(MemoryStore::new()), cache_bytes_max)
}

proptest! {
    #[test]
    fn it_answers_what_a_map_would(steps in vec(step(), 0..40), cache in prop_oneof![Just(0), Just(3_000usize), Just(1 << 20)]) {
        let mut overlay = overlay(cache);
        let (mut plain, mut committed) = (Plain::new(), Plain::new());
        for step in steps {
            match step {
                Step::Call(n, changes) => call(&mut overlay, &mut plain, n, &changes),
                Step::Drop(n) => {
                    overlay.drop_namespace(&namespace(n));
                    plain.retain(|(of, _), _| *of != namespace(n));
                }
                Step::Read(n, page) => {
                    prop_assert_eq!(read(&overlay, n, page), of(&plain, namespace(n)));
                }
                Step::Create(n) if of(&plain, namespace(n)).is_empty() => overlay.create(namespace(n)),
                Step::Create(_) => {}
                Step::Commit => {
                    let bound = overlay.dirty_bytes() + 3 * (NAMESPACE_BYTES + 1);
                    let delta = overlay.seal();
                    prop_assert!(delta.as_bytes().len() <= bound, "{} > {bound}", delta.as_bytes().len());
                    overlay.committed(&delta, MARKER).unwrap();
                    committed = plain.clone();
                    prop_assert_eq!(all(overlay.store()), committed.clone());
                    prop_assert!(overlay.memory_bytes() <= cache);
                    prop_assert_eq!(overlay.dirty_bytes(), 0);
                }
                Step::Lose => {
                    overlay.seal();
                    overlay.reset();
                    plain = committed.clone();
                }
            }
        }
        for n in 0..3 {
            for page in [1, 2, 7, 1024] {
                prop_assert_eq!(read(&overlay, n, page), of(&plain, namespace(n)));
            }
        }
    }
}

#[test]
fn a_value_that_grows_takes_about_its_own_size() {
    let mut overlay = overlay(usize::MAX);
    for length in 0..5_000 {
        let value = vec![b'v'; length];
        overlay.put(&namespace(0), b"key", Some(&value)).unwrap();
    }
    assert!(
        overlay.memory_bytes() < 50_000,
        "{}",
        overlay.memory_bytes()
    );
    assert!((5_000..5_100).contains(&overlay.dirty_bytes()));
}

#[test]
fn a_list_of_removed_keys_does_not_grow() {
    let mut overlay = overlay(usize::MAX);
    for i in 0..1_000u32 {
        overlay
            .put(&namespace(0), &i.to_be_bytes(), Some(b"v"))
            .unwrap();
        let delta = overlay.seal();
        overlay.committed(&delta, MARKER).unwrap();
        overlay.put(&namespace(0), &i.to_be_bytes(), None).unwrap();
        let delta = overlay.seal();
        overlay.committed(&delta, MARKER).unwrap();
    }
    assert!(
        overlay.memory_bytes() < 10_000,
        "{}",
        overlay.memory_bytes()
    );
    assert!(all(overlay.store()).is_empty());
}

#[test]
fn numbers_of_4_billion_calls_ago_are_not_taken_for_this_calls() {
    let mut overlay = overlay(usize::MAX);
    overlay.begin_call();
    let (_, first) = overlay.group(&namespace(0), b"key", 0).unwrap();
    assert_eq!(first, Err(0));
    overlay.call = u32::MAX;
    overlay.begin_call();
    let (_, number) = overlay.group(&namespace(0), b"key", 0).unwrap();
    assert_eq!(number, Err(0));
}
