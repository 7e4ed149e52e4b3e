//! The conformance suite of the state port: what every store must do. An implementation's tests write a [`Fixture`]
//! and `sluicebox_core::store_conformance!(MyFixture::new());`, and feed random operations to [`agrees_with_model`].
#![allow(clippy::unwrap_used)]

use super::{Delta, Marker, NAMESPACE_BYTES, Namespace, StateStore};
use std::collections::BTreeMap;

mod scans;
pub use scans::{a_scan_begins_where_told, a_scan_stops_when_told, scan};
use scans::{prefixes, same_scan};

/// A store under test.
pub trait Fixture {
    /// The store: empty the first time, as it was left the next time (only one is open at any time).
    fn open(&self) -> Box<dyn StateStore>;
    /// Whether it keeps its content when it is opened again.
    fn durable(&self) -> bool;
}

/// One step against the model. Namespaces and keys are numbers of a small universe, so that they collide.
#[derive(Clone, Debug)]
pub enum Op {
    /// Apply these changes as one delta.
    Apply(Vec<Step>),
    /// Empty the store.
    Clear,
    /// Close and open it again.
    Reopen,
}

/// One change of a delta.
#[derive(Clone, Debug)]
pub enum Step {
    /// Set the key of this namespace to this value.
    Put(u8, u8, Vec<u8>),
    /// Remove the key of this namespace.
    Delete(u8, u8),
    /// Remove all of this namespace.
    Drop(u8),
}

/// How many namespaces and keys the universe has.
pub const UNIVERSE: u8 = 6;

/// Namespaces that are neighbours in byte order in awkward ways: first and last of all, and around carries.
pub fn namespace(n: u8) -> Namespace {
    let mut bytes = [0; NAMESPACE_BYTES];
    match n % UNIVERSE {
        0 => {}
        1 => bytes[NAMESPACE_BYTES - 1] = 0xff,
        2 => bytes[NAMESPACE_BYTES - 2] = 1,
        3 => bytes[1..].fill(0xff),
        4 => bytes[0] = 1,
        _ => bytes.fill(0xff),
    }
    Namespace(bytes)
}

/// User keys, the empty one and prefixes of each other among them.
pub fn key(n: u8) -> &'static [u8] {
    [b"".as_slice(), b"\0", b"a", b"a\0", b"a\xff", b"\xff\xff"][usize::from(n % UNIVERSE)]
}

fn whole_key(namespace: &Namespace, key: &[u8]) -> Vec<u8> {
    [&namespace.0, key].concat()
}

