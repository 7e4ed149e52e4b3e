//! The rig: a log, a store that outlives its shards, a clock that stands still until told, and one job on them.

use crate::job::Job;
use crate::model::{Outputs, Row};
use crate::tap::{Control, Tap};
use crate::udf::{Module, Shared};
use sluicebox_core::batch::headers;
use sluicebox_core::embedded::EmbeddedLog;
use sluicebox_core::log::{Delivery, Log, ShardConfig, ShardLog};
use sluicebox_core::pipeline::Plan;
use sluicebox_core::shard::{Clock, Config, Shard, ShardError, Turn, Version};
use sluicebox_core::spec::StartSpec;
use sluicebox_core::state::{Delta, Marker, MemoryStore, StateStore, StoreError, Visit};
use sluicebox_core::udf::Udf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub const EPOCH: Duration = Duration::from_millis(100);
pub const SINK_PARTITIONS: i32 = 3;
/// More turns than any test needs.
const TURNS_MAX: usize = 100_000;

/// A store whose contents stay when a shard is dropped.
#[derive(Clone, Default)]
pub struct Store(Arc<Mutex<MemoryStore>>);

impl Store {
    pub fn lock(&self) -> MutexGuard<'_, MemoryStore> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// As it is now, apart from what comes.
    pub fn copy(&self) -> MemoryStore {
        self.lock().clone()
    }
    pub fn set(&self, to: MemoryStore) {
        *self.lock() = to;
    }
}

impl StateStore for Store {
    fn marker(&self) -> Result<Option<Marker>, StoreError> {
        self.lock().marker()
    }
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.lock().get(key)
    }
    fn scan(&self, prefix: &[u8], from: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.lock().scan(prefix, from, visit)
    }
    fn apply(&mut self, delta: &Delta, marker: Marker) -> Result<(), StoreError> {
        self.lock().apply(delta, marker)
    }
    fn clear(&mut self) -> Result<(), StoreError> {
        self.lock().clear()
    }
    fn bytes(&self) -> u64 {
        self.lock().bytes()
    }
}

#[derive(Clone, Default)]
pub struct TestClock(Arc<AtomicU64>);

impl Clock for TestClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

pub struct Rig {
    pub log: EmbeddedLog,
    pub job: Job,
    pub store: Store,
    pub clock: TestClock,
    pub control: Control,
    pub config: Config,
    pub modules: Shared,
    /// What was produced, by source partition.
    pub input: Vec<Vec<(i64, Row)>>,
}

impl Rig {
    pub fn new(job: Job, partitions: i32) -> Self {
        let log = EmbeddedLog::new();
        let make = |topic: &str, partitions| log.create_topic(topic, partitions).unwrap();
        make("in", partitions);
        make("changes", 2);
        job.topics()
            .into_iter()
            .for_each(|topic| make(topic, SINK_PARTITIONS));
        let plan = Plan::new(&job.spec(), &[]);
        let config = Config {
            log: ShardConfig {
                source: "in".into(),
                partitions: (0..partitions).collect(),
                sinks: plan.topics,
                changelog: "changes".into(),
                shard: 0,
                transactional_id: "job-0".into(),
                group: "job".into(),
                delivery: Delivery::ExactlyOnce,
                epoch_interval_ms: EPOCH.as_millis() as u64,
                transaction_timeout_ms: 60_000,
            },
            source_partitions: partitions,
            start: StartSpec::Earliest,
            epoch_interval: EPOCH,
            overlay_bytes_max: 1 << 20,
            cache_bytes_max: 1 << 20,
            catalog_revision: 0,
            recover_from_changelog: false,
            new_lineage: 7,
        };
        let clock = TestClock::default();
        let modules = Shared {
            clock: clock.0.clone(),
            ..Shared::default()
        };
        Self {
            log,
            job,
            store: Store::default(),
            clock,
            control: Control::default(),
            config,
            modules,
            input: vec![Vec::new(); partitions as usize],
        }
    }

    pub fn produce(&mut self, partition: usize, row: Row) {
        let Row {
            key,
            value,
            headers,
            timestamp,
        } = &row;
        let (key, value, headers) = (key.as_deref(), value.as_deref(), headers.as_deref());
        let made = self
            .log
            .produce(
                "in",
                Some(partition as i32),
                key,
                value,
                headers,
                *timestamp,
            )
            .unwrap();
        self.input[partition].push((made.1, row));
    }

    /// One record of partition 0.
    pub fn row(&mut self, key: &str, value: &str, timestamp: i64) {
        let (key, value) = (Some(key.into()), Some(value.into()));
        self.produce(
            0,
            Row {
                key,
                value,
                headers: None,
                timestamp,
            },
        );
    }

    pub fn open(&self) -> Box<dyn ShardLog> {
        let inner = self.log.open(&self.config.log).unwrap();
        Box::new(Tap {
            inner,
            control: self.control.clone(),
        })
    }

