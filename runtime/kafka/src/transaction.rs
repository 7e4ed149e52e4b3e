//! Transactional calls under a watchdog.
//!
//! Some of librdkafka's transactional calls can ignore their time-out (librdkafka#5456). So a producer's calls run on a
//! thread of its own; where one doesn't come back in time, the caller is told that the producer is lost, and thread and
//! producer are left behind until the call returns, if ever. [`quarantined`] counts them: a process with many should be
//! started anew.

use crate::errors;
use crate::ffi::Fault;
use crate::ffi::client::{Client, Role, Settings};
use crate::limits::{SLOW_AFTER, STUCK_AFTER};
use sluicebox_core::log::{Error, Kind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

type Job = Box<dyn FnOnce(&Client) + Send>;

static QUARANTINED: AtomicUsize = AtomicUsize::new(0);

/// Producers of this process that are stuck in a call and were left behind.
pub fn quarantined() -> usize {
    QUARANTINED.load(Ordering::Acquire)
}

/// A transactional producer.
pub struct Transactional {
    client: Arc<Client>,
    jobs: mpsc::Sender<Job>,
    slow_after: Duration,
    stuck_after: Duration,
    lost: bool,
    tainted: bool,
}

/// What a finished piece of transactional work says about the connection.
#[derive(Clone, Copy, Debug)]
pub struct Trace {
    /// A call that takes longer is slow.
    slow_after: Duration,
    /// A call was slow or repeated.
    slow: bool,
    /// A late copy of its requests can't end a transaction.
    pub harmless: bool,
}

/// Who noticed first: the work its end, or the caller that it takes too long.
const RUNNING: u8 = 0;
const DONE: u8 = 1;
const LEFT_BEHIND: u8 = 2;

impl Transactional {
    /// Make the producer and its thread; talks to nobody yet.
    pub fn new(settings: &Settings, timeout_ms: u64) -> Result<Transactional> {
        let client = Client::new(Role::Producer, settings)
            .map_err(|fault| Error::halt(format!("Kafka producer: {}", fault.text)))?;
        let client = Arc::new(client);
        let (jobs, todo) = mpsc::channel::<Job>();
        let own = client.clone();
        std::thread::Builder::new()
            .name("transactions".into())
            .spawn(move || {
                while let Ok(job) = todo.recv() {
                    job(&own);
                }
            })
            .map_err(|e| Error::new(Kind::Retriable, format!("no thread for transactions: {e}")))?;
        Ok(Transactional {
            client,
            jobs,
            slow_after: SLOW_AFTER.min(Duration::from_millis(timeout_ms / 4)),
            stuck_after: STUCK_AFTER,
            lost: false,
            tainted: false,
        })
    }

    /// The producer.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// True once a call was slow, repeated or overlapped a lost connection: this producer may open no other
    /// transaction, for a late request of this one could end the next.
    pub fn tainted(&self) -> bool {
        self.tainted
    }

    /// Run transactional work on the producer's thread, notice if it gets stuck, and note whether it taints.
    pub fn run<R: Send + 'static>(
        &mut self,
        what: &str,
        work: impl FnOnce(&Client, &mut Trace) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        if self.lost {
            return Err(lost(what));
        }
        let (answer, answered) = mpsc::channel();
        let state = Arc::new(AtomicU8::new(RUNNING));
        let work_state = state.clone();
        let before = self.client.health().disconnects();
        let slow_after = self.slow_after;
        let job: Job = Box::new(move |client| {
            let mut trace = Trace {
                slow_after,
                slow: false,
                harmless: false,
            };
            let result = work(client, &mut trace);
            // Without a receiver nobody waits any more.
            let _ = answer.send((result, trace));
            if work_state.swap(DONE, Ordering::AcqRel) == LEFT_BEHIND {
                QUARANTINED.fetch_sub(1, Ordering::AcqRel);
            }
        });
        if self.jobs.send(job).is_err() {
            return Err(lost(what));
        }
        match answered.recv_timeout(self.stuck_after) {
            Ok((result, trace)) => {
                let cut_off = self.client.health().disconnects() != before;
                self.tainted |= !trace.harmless && (trace.slow || cut_off);
                result
            }
            Err(_) => {
                self.lost = true;
                self.tainted = true;
                QUARANTINED.fetch_add(1, Ordering::AcqRel);
                if state.swap(LEFT_BEHIND, Ordering::AcqRel) == DONE {
                    QUARANTINED.fetch_sub(1, Ordering::AcqRel);
                }
                Err(lost(what))
            }
        }
    }

    /// Open a transaction.
    pub fn begin(&mut self) -> Result<()> {
        if self.lost || self.tainted {
            return Err(lost("begin_transaction"));
        }
        self.client.health().clear_failed();
        self.client
            .begin_transaction()
            .map_err(|fault| errors::error("begin_transaction", &fault, &self.client))
    }
}