fn marker(epoch: u64) -> Marker {
    Marker {
        lineage: u64::MAX - epoch,
        epoch,
        generation: 7,
        changelog_next: epoch as i64 * 10,
    }
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// Run the operations on the store and on a model; panics where they differ.
pub fn agrees_with_model(fixture: &impl Fixture, ops: &[Op]) {
    let mut store = fixture.open();
    let (mut model, mut model_marker) = (Model::new(), None);
    for (epoch, op) in (1..).zip(ops) {
        match op {
            Op::Apply(steps) => {
                store.apply(&delta(steps), marker(epoch)).unwrap();
                steps
                    .iter()
                    .for_each(|step| apply_to_model(&mut model, step));
                model_marker = Some(marker(epoch));
            }
            Op::Clear => {
                store.clear().unwrap();
                model.clear();
                model_marker = None;
            }
            Op::Reopen if fixture.durable() => {
                drop(store);
                store = fixture.open();
            }
            Op::Reopen => {}
        }
        assert_eq!(store.marker(), Ok(model_marker), "after {op:?}");
        same(store.as_ref(), &model);
    }
}

fn delta(steps: &[Step]) -> Delta {
    let mut delta = Delta::default();
    for step in steps {
        match step {
            Step::Put(n, k, value) => delta.put(&namespace(*n), key(*k), value),
            Step::Delete(n, k) => delta.delete(&namespace(*n), key(*k)),
            Step::Drop(n) => delta.drop_namespace(&namespace(*n)),
        }
    }
    delta
}

fn apply_to_model(model: &mut Model, step: &Step) {
    match step {
        Step::Put(n, k, value) => {
            model.insert(whole_key(&namespace(*n), key(*k)), value.clone());
        }
        Step::Delete(n, k) => {
            model.remove(&whole_key(&namespace(*n), key(*k)));
        }
        Step::Drop(n) => model.retain(|key, _| !key.starts_with(&namespace(*n).0)),
    }
}

/// All gets, and scans with every kind of prefix, answer as the model does.
fn same(store: &dyn StateStore, model: &Model) {
    for n in 0..UNIVERSE {
        for k in 0..UNIVERSE {
            let key = whole_key(&namespace(n), key(k));
            assert_eq!(store.get(&key), Ok(model.get(&key).cloned()), "{key:?}");
            same_scan(store, model, &namespace(n).0, &key);
        }
    }
    for prefix in prefixes() {
        same_scan(store, model, &prefix, &[]);
    }
}

/// A new store has no marker and no keys.
pub fn a_new_store_is_empty(fixture: &impl Fixture) {
    let store = fixture.open();
    assert_eq!(store.marker(), Ok(None));
    same(store.as_ref(), &Model::new());
}

/// Gets, deletes, scans and dropped namespaces, with keys and namespaces that are neighbours in byte order.
pub fn neighbours_are_told_apart(fixture: &impl Fixture) {
    let all = || (0..UNIVERSE).flat_map(|n| (0..UNIVERSE).map(move |k| (n, k)));
    let fill = Op::Apply(all().map(|(n, k)| Step::Put(n, k, vec![n, k])).collect());
    let mut ops = Vec::new();
    for n in 0..UNIVERSE {
        ops.push(fill.clone());
        ops.push(Op::Apply(vec![Step::Drop(n)]));
        ops.push(Op::Apply(vec![Step::Delete((n + 1) % UNIVERSE, n)]));
        ops.push(Op::Reopen);
    }
    agrees_with_model(fixture, &ops);
}

/// Within a delta, the order of changes counts: a dropped namespace may be written again.
pub fn the_order_in_a_delta_counts(fixture: &impl Fixture) {
    let put = |value: u8| Step::Put(5, 0, vec![value]);
    agrees_with_model(
        fixture,
        &[
            Op::Apply(vec![
                put(1),
                Step::Put(5, 1, vec![9]),
                Step::Drop(5),
                put(2),
            ]),
            Op::Apply(vec![put(3), Step::Delete(5, 0)]),
            Op::Apply(vec![Step::Delete(5, 0), put(4), put(5)]),
            Op::Apply(vec![Step::Drop(5)]),
        ],
    );
}

/// Values may be empty or large.
pub fn values_of_any_size(fixture: &impl Fixture) {
    let large: Vec<u8> = (0..1_000_000u32).map(|n| n as u8).collect();
    agrees_with_model(
        fixture,
        &[
            Op::Apply(vec![Step::Put(0, 0, vec![]), Step::Put(0, 1, large)]),
            Op::Reopen,
            Op::Apply(vec![Step::Put(0, 1, vec![])]),
        ],
    );
}

/// An empty delta still moves the marker; clear takes it away.
pub fn the_marker_moves_with_every_delta(fixture: &impl Fixture) {
    let put = Op::Apply(vec![Step::Put(0, 0, vec![1])]);
    let ops = [
        Op::Apply(vec![]),
        put.clone(),
        Op::Apply(vec![]),
        Op::Reopen,
        Op::Clear,
        Op::Reopen,
        put,
    ];
    agrees_with_model(fixture, &ops);
}

/// A damaged delta is an error and changes nothing: neither one that ends too early, nor one of unknown changes,
/// nor one whose keys have no namespace.
pub fn a_damaged_delta_changes_nothing(fixture: &impl Fixture) {
    let mut store = fixture.open();
    let good = delta(&[Step::Put(0, 0, vec![1])]);
    store.apply(&good, marker(1)).unwrap();
    let more = delta(&[
        Step::Put(0, 0, vec![2]),
        Step::Drop(1),
        Step::Put(0, 2, vec![3]),
    ]);
    let mut short = more.as_bytes().to_vec();
    short.pop();
    let mut unknown = more.as_bytes().to_vec();
    unknown.push(99);
    let mut no_namespace = more.as_bytes().to_vec();
    no_namespace.extend([2, 1, 0, 0, 0, b'k']);
    for bytes in [short, unknown, no_namespace] {
        let damaged = Delta::from_bytes(bytes);
        assert!(store.apply(&damaged, marker(2)).is_err(), "{damaged:?}");
        assert_eq!(store.marker(), Ok(Some(marker(1))));
        let want = Model::from([(whole_key(&namespace(0), key(0)), vec![1])]);
        same(store.as_ref(), &want);
    }
}

/// One `#[test]` for each check of the state port, on the fixture that the expression makes.
#[macro_export]
macro_rules! store_conformance {
    (@tests [$fixture:expr] $($check:ident)*) => {
        $(
            #[test]
            fn $check() {
                $crate::state::conformance::$check(&$fixture);
            }
        )*
    };
    ($fixture:expr) => {
        $crate::store_conformance! { @tests [$fixture]
            a_new_store_is_empty
            neighbours_are_told_apart
            the_order_in_a_delta_counts
            values_of_any_size
            the_marker_moves_with_every_delta
            a_scan_stops_when_told
            a_scan_begins_where_told
            a_damaged_delta_changes_nothing
        }
    };
}
