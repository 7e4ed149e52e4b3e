//! The one lock of an embedded log, and waiting for what another connection does.

use super::broker::State;
use super::faults::{Call, Verdict};
use crate::log::Result;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // A test thread that panicked while it held the lock must not take the others with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, once the faults that tests asked for at this point are over.
    pub fn enter(&self, call: Call, by: &str) -> Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        match state.faults.hit(call, by) {
            Verdict::Proceed => Ok(state),
            Verdict::Fail(error) => Err(error),
            Verdict::Stall(stall) => {
                self.notify(&state);
                Ok(self.wait(state, None, |state| state.faults.stalled(stall)))
            }
        }
    }

    /// Wait while `idle` holds, at most `wait` (`None` = without end).
    pub fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        wait: Option<Duration>,
        mut idle: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        if wait == Some(Duration::ZERO) || !idle(&mut state) {
            return state;
        }
        state.waiting += 1;
        let mut state = match wait {
            Some(wait) => {
                self.changed
                    .wait_timeout_while(state, wait, idle)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
            None => self
                .changed
                .wait_while(state, |state| idle(state))
                .unwrap_or_else(PoisonError::into_inner),
        };
        state.waiting -= 1;
        state
    }

    /// Something changed that a waiting call may wait for.
    pub fn notify(&self, state: &State) {
        // Waking nobody still costs a system call.
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }
}