fn lost(what: &str) -> Error {
    Error::new(
        Kind::Fenced,
        format!(
            "{what}: this producer was stuck, slow or cut off; a new one must take over from the last commit"
        ),
    )
}

/// Make a call again while it says that it may be, until `until`. A slow or repeated call taints.
pub fn repeat(
    until: Instant,
    trace: &mut Trace,
    mut call: impl FnMut(Duration) -> std::result::Result<(), Fault>,
) -> std::result::Result<(), Fault> {
    const PAUSE: Duration = Duration::from_millis(20);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let started = Instant::now();
        let result = call(left.max(Duration::from_millis(100)));
        trace.slow |= started.elapsed() > trace.slow_after;
        let Err(fault) = result else {
            return Ok(());
        };
        let again = fault.retriable && !fault.fatal && !fault.abort;
        if !again || Instant::now() + PAUSE >= until {
            return Err(fault);
        }
        trace.slow = true;
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A producer that never reaches a broker.
    fn alone() -> Transactional {
        let settings = [
            ("bootstrap.servers", "127.0.0.1:1"),
            ("transactional.id", "t"),
        ];
        let own = |(key, value): (&str, &str)| (key.to_string(), value.to_string());
        let settings = Settings {
            properties: settings.into_iter().map(own).collect(),
            ..Settings::default()
        };
        Transactional::new(&settings, 60_000).expect("a producer")
    }

    fn kind<T>(result: Result<T>) -> Option<Kind> {
        result.err().map(|error| error.kind)
    }

    #[test]
    fn a_stuck_call_is_left_behind_and_counted_until_it_returns() {
        let mut producer = alone();
        producer.stuck_after = Duration::from_millis(50);
        let (release, released) = mpsc::channel::<()>();
        let stuck = producer.run("commit", move |_, _| {
            let _ = released.recv();
            Ok(())
        });
        assert_eq!(kind(stuck), Some(Kind::Fenced));
        assert_eq!(quarantined(), 1);
        assert_eq!(
            kind(producer.run("abort", |_, _| Ok(()))),
            Some(Kind::Fenced)
        );
        assert_eq!(kind(producer.begin()), Some(Kind::Fenced));
        drop(producer);
        drop(release);
        let until = Instant::now() + Duration::from_secs(10);
        while quarantined() > 0 {
            assert!(Instant::now() < until, "the call has returned");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_slow_or_repeated_call_taints_and_a_tainted_producer_begins_nothing() {
        let until = Instant::now() + Duration::from_secs(10);
        let mut producer = alone();
        let fine = producer.run("commit", move |_, trace| {
            repeat(until, trace, |_| Ok(())).map_err(|_| Error::halt("none"))
        });
        assert_eq!((fine, producer.tainted()), (Ok(()), false));
        let mut first = true;
        let twice = producer.run("commit", move |_, trace| {
            let call = |_| match std::mem::take(&mut first) {
                true => Err(Fault {
                    retriable: true,
                    ..Fault::of(crate::ffi::Code::RD_KAFKA_RESP_ERR__TIMED_OUT)
                }),
                false => Ok(()),
            };
            repeat(until, trace, call).map_err(|_| Error::halt("none"))
        });
        assert_eq!((twice, producer.tainted()), (Ok(()), true));
        assert_eq!(kind(producer.begin()), Some(Kind::Fenced));

        let mut producer = alone();
        producer.slow_after = Duration::from_millis(1);
        let slow = producer.run("commit", move |_, trace| {
            let call = |_| {
                std::thread::sleep(Duration::from_millis(5));
                Ok(())
            };
            repeat(until, trace, call).map_err(|_| Error::halt("none"))
        });
        assert_eq!((slow, producer.tainted()), (Ok(()), true));
    }
}
