//! Starts and stops shards as the membership says, and starts one again that lost its connection, after making sure
//! that it is still ours.

use crate::deployment::Slot;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::job::Job;
use crate::parking::Parked;
use crate::shard::{Outcome, Task};
use sluicebox_core::log::{MemberEvent, Membership, Waker};
use sluicebox_core::shard::Progress;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// First and longest wait before a shard is started again.
const RESTART_WAIT_MIN: Duration = Duration::from_millis(100);
const RESTART_WAIT_MAX: Duration = Duration::from_secs(30);
/// A shard that ran this long starts again with the shortest wait.
const RAN_WELL: Duration = Duration::from_secs(60);

/// Makes the task of a shard that runs the present version of the job; the last argument says that it was parked and woken.
pub type MakeTask<'a> = dyn Fn(i32, Arc<AtomicBool>, bool) -> Task + 'a;

struct Running {
    thread: JoinHandle<Outcome>,
    /// It has nothing left to do.
    done: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    since: Instant,
    /// To be reported as released once it has stopped.
    revoked: bool,
}

/// Says that a thread has nothing left to do, also when it panics.
struct Done {
    done: Arc<AtomicBool>,
    waker: Waker,
}

impl Drop for Done {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
        (self.waker)();
    }
}

/// All shards of one job on this host.
pub struct Supervisor<'a> {
    make: &'a MakeTask<'a>,
    slot: &'a Slot,
    observer: Arc<dyn Observer>,
    /// Ends the wait for the membership.
    waker: Waker,
    /// How long such a wait lasts at most.
    look_every: Duration,
    owned: BTreeSet<i32>,
    running: BTreeMap<i32, Running>,
    /// When to start shards again, and how long they waited.
    waiting: BTreeMap<i32, (Instant, Duration)>,
    /// Shards that wait for records, with the version they ran.
    parked: BTreeMap<i32, (Parked, Arc<Job>)>,
    /// Shards whose input has ended.
    ended: BTreeSet<i32>,
    last: BTreeMap<i32, Progress>,
    /// Revoked while they did not run; to be reported.
    released: Vec<i32>,
    halted: Option<Error>,
}

impl<'a> Supervisor<'a> {
    /// Nothing runs yet.
    pub fn new(
        make: &'a MakeTask<'a>,
        slot: &'a Slot,
        observer: Arc<dyn Observer>,
        waker: Waker,
        look_every: Duration,
    ) -> Self {
        Self {
            make,
            slot,
            observer,
            waker,
            look_every,
            owned: BTreeSet::new(),
            running: BTreeMap::new(),
            waiting: BTreeMap::new(),
            parked: BTreeMap::new(),
            ended: BTreeSet::new(),
            last: BTreeMap::new(),
            released: Vec::new(),
            halted: None,
        }
    }

    /// Run until `stop`, until a shard halts, or until the input of all `shards` has ended. Answers where each shard of
    /// this host was, and whether the input has ended.
    pub fn run(
        mut self,
        mut membership: Box<dyn Membership>,
        shards: i32,
        stop: &AtomicBool,
    ) -> Result<(BTreeMap<i32, Progress>, bool)> {
        let result = loop {
            match membership.poll(self.wait()) {
                Ok(events) => events.into_iter().for_each(|event| self.membership(event)),
                Err(error) => {
                    self.halted.get_or_insert(error.into());
                }
            }
            let released = self.reap();
            if !released.is_empty() {
                membership.released(&released);
            }
            self.wake();
            self.restart_due();
            if let Some(error) = self.halted.take() {
                break Err(error);
            }
            if self.ended.len() == shards as usize {
                break Ok(true);
            }
            if stop.load(Ordering::Relaxed) {
                break Ok(false);
            }
        };
        self.stop_all(membership.as_mut());
        // Leaving late only delays whoever takes over; what happened matters more.
        let left = membership.leave();
        let ended = result?;
        if let Some(error) = self.halted {
            return Err(error);
        }
        left?;
        Ok((self.last, ended))
    }

    fn membership(&mut self, event: MemberEvent) {
        match event {
            MemberEvent::Assigned(shards) => {
                for shard in shards {
                    self.owned.insert(shard);
                    if !self.running.contains_key(&shard) && !self.parked.contains_key(&shard) {
                        self.waiting
                            .insert(shard, (Instant::now(), RESTART_WAIT_MIN));
                    }
                }
            }
            MemberEvent::Revoked(shards) => self.give_up(&shards, true),
            MemberEvent::Lost(shards) => self.give_up(&shards, false),
        }
    }

    fn give_up(&mut self, shards: &[i32], revoked: bool) {
        for shard in shards {
            self.owned.remove(shard);
            self.waiting.remove(shard);
            self.ended.remove(shard);
            if self.parked.remove(shard).is_some() {
                self.observer.event(Event::Stopped { shard: *shard });
            }
            match self.running.get_mut(shard) {
                Some(running) => {
                    running.stop.store(true, Ordering::Relaxed);
                    running.revoked = revoked;
                }
                // Parked, or waiting to start again: nothing has to stop first.
                None if revoked => self.released.push(*shard),
                None => {}
            }
        }
    }

