//! Firing takes memory for a page, not for a window: neither its state nor its results are ever there as a whole.

use crate::batch::{Batch, Packed};
use crate::log::{self, OutRecord, SourceBatch};
use crate::overlay::Overlay;
use crate::pipeline::{Emit, Pipeline, Plan, TopicLimits};
use crate::spec::{JobSpec, operator_number};
use crate::state::{Delta, Marker, MemoryStore, Namespace, StateStore, StoreError, Visit};
use crate::udf::{Accumulated, CallError, Emitted, Kept, Udf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const JOB: &str = "
apiVersion: sluicebox/v1
job: test
source:
  kafka: { topic: in, start: earliest }
  watermark: { max_out_of_orderness: 0s }
operators:
  - id: counts
    window-aggregate: { module: ./a.wasm, window: { tumbling: 1s }, late: { allowed_lateness: 1h } }
  - id: copies
    map: { module: ./b.wasm }
sink:
  kafka: { topic: out }
";
const KEYS: usize = 200_000;
/// Where the window of the tests ends, in milliseconds.
const END: i64 = 1_000;

/// Keeps the last value of each key; copies rows.
struct Last;

impl Udf for Last {
    fn filter(&mut self, _: &Batch) -> Result<Kept, CallError> {
        Err(CallError::Module("not here".to_owned()))
    }
    fn map(&mut self, input: &Batch) -> Result<Emitted, CallError> {
        let parents = (0..input.len() as u32).collect();
        Ok(Emitted {
            output: input.clone(),
            parents,
            errors: Vec::new(),
        })
    }
    fn accumulate(
        &mut self,
        old: &Packed,
        of: &[u32],
        input: &Batch,
    ) -> Result<Accumulated, CallError> {
        let mut last: Vec<Option<&[u8]>> = (0..old.len()).map(|i| old.get(i)).collect();
        (0..input.len()).for_each(|row| last[of[row] as usize] = input.value(row));
        let mut answer = Accumulated::default();
        last.into_iter()
            .for_each(|value| answer.accumulators.push(value));
        Ok(answer)
    }
    fn merge(&mut self, _: &Packed, _: &Packed) -> Result<Accumulated, CallError> {
        Err(CallError::Module("not here".to_owned()))
    }
    fn finish(
        &mut self,
        keys: &Packed,
        windows: &[i64],
        last: &Packed,
    ) -> Result<Emitted, CallError> {
        let mut rows = Batch::default();
        (0..keys.len())
            .for_each(|i| rows.push(keys.get(i), last.get(i), None, windows[i * 2 + 1] - 1));
        self.map(&rows)
    }
    fn drop_instance(&mut self) {}
    fn next_call_under_fuel(&mut self) {}
}

/// Counts the keys that scans have read and no output was sent for: what is held on the way.
#[derive(Clone, Default)]
struct Held {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

struct Store(MemoryStore, Held);

impl StateStore for Store {
    fn marker(&self) -> Result<Option<Marker>, StoreError> {
        self.0.marker()
    }
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }
    fn scan(&self, prefix: &[u8], from: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let mut counted = |key: &[u8], value: &[u8]| {
            let flow = visit(key, value);
            if flow.is_continue() {
                let now = self.1.now.fetch_add(1, Ordering::Relaxed) + 1;
                self.1.most.fetch_max(now, Ordering::Relaxed);
            }
            flow
        };
        self.0.scan(prefix, from, &mut counted)
    }
    fn apply(&mut self, delta: &Delta, marker: Marker) -> Result<(), StoreError> {
        self.0.apply(delta, marker)
    }
    fn clear(&mut self) -> Result<(), StoreError> {
        self.0.clear()
    }
    fn bytes(&self) -> u64 {
        self.0.bytes()
    }
}

/// What came out, and how much was held meanwhile.
struct Out(Vec<(Vec<u8>, Vec<u8>)>, Held);

impl Emit for Out {
    fn emit(&mut self, record: OutRecord<'_>) -> log::Result<()> {
        let bytes = |field: Option<&[u8]>| field.unwrap_or_default().to_vec();
        self.0.push((bytes(record.key), bytes(record.value)));
        let _ =
            (self.1.now).fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        Ok(())
    }
}

fn key(i: usize) -> Vec<u8> {
    format!("{i:06}").into_bytes()
}

/// A window of so many keys that only the store has, and a shard that takes it up.
fn stored(keys: usize, held: &Held) -> (Pipeline, Overlay) {
    let plan = Plan::new(&JobSpec::parse(JOB, &|_| None).unwrap(), &[]);
    let limits = TopicLimits {
        partitions: 1,
        record_bytes_max: 1 << 20,
    };
    let mut pipeline = Pipeline::new(&plan, vec![Box::new(Last), Box::new(Last)], vec![limits]);
    let operator = operator_number("counts");
    let mut delta = Delta::default();
    for i in 0..keys {
        delta.put(&Namespace::new(operator, 0, END), &key(i), b"stored\0");
    }
    let rows = [(keys as u64).to_le_bytes(), 1_000u64.to_le_bytes()].concat();
    let list = Namespace::new(operator, 0, i64::MIN);
    delta.put(&list, &(END as u64 ^ 1 << 63).to_be_bytes(), &rows);
    let mut store = MemoryStore::new();
    let marker = Marker {
        lineage: 1,
        epoch: 1,
        generation: 1,
        changelog_next: 0,
    };
    store.apply(&delta, marker).unwrap();
    let state = Overlay::new(Box::new(Store(store, held.clone())), 0);
    pipeline.restore(0, Some(0), false, &state).unwrap();
    held.now.store(0, Ordering::Relaxed);
    (pipeline, state)
}

fn batch(rows: &[(Vec<u8>, i64)]) -> SourceBatch {
    let mut batch = Batch::default();
    (rows.iter()).for_each(|(key, time)| batch.push(Some(key), Some(b"changed"), None, *time));
    let next_offset = rows.len() as i64;
    SourceBatch {
        partition: 0,
        batch,
        offsets: (0..next_offset).collect(),
        next_offset,
        ended: false,
    }
}

#[test]
fn a_window_larger_than_memory_is_never_held_whole() {
    let held = Held::default();
    let (mut pipeline, mut state) = stored(KEYS, &held);
    let mut out = Out(Vec::new(), held.clone());
    // Some keys change first; the last row closes the window, which stays for late rows.
    let mut rows: Vec<_> = (0..KEYS)
        .step_by(20_000)
        .map(|i| (key(i), END - 1))
        .collect();
    rows.push((key(0), END));
    pipeline.step(batch(&rows), &mut state, &mut out).unwrap();
    let value = |i: usize| match i.is_multiple_of(20_000) {
        true => "changed",
        false => "stored",
    };
    assert_eq!(out.0.len(), KEYS);
    for (i, (k, v)) in out.0.iter().enumerate() {
        assert_eq!((k, v.as_slice()), (&key(i), value(i).as_bytes()));
    }
    let most = held.most.load(Ordering::Relaxed);
    assert!(
        (1_000..=1_024).contains(&most),
        "{most} results held at once"
    );
    assert!(state.memory_bytes() < 10_000, "{}", state.memory_bytes());
    // A late row fires its own key again, and needs no other.
    held.most.store(0, Ordering::Relaxed);
    pipeline
        .step(batch(&[(key(7), 1)]), &mut state, &mut out)
        .unwrap();
    assert_eq!(out.0[KEYS..], [(key(7), b"changed".to_vec())]);
    assert_eq!(held.most.load(Ordering::Relaxed), 0);
    assert!(state.memory_bytes() < 10_000, "{}", state.memory_bytes());
}

#[test]
fn pages_of_any_size_give_the_same() {
    let fired = |page: usize| {
        let held = Held::default();
        let (mut pipeline, mut state) = stored(3_000, &held);
        pipeline.operators[0].node.rows_per_call_max = page;
        let mut out = Out(Vec::new(), held.clone());
        let rows: Vec<_> = (0..40)
            .map(|i| (key(i * 100), END - 1))
            .chain([(key(1), END)])
            .collect();
        pipeline.step(batch(&rows), &mut state, &mut out).unwrap();
        let most = held.most.load(Ordering::Relaxed);
        assert!(
            most <= page,
            "{most} results held at once, in pages of {page}"
        );
        out.0
    };
    let whole = fired(1_024);
    assert_eq!(whole.len(), 3_000 + 10, "ten keys of the forty are new");
    for page in [1, 2, 7] {
        assert_eq!(fired(page), whole);
    }
}
