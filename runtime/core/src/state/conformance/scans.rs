//! What scans must do: which keys they visit, in which order, where they begin and end.
#![allow(clippy::unwrap_used)]

use super::{
    Fixture, Model, Step, UNIVERSE, apply_to_model, delta, key, marker, namespace, whole_key,
};
use crate::state::StateStore;
use std::ops::ControlFlow;

/// A scan visits what the model has.
pub fn same_scan(store: &dyn StateStore, model: &Model, prefix: &[u8], from: &[u8]) {
    let of = |key: &[u8]| key.starts_with(prefix) && key >= from;
    let want = model.iter().filter(|(key, _)| of(key));
    let got = scan_from(store, prefix, from, usize::MAX);
    assert!(
        got.iter().map(|(k, v)| (k, v)).eq(want),
        "scan of {prefix:?} from {from:?}: {got:?}, the model has {model:?}"
    );
}

/// Nothing, pieces of namespaces, namespaces, and keys.
pub fn prefixes() -> Vec<Vec<u8>> {
    let mut prefixes: Vec<Vec<u8>> = vec![vec![], vec![0], vec![0xff], vec![0; 8], vec![0xff; 8]];
    for n in 0..UNIVERSE {
        prefixes.push(namespace(n).0.to_vec());
        prefixes.extend((0..UNIVERSE).map(|k| whole_key(&namespace(n), key(k))));
    }
    prefixes
}

/// What a scan visits, stopped after this many.
pub fn scan(store: &dyn StateStore, prefix: &[u8], most: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    scan_from(store, prefix, &[], most)
}

fn scan_from(
    store: &dyn StateStore,
    prefix: &[u8],
    from: &[u8],
    most: usize,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut got = Vec::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        got.push((key.to_vec(), value.to_vec()));
        match got.len() < most {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    };
    store.scan(prefix, from, &mut visit).unwrap();
    got
}

/// A scan ends where its visitor says so.
pub fn a_scan_stops_when_told(fixture: &impl Fixture) {
    let mut store = fixture.open();
    let steps: Vec<Step> = (0..UNIVERSE).map(|k| Step::Put(0, k, vec![k])).collect();
    store.apply(&delta(&steps), marker(1)).unwrap();
    assert_eq!(scan(store.as_ref(), &[], 2).len(), 2);
}

/// A scan begins where it is told: at a key, between keys, before all of its prefix or after them.
pub fn a_scan_begins_where_told(fixture: &impl Fixture) {
    let mut store = fixture.open();
    let (mut steps, mut model) = (Vec::new(), Model::new());
    for (n, k) in (0..UNIVERSE).flat_map(|n| (0..UNIVERSE).map(move |k| (n, k))) {
        // Some starts are keys that are not there.
        if (n + k) % 3 != 0 {
            steps.push(Step::Put(n, k, vec![n, k]));
        }
    }
    store.apply(&delta(&steps), marker(1)).unwrap();
    steps
        .iter()
        .for_each(|step| apply_to_model(&mut model, step));
    for prefix in prefixes() {
        for from in prefixes() {
            same_scan(store.as_ref(), &model, &prefix, &from);
        }
    }
}
