//! The commit of an epoch, in its one right order, and its siblings `init_transactions` and abort.

use crate::errors;
use crate::ffi::admin;
use crate::ffi::client::Client;
use crate::ffi::list::List;
use crate::ffi::{Code, Fault};
use crate::limits::{MISSING_PAUSE, MISSING_WAIT_MAX, TRANSACTION_WAIT_MAX};
use crate::sink;
use crate::transaction::{Trace, repeat};
use sluicebox_core::failpoint;
use sluicebox_core::log::{Error, Kind, Result, TopicId};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Everything that a commit needs, so that it can run on the producer's thread.
pub struct Commit {
    /// For the question about the topic.
    pub admin: Arc<Client>,
    /// Producer of outputs that leave outside of the transaction.
    pub outside: Option<Arc<Client>>,
    /// Source topic.
    pub source: String,
    /// The identity it must still have.
    pub id: TopicId,
    /// Group that the positions are committed to.
    pub group: String,
    /// The positions.
    pub positions: List,
    /// Longest time in all.
    pub wait: Duration,
}

/// How long a commit may take: the brokers abort the transaction at its time-out anyway.
pub fn wait_max(transaction_timeout_ms: u64) -> Duration {
    TRANSACTION_WAIT_MAX.min(Duration::from_millis(transaction_timeout_ms))
}

impl Commit {
    /// Wait for all acknowledgements while the topic's identity is asked for; then add the positions and commit.
    pub fn run(self, client: &Client, trace: &mut Trace) -> Result<()> {
        let until = Instant::now() + self.wait;
        let question = admin::describe_topics(&self.admin, &[&self.source], self.wait);
        for producer in self.outside.as_deref().into_iter().chain([client]) {
            drain(producer, until)?;
        }
        failpoint::reach("after-flush");
        let left = until.saturating_duration_since(Instant::now());
        self.check_source(question.topics(left))
            .or_else(|error| self.ask_again(error, until))?;
        repeat(until, trace, |wait| {
            client.send_offsets(&self.positions, &self.group, wait)
        })
        .map_err(|fault| {
            let what = format!("send_offsets_to_transaction to group {}", self.group);
            failed(&what, &fault, client)
        })?;
        failpoint::reach("after-offsets");
        repeat(until, trace, |wait| client.commit_transaction(wait))
            .map_err(|fault| failed("commit_transaction", &fault, client))
    }

    /// One broker's word that the topic is gone isn't enough to halt a job.
    fn ask_again(&self, mut error: Error, until: Instant) -> Result<()> {
        let until = until.min(Instant::now() + MISSING_WAIT_MAX);
        while error.kind == Kind::Halt && Instant::now() < until {
            std::thread::sleep(MISSING_PAUSE);
            let wait = MISSING_WAIT_MAX;
            let question = admin::describe_topics(&self.admin, &[&self.source], wait);
            match self.check_source(question.topics(wait)) {
                Ok(()) => return Ok(()),
                Err(again) => error = again,
            }
        }
        Err(error)
    }

    fn check_source(
        &self,
        answer: std::result::Result<Vec<admin::Described>, Fault>,
    ) -> Result<()> {
        let source = &self.source;
        let what = format!("identity of topic {source}");
        let described = answer.map_err(|fault| abortable(&what, &fault, &self.admin))?;
        let topic = described.first().ok_or_else(|| {
            Error::new(
                Kind::Abortable,
                format!("{what}: the brokers' answer was empty"),
            )
        })?;
        match topic.code {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR if topic.id == self.id => Ok(()),
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => Err(Error::halt(format!(
                "topic {source} was deleted and created again: the job's positions mean nothing in the new one; start \
                 the job under a new name"
            ))),
            Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART => Err(Error::halt(format!(
                "topic {source} was deleted; create it and start the job under a new name, or remove the job"
            ))),
            code => Err(abortable(&what, &Fault::of(code), &self.admin)),
        }
    }
}

/// Wait until everything sent is acknowledged. One that failed loses the transaction.
fn drain(producer: &Client, until: Instant) -> Result<()> {
    /// A lost transaction is noticed at least this often.
    const STEP: Duration = Duration::from_millis(500);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let drained = producer.flush(STEP.min(left));
        if let Some(fatal) = producer.fatal() {
            return Err(errors::error("flush", &fatal, producer));
        }
        if let Some(error) = sink::undelivered(producer, "flush") {
            return Err(error);
        }
        if drained {
            return Ok(());
        }
        if left.is_zero() {
            let fault = Fault::new(
                Code::RD_KAFKA_RESP_ERR__TIMED_OUT,
                "some records were not acknowledged in time",
            );
            return Err(abortable("flush", &fault, producer));
        }
    }
}

/// Before the positions are sent a fault costs no more than this transaction.
fn abortable(what: &str, fault: &Fault, client: &Client) -> Error {
    let error = errors::error(what, fault, client);
    match error.kind {
        Kind::Retriable => Error::new(Kind::Abortable, error.message),
        _ => error,
    }
}

/// A commit that ran out of time may or may not have happened: only a new producer can tell.
fn failed(what: &str, fault: &Fault, client: &Client) -> Error {
    if let Some(error) = sink::undelivered(client, what) {
        return error;
    }
    let error = errors::error(what, fault, client);
    match error.kind {
        Kind::Retriable => Error::new(Kind::Fenced, error.message),
        _ => error,
    }
}

/// Get a producer epoch; an older owner's transaction may have to end first.
pub fn init(client: &Client, trace: &mut Trace) -> Result<()> {
    // A late copy of this request can only fence ourselves.
    trace.harmless = true;
    const STEP: Duration = Duration::from_secs(3);
    const PAUSE: Duration = Duration::from_millis(20);
    let until = Instant::now() + TRANSACTION_WAIT_MAX;
    // With no connection up yet, librdkafka would look for the coordinator again only after half a second.
    let _ = client.brokers(STEP);
    loop {
        let fault = match client.init_transactions(STEP) {
            Ok(()) => return Ok(()),
            Err(fault) => fault,
        };
        let busy = fault.code == Code::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS;
        let again = !fault.fatal && (busy || fault.retriable || errors::is_passing(fault.code));
        if client.health().refused().is_some() || !again || Instant::now() >= until {
            return Err(errors::error("init_transactions", &fault, client));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Abort the open transaction.
pub fn abort(client: &Client, trace: &mut Trace, wait: Duration) -> Result<()> {
    let until = Instant::now() + wait;
    repeat(until, trace, |wait| client.abort_transaction(wait)).map_err(|fault| {
        let error = errors::error("abort_transaction", &fault, client);
        match error.kind {
            // An abort that can't be made leaves only a new producer.
            Kind::Retriable | Kind::Abortable => Error::new(Kind::Fenced, error.message),
            _ => error,
        }
    })
}
