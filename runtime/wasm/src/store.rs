//! What the host keeps for one instance: its log, its memory quota and the clock of its current call. One store holds
//! one instance; dropping it gives everything back.

use crate::limits::Limits;
use crate::log::{Level, LogSink, Rate, Verdict};
use crate::sys::thread_cpu_time;
use crate::text::clean;
use std::time::{Duration, Instant};
use wasmtime::component::{Linker, WasmStr};
use wasmtime::{Engine, ResourceLimiter, Store, StoreContextMut, UpdateDeadline};

/// Most handles of resources: the contract has none, so a guest that makes some does it for itself.
const HANDLES_MAX: usize = 1_000;

/// One store's data.
pub(crate) struct State {
    log: LogSink,
    rate: Rate,
    line_bytes_max: usize,
    quota: Quota,
    deadline: Deadline,
    last_error: Option<String>,
}

/// A call used more CPU time than it may.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("used more than {0} ms of CPU time in one call")]
pub(crate) struct DeadlinePassed(u64);

/// A store for one instance. `cpu_ms_max` bounds each call.
pub(crate) fn new(engine: &Engine, limits: &Limits, log: LogSink, cpu_ms_max: u64) -> Store<State> {
    let state = State {
        log,
        rate: Rate::new(limits.log_lines_per_second_max, Instant::now()),
        line_bytes_max: limits.log_line_bytes_max,
        quota: Quota {
            memory_bytes: 0,
            memory_bytes_max: limits.memory_bytes_max,
            table_elements_max: limits.table_elements_max,
        },
        deadline: Deadline {
            cpu_ms_max,
            first_tick_at: None,
        },
        last_error: None,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.quota);
    store.set_hostcall_fuel(limits.output_bytes_max);
    store.set_max_component_handles(HANDLES_MAX);
    store.epoch_deadline_callback(|mut store| {
        let deadline = &mut store.data_mut().deadline;
        Ok(deadline
            .tick(thread_cpu_time())
            .map(|()| UpdateDeadline::Continue(1))?)
    });
    store
}

/// Memory that the instance has grown to, in bytes.
pub(crate) fn memory_bytes(store: &Store<State>) -> usize {
    store.data().quota.memory_bytes
}

/// Forget the previous call: the clock and what it logged.
pub(crate) fn begin_call(store: &mut Store<State>) {
    store.set_epoch_deadline(1);
    let state = store.data_mut();
    state.deadline.first_tick_at = None;
    state.last_error = None;
}

impl State {
    /// The last line that this call logged as an error: a panic's message, if the SDK logs it.
    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    fn line(&mut self, level: Level, line: String) {
        match self.rate.admit(Instant::now()) {
            Verdict::Drop => {}
            Verdict::Pass => (self.log)(level, &line),
            Verdict::PassAfter(dropped) => {
                (self.log)(
                    Level::Warn,
                    &format!("{dropped} lines dropped: over the rate limit"),
                );
                (self.log)(level, &line);
            }
        }
        if level == Level::Error {
            self.last_error = Some(line);
        }
    }
}

/// Define the imports that modules get: `log`.
pub(crate) fn define_imports(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance("sluicebox:udf/log@0.1.0")?.func_wrap(
        "log",
        |mut store: StoreContextMut<'_, State>, (level, message): (Level, WasmStr)| {
            let line = clean(&message.to_str(&store)?, store.data().line_bytes_max);
            store.data_mut().line(level, line);
            Ok(())
        },
    )
}

/// CPU time of the current call, measured from its first tick on: a call that is over sooner costs no system call,
/// and the limit is exact to one tick.
struct Deadline {
    cpu_ms_max: u64,
    first_tick_at: Option<Duration>,
}

impl Deadline {
    fn tick(&mut self, now: Duration) -> Result<(), DeadlinePassed> {
        let since = *self.first_tick_at.get_or_insert(now);
        if now.saturating_sub(since) > Duration::from_millis(self.cpu_ms_max) {
            return Err(DeadlinePassed(self.cpu_ms_max));
        }
        Ok(())
    }
}

/// Memory of all memories of the instance together; the engine alone would count each for itself.
struct Quota {
    memory_bytes: usize,
    memory_bytes_max: usize,
    table_elements_max: usize,
}

impl ResourceLimiter for Quota {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory_bytes - current.min(self.memory_bytes) + desired;
        if total > self.memory_bytes_max {
            return Ok(false);
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= self.table_elements_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_over_all_memories() {
        let mut quota = Quota {
            memory_bytes: 0,
            memory_bytes_max: 100,
            table_elements_max: 10,
        };
        let mut grow = |from, to| quota.memory_growing(from, to, None).unwrap();
        assert!(grow(0, 60));
        assert!(!grow(0, 50), "a second memory shares the quota");
        assert!(grow(0, 40));
        assert!(!grow(60, 61));
    }

    #[test]
    fn a_deadline_counts_from_its_first_tick() {
        let mut deadline = Deadline {
            cpu_ms_max: 100,
            first_tick_at: None,
        };
        let at = |ms: u64| Duration::from_millis(5_000 + ms);
        assert!(deadline.tick(at(0)).is_ok());
        assert!(deadline.tick(at(100)).is_ok());
        assert!(deadline.tick(at(101)).is_err());
    }
}
