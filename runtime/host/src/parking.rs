//! Idle shards are parked: no thread, no clients, no open store, no instances of modules. One watcher for each log asks for
//! the ends of all their partitions at once, and a shard whose end has moved starts as after any other stop.
//!
//! Nothing can be missed: the end that a shard is parked at is its position, so whatever comes afterwards moves it. What a
//! parked shard does not notice (that its topic was deleted, or cut short) it finds when it starts.

use crate::budget::Held;
use sluicebox_core::log::{Kind, Log};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How often ends are asked for: bounds how late a parked shard notices a record.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A parked shard starts after this long, to commit its positions again: brokers forget those of a week ago.
pub const PARKED_MAX: Duration = Duration::from_secs(12 * 3600);

/// When shards are parked, and who wakes them.
#[derive(Clone)]
pub struct Parking {
    /// After this long without a record.
    pub after: Duration,
    /// Watches the log that the shards are on.
    pub watcher: Arc<Watcher>,
}

/// Watches the ends of partitions of parked shards.
pub struct Watcher {
    log: Arc<dyn Log>,
    parked: Mutex<HashMap<u64, Watched>>,
    next: AtomicU64,
}

struct Watched {
    topic: String,
    ends: Vec<(i32, i64)>,
    until: Instant,
    woken: Arc<AtomicBool>,
}

/// A parked shard. Dropping it ends the watch.
pub struct Parked {
    watcher: Arc<Watcher>,
    number: u64,
    woken: Arc<AtomicBool>,
    /// Its state is still here.
    held: Option<Held>,
}

impl Watcher {
    /// A watcher of this log, on a thread that ends with it.
    pub fn start(log: Arc<dyn Log>) -> std::io::Result<Arc<Self>> {
        let watcher = Arc::new(Self {
            log,
            parked: Mutex::default(),
            next: AtomicU64::new(0),
        });
        let weak = Arc::downgrade(&watcher);
        let named = std::thread::Builder::new().name("watcher".to_owned());
        named.spawn(move || Self::watch(&weak))?;
        Ok(watcher)
    }

    fn watch(weak: &Weak<Self>) {
        while let Some(watcher) = weak.upgrade() {
            watcher.look();
            drop(watcher);
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Park a shard whose positions these are.
    pub fn park(self: &Arc<Self>, topic: &str, ends: Vec<(i32, i64)>) -> Parked {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let woken = Arc::new(AtomicBool::new(false));
        let watched = Watched {
            topic: topic.to_owned(),
            ends,
            until: Instant::now() + PARKED_MAX,
            woken: woken.clone(),
        };
        self.lock().insert(number, watched);
        Parked {
            watcher: self.clone(),
            number,
            woken,
            held: None,
        }
    }

    /// Wake whose ends have moved. Brokers that don't answer wake nobody: there is nothing to be read from them. A refusal
    /// wakes all: they will say what is wrong.
    fn look(&self) {
        // Many jobs may read the same topic.
        let asked: BTreeSet<(String, i32)> = (self.lock().values())
            .flat_map(|shard| shard.ends.iter().map(|(p, _)| (shard.topic.clone(), *p)))
            .collect();
        if asked.is_empty() {
            return;
        }
        let partitions: Vec<(&str, i32)> = asked.iter().map(|(t, p)| (t.as_str(), *p)).collect();
        let ends = match self.log.ends(&partitions) {
            Ok(ends) => ends,
            Err(error) if error.kind == Kind::Halt => vec![None; partitions.len()],
            Err(_) => return,
        };
        let ends: HashMap<(&str, i32), Option<i64>> = partitions.into_iter().zip(ends).collect();
        let now = Instant::now();
        for shard in self.lock().values() {
            let moved = shard.ends.iter().any(|(partition, at)| {
                // One that was parked meanwhile is looked at next time; one that is gone has to be looked into.
                let end = ends.get(&(shard.topic.as_str(), *partition));
                end.is_some_and(|end| *end != Some(*at))
            });
            if moved || now >= shard.until {
                shard.woken.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Entries are inserted whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Watched>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parked {
    /// Its state goes on counting for its tenant.
    pub fn holds(&mut self, held: Held) {
        self.held = Some(held);
    }

    /// Whether it has to start.
    pub fn woken(&self) -> bool {
        self.woken.load(Ordering::Relaxed)
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.watcher.lock().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_core::batch::Batch;
    use sluicebox_core::embedded::EmbeddedLog;

    fn wakes(parked: &Parked) -> bool {
        let until = Instant::now() + Duration::from_secs(10);
        while !parked.woken() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        parked.woken()
    }

    fn record() -> Batch {
        let mut batch = Batch::default();
        batch.push(None, Some(b"value"), None, 1);
        batch
    }

    #[test]
    fn a_shard_wakes_when_one_of_its_partitions_moves_and_no_other_does() {
        let log = EmbeddedLog::new();
        for topic in ["a", "b"] {
            log.create_topic(topic, 2).expect(topic);
        }
        let watcher = Watcher::start(Arc::new(log.clone())).expect("a thread");
        let a = watcher.park("a", vec![(0, 0), (1, 0)]);
        let b = watcher.park("b", vec![(0, 0)]);
        log.produce_batch("a", 1, &record()).expect("appends");
        assert!(wakes(&a));
        assert!(!b.woken());
        drop(a);
        log.delete_topic("b").expect("deletes");
        assert!(wakes(&b), "a deleted topic has to be looked into");
    }

    #[test]
    fn what_came_before_the_parking_wakes_as_well() {
        let log = EmbeddedLog::new();
        log.create_topic("a", 1).expect("a");
        let watcher = Watcher::start(Arc::new(log.clone())).expect("a thread");
        log.produce_batch("a", 0, &record()).expect("appends");
        let parked = watcher.park("a", vec![(0, 0)]);
        assert!(wakes(&parked));
        let weak = Arc::downgrade(&watcher);
        drop((watcher, parked));
        let until = Instant::now() + Duration::from_secs(10);
        while weak.strong_count() > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(weak.strong_count(), 0, "the thread keeps it alive");
    }
}
