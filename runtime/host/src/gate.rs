//! How many jobs and shards of one cluster start at the same time. A thousand that start together would wait for answers
//! longer than any of them may, and fail; let in a few at a time, all of them have started sooner.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// More would only wait for the same brokers and processors.
const AT_ONCE: usize = 16;
/// How often one that waits looks whether it should stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Lets a few in at a time.
pub struct Gate {
    free: Mutex<usize>,
    left: Condvar,
}

/// Leaves when it is dropped.
pub struct Pass<'a>(&'a Gate);

impl Default for Gate {
    fn default() -> Self {
        Self {
            free: Mutex::new(AT_ONCE),
            left: Condvar::new(),
        }
    }
}

impl Gate {
    /// Wait to be let in. `None` when `stop` is set before that.
    pub fn enter(&self, stop: &AtomicBool) -> Option<Pass<'_>> {
        let mut free = self.lock();
        while *free == 0 {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            let waited = self.left.wait_timeout(free, LOOK_EVERY);
            (free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Some(Pass(self))
    }

    /// A count is changed whole.
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        *self.0.lock() += 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_there_is_room_for_are_let_in() {
        let (gate, stop) = (Gate::default(), AtomicBool::new(true));
        let mut inside: Vec<Pass> = (0..AT_ONCE).filter_map(|_| gate.enter(&stop)).collect();
        assert_eq!(inside.len(), AT_ONCE);
        assert!(gate.enter(&stop).is_none(), "and no more");
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| gate.enter(&AtomicBool::new(false)).is_some());
            inside.pop();
            assert!(waits.join().expect("ends"));
        });
        assert!(gate.enter(&stop).is_some(), "it left");
    }
}
