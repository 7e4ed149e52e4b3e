//! Faults on command: tests make the n-th call of a kind fail, wait, or succeed with a taint, and so reach states that a
//! healthy log in memory would never show.

use super::EmbeddedLog;
use crate::log::Error;
use std::collections::BTreeSet;
use std::time::Duration;

/// Calls that faults can be put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `init_transactions`, before it fences.
    Init,
    /// `begin`.
    Begin,
    /// `send`, before the record is appended.
    Send,
    /// `append_changelog`, before the record is appended.
    Append,
    /// `commit`, before anything is committed: a failure leaves the transaction open.
    CommitBefore,
    /// `commit`, after all is committed: a failure is an answer that got lost.
    CommitAfter,
    /// `abort`, before it aborts.
    Abort,
    /// `poll`.
    Poll,
    /// `read_changelog`, before the first record.
    ReadChangelog,
}

/// Which call a fault waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    call: Call,
    nth: u64,
    by: Option<String>,
}

impl At {
    /// The n-th such call from now on, by anyone; 1 is the next.
    pub fn nth(call: Call, nth: u64) -> Self {
        Self {
            call,
            nth: nth.max(1),
            by: None,
        }
    }

    /// The next such call.
    pub fn next(call: Call) -> Self {
        Self::nth(call, 1)
    }

    /// Count only calls of connections with this transactional id.
    pub fn by(mut self, transactional_id: &str) -> Self {
        self.by = Some(transactional_id.to_owned());
        self
    }
}

enum Action {
    Fail(Error),
    Stall(u64),
    Taint,
}

/// What a call does now.
pub(super) enum Verdict {
    Proceed,
    Fail(Error),
    /// Wait until this stall is released.
    Stall(u64),
}

#[derive(Default)]
pub(super) struct Faults {
    rules: Vec<(At, Action)>,
    stalls: u64,
    /// Stalls not released yet, and those that a call has reached.
    held: BTreeSet<u64>,
    reached: BTreeSet<u64>,
    tainted: BTreeSet<String>,
}

impl Faults {
    /// Count this call; at most one rule fires for it.
    pub fn hit(&mut self, call: Call, by: &str) -> Verdict {
        let mut fires = None;
        for (i, (at, _)) in self.rules.iter_mut().enumerate() {
            if at.call == call && at.by.as_ref().is_none_or(|id| id == by) {
                at.nth = at.nth.saturating_sub(1);
                if at.nth == 0 && fires.is_none() {
                    fires = Some(i);
                }
            }
        }
        match fires.map(|i| self.rules.remove(i).1) {
            None => Verdict::Proceed,
            Some(Action::Fail(error)) => Verdict::Fail(error),
            Some(Action::Taint) => {
                self.tainted.insert(by.to_owned());
                Verdict::Proceed
            }
            Some(Action::Stall(stall)) => {
                self.reached.insert(stall);
                Verdict::Stall(stall)
            }
        }
    }

    pub fn stalled(&self, stall: u64) -> bool {
        self.held.contains(&stall)
    }

    /// Whether this producer's transactional calls were tainted since the last question.
    pub fn take_taint(&mut self, by: &str) -> bool {
        self.tainted.remove(by)
    }
}

/// Controls for tests.
impl EmbeddedLog {
    /// Make a call fail with this error.
    pub fn fail(&self, at: At, error: Error) {
        self.rule(at, Action::Fail(error));
    }

    /// Let a transactional call succeed, and the commit of its transaction report that something was slow.
    pub fn taint(&self, at: At) {
        self.rule(at, Action::Taint);
    }

    /// Make a call wait until the answer is released (or dropped).
    #[must_use = "dropping it releases the call"]
    pub fn stall(&self, at: At) -> Stall {
        let mut state = self.shared.lock();
        state.faults.stalls += 1;
        let id = state.faults.stalls;
        state.faults.held.insert(id);
        drop(state);
        self.rule(at, Action::Stall(id));
        Stall {
            log: self.clone(),
            id,
        }
    }

    /// Forget the faults that have not fired; stalled calls stay stalled.
    pub fn heal(&self) {
        self.shared.lock().faults.rules.clear();
    }

    fn rule(&self, at: At, action: Action) {
        self.shared.lock().faults.rules.push((at, action));
    }
}

/// A call made to wait.
pub struct Stall {
    log: EmbeddedLog,
    id: u64,
}

impl Stall {
    /// Wait until a call has come to the stall, at most `wait`; whether one has.
    pub fn reached(&self, wait: Duration) -> bool {
        let shared = &self.log.shared;
        let idle = |state: &mut super::broker::State| !state.faults.reached.contains(&self.id);
        let state = shared.wait(shared.lock(), Some(wait), idle);
        state.faults.reached.contains(&self.id)
    }

    /// Let the call go on.
    pub fn release(self) {}
}

impl Drop for Stall {
    fn drop(&mut self) {
        let mut state = self.log.shared.lock();
        state.faults.held.remove(&self.id);
        self.log.shared.notify(&state);
    }
}