    fn start(&mut self, shard: i32, woken: bool) {
        let stop = Arc::new(AtomicBool::new(false));
        let task = (self.make)(shard, stop.clone(), woken);
        let done = Arc::new(AtomicBool::new(false));
        let guard = Done {
            done: done.clone(),
            waker: self.waker.clone(),
        };
        let named = std::thread::Builder::new().name(format!("shard-{shard}"));
        match named.spawn(move || {
            let _guard = guard;
            task.run()
        }) {
            Ok(thread) => {
                let running = Running {
                    thread,
                    done,
                    stop,
                    since: Instant::now(),
                    revoked: false,
                };
                self.running.insert(shard, running);
            }
            Err(error) => {
                self.halted = Some(Error::failed(format!(
                    "can't start a thread for shard {shard}: {error}"
                )))
            }
        }
    }

    /// Take in the shards that have ended by themselves. Answers those that were revoked.
    fn reap(&mut self) -> Vec<i32> {
        let done: Vec<i32> = self
            .running
            .iter()
            .filter(|(_, r)| r.done.load(Ordering::Acquire))
            .map(|(shard, _)| *shard)
            .collect();
        let mut released = std::mem::take(&mut self.released);
        for shard in done {
            let Some(Running {
                thread,
                since,
                revoked,
                ..
            }) = self.running.remove(&shard)
            else {
                continue;
            };
            let outcome = thread.join().unwrap_or_else(|_| {
                Outcome::Halted(Error::failed(format!(
                    "shard {shard} panicked: this is a bug in sluicebox, please report it"
                )))
            });
            self.take_in(shard, outcome, since);
            if revoked {
                released.push(shard);
            }
        }
        released
    }

    fn take_in(&mut self, shard: i32, outcome: Outcome, since: Instant) {
        match outcome {
            Outcome::Stopped(progress) => {
                self.last.extend(progress.map(|progress| (shard, progress)));
                self.observer.event(Event::Stopped { shard });
                // It was given up and then assigned again before it had stopped, or a new version needs another connection.
                if self.owned.contains(&shard) {
                    self.waiting
                        .insert(shard, (Instant::now(), RESTART_WAIT_MIN));
                }
            }
            Outcome::Ended(progress) => {
                self.last.insert(shard, progress);
                self.waiting.remove(&shard);
                self.ended.insert(shard);
                self.observer.event(Event::Stopped { shard });
            }
            // Given up meanwhile: nothing is left to be released.
            Outcome::Parked(..) if !self.owned.contains(&shard) => {
                self.observer.event(Event::Stopped { shard });
            }
            Outcome::Parked(parked, job) => {
                self.waiting.remove(&shard);
                parked.tells(&self.waker);
                self.parked.insert(shard, (parked, job));
                self.observer.event(Event::Parked { shard });
            }
            Outcome::Restart(why) if self.owned.contains(&shard) => {
                let before = self
                    .waiting
                    .remove(&shard)
                    .map_or(RESTART_WAIT_MIN, |(_, wait)| wait);
                let wait = if since.elapsed() > RAN_WELL {
                    RESTART_WAIT_MIN
                } else {
                    (before * 2).min(RESTART_WAIT_MAX)
                };
                self.observer.event(Event::Restarting {
                    shard,
                    why: &why,
                    wait_ms: wait.as_millis() as u64,
                });
                self.waiting.insert(shard, (Instant::now() + wait, wait));
            }
            Outcome::Restart(_) => self.observer.event(Event::Stopped { shard }),
            Outcome::Halted(error) => {
                self.halted.get_or_insert(error);
            }
        }
    }

    /// Start what has waited long enough and is ours as of the membership's last word.
    fn restart_due(&mut self) {
        let now = Instant::now();
        let due: Vec<i32> = self
            .waiting
            .iter()
            .filter(|(shard, (at, _))| {
                *at <= now && self.owned.contains(shard) && !self.running.contains_key(shard)
            })
            .map(|(shard, _)| *shard)
            .collect();
        for shard in due {
            self.start(shard, false);
        }
    }

    /// Start parked shards that have something to do: records, or a new version to switch to.
    fn wake(&mut self) {
        let job = self.slot.job();
        let parked = self.parked.iter();
        let due = parked.filter(|(_, (parked, ran))| parked.woken() || !Arc::ptr_eq(ran, &job));
        let due: Vec<i32> = due.map(|(shard, _)| *shard).collect();
        for shard in due {
            self.parked.remove(&shard);
            self.start(shard, true);
        }
    }

    /// How long there is nothing to do, unless somebody wakes us.
    fn wait(&self) -> Duration {
        // Those that still run end their threads first.
        let waiting = self
            .waiting
            .iter()
            .filter(|(shard, _)| self.owned.contains(shard) && !self.running.contains_key(shard));
        let due = waiting.map(|(_, (at, _))| at.saturating_duration_since(Instant::now()));
        due.min()
            .map_or(self.look_every, |due| due.min(self.look_every))
    }

    /// End the epochs and the threads. The membership is kept alive meanwhile, so that nobody takes over too early.
    fn stop_all(&mut self, membership: &mut dyn Membership) {
        self.owned.clear();
        self.waiting.clear();
        self.parked.clear();
        self.running
            .values()
            .for_each(|running| running.stop.store(true, Ordering::Relaxed));
        while !self.running.is_empty() {
            // Errors don't matter any more: we are leaving.
            let _ = membership.poll(self.look_every);
            self.reap();
        }
    }
}