    /// A shard that has not recovered.
    pub fn start(&self) -> Shard {
        let Version { plan, udfs, .. } = self.version();
        let (store, clock) = (Box::new(self.store.clone()), Box::new(self.clock.clone()));
        Shard::new(self.config.clone(), plan, self.open(), store, udfs, clock).unwrap()
    }

    /// The job as it is now, with fresh modules.
    pub fn version(&self) -> Version {
        let modules = self.job.ops.iter().map(|op| -> Box<dyn Udf> {
            Box::new(Module::new(op.id, op.rows_max, self.modules.clone()))
        });
        Version {
            plan: Plan::new(&self.job.spec(), &[]),
            udfs: modules.collect(),
            catalog_revision: self.config.catalog_revision,
        }
    }

    /// A shard ready to work.
    pub fn shard(&self) -> Shard {
        let mut shard = self.start();
        shard.recover().unwrap();
        shard
    }

    /// Why a shard can't recover.
    pub fn refusal(&self) -> String {
        match self.start().recover() {
            Err(ShardError::Halt(why)) => why,
            other => panic!("expected a halt, got {other:?}"),
        }
    }

    /// The next turn that works ends the epoch.
    pub fn tick(&self) {
        self.clock
            .0
            .fetch_add(EPOCH.as_millis() as u64, Ordering::Relaxed);
    }

    /// Nothing follows: run to the end.
    pub fn finish(&self, shard: &mut Shard) {
        self.log.seal("in").unwrap();
        run_to_end(shard).unwrap();
    }

    /// What readers see now.
    pub fn outputs(&self) -> Outputs {
        let mut outputs = Outputs::new();
        for topic in self.job.topics() {
            for record in self.log.reader(topic).unwrap().drain().unwrap() {
                let (key, value) = (record.key, record.value);
                let row = Row {
                    key,
                    value,
                    headers: record.headers,
                    timestamp: record.timestamp,
                };
                let task = task(&row);
                outputs
                    .entry((topic.to_owned(), record.partition, task))
                    .or_default()
                    .push(row);
            }
        }
        outputs
    }

    /// Rows of a topic, all partitions, in order of partition and offset.
    pub fn topic(&self, topic: &str) -> Vec<String> {
        let records = self.log.reader(topic).unwrap().drain().unwrap();
        let text = |b: Option<Vec<u8>>| {
            b.map_or("null".to_owned(), |b| {
                String::from_utf8_lossy(&b).into_owned()
            })
        };
        records
            .into_iter()
            .map(|r| format!("{}={} @{}", text(r.key), text(r.value), r.timestamp))
            .collect()
    }

    /// The text of `sluicebox-error` of each dead letter.
    pub fn reasons(&self) -> Vec<String> {
        let records = self.log.reader(crate::job::DEAD).unwrap().drain().unwrap();
        let reason =
            |r: sluicebox_core::embedded::Record| header(r.headers.as_deref(), "sluicebox-error");
        records.into_iter().map(reason).collect()
    }

    /// The outputs and accounts are the model's.
    pub fn assert_exact(&self, shard: &Shard) {
        let (outputs, accounts) = crate::model::run(&self.job, SINK_PARTITIONS, &self.input);
        assert_same(&self.outputs(), &outputs);
        for (id, account) in &shard.progress().committed_accounts {
            assert_eq!(
                *account,
                accounts.get(id).copied().unwrap_or_default(),
                "account of {id}"
            );
        }
    }
}

/// Compared in a way that shows the first difference and not everything.
pub fn assert_same(got: &Outputs, want: &Outputs) {
    let at: std::collections::BTreeSet<_> = got.keys().chain(want.keys()).collect();
    for at in at {
        let empty = Vec::new();
        let (got, want) = (
            got.get(at).unwrap_or(&empty),
            want.get(at).unwrap_or(&empty),
        );
        for i in 0..got.len().max(want.len()) {
            let show = |row: Option<&Row>| row.map(|r| format!("{r:?}"));
            assert_eq!(
                show(got.get(i)),
                show(want.get(i)),
                "row {i} of {at:?} (left: got, right: wanted)"
            );
        }
    }
}

pub fn header(packed: Option<&[u8]>, name: &str) -> String {
    let found = headers(packed.unwrap_or_default())
        .filter_map(Result::ok)
        .filter(|(n, _)| *n == name.as_bytes());
    found
        .last()
        .and_then(|(_, v)| v)
        .map_or(String::new(), |v| String::from_utf8_lossy(v).into_owned())
}

/// Keys and values of the tests begin with the number of their source partition.
fn task(row: &Row) -> i32 {
    let first = row
        .key
        .as_deref()
        .or(row.value.as_deref())
        .and_then(|b| b.first())
        .copied();
    i32::from(first.unwrap_or(b'0')) - i32::from(b'0')
}

pub fn run_to_end(shard: &mut Shard) -> Result<(), ShardError> {
    for _ in 0..TURNS_MAX {
        if shard.turn(false)? == Turn::Ended {
            return Ok(());
        }
    }
    panic!("no end after {TURNS_MAX} turns")
}
