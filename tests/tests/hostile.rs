//! Hostile modules against the sandbox: whatever a guest does, the host neither panics nor hangs, others are
//! unharmed, and the next call works on a fresh instance. The guests are in `tests/guests`.

#![expect(clippy::unwrap_used, reason = "in helpers of tests, too")]

#[path = "hostile/answers.rs"]
mod answers;
#[path = "hostile/formats.rs"]
mod formats;
#[path = "hostile/fuzz.rs"]
mod fuzz;
#[path = "hostile/limits.rs"]
mod limits;
#[path = "hostile/start.rs"]
mod start;
#[path = "hostile/traps.rs"]
mod traps;

use sluicebox_core::batch::Batch;
use sluicebox_core::udf::{CallError, Udf};
use sluicebox_wasm::{Kind, Limits, LogSink, Module, Sandbox, Settings};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

/// Short, so that the tests are; long enough for a slow machine to do an honest call.
const CALL_CPU_MS_MAX: u64 = 200;

fn guest(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("SLUICEBOX_GUESTS").map(PathBuf::from);
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let home =
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/sluicebox/target"));
    let folder = folder.or_else(|| target.or(home).map(|target| target.join("guests")));
    let path = folder.expect("HOME is set").join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}. `cargo xtask test` builds the guests first",
            path.display()
        )
    })
}

static SANDBOX: LazyLock<Arc<Sandbox>> = LazyLock::new(|| {
    let limits = Limits {
        call_cpu_ms_max: CALL_CPU_MS_MAX,
        ..Limits::default()
    };
    Sandbox::new(Settings {
        cache_dir: None,
        limits,
    })
    .unwrap()
});
static HOSTILE: LazyLock<Arc<Module>> = LazyLock::new(|| SANDBOX.load(&guest("hostile")).unwrap());

fn start_logging(kind: Kind, mode: &str, log: LogSink) -> Result<Box<dyn Udf>, CallError> {
    SANDBOX.instantiate(&HOSTILE, kind, &format!("{mode:?}"), log)
}

fn start(kind: Kind, mode: &str) -> Box<dyn Udf> {
    start_logging(kind, mode, Arc::new(|_, _| {})).unwrap()
}

fn batch(values: &[&str]) -> Batch {
    let mut batch = Batch::default();
    for (row, value) in values.iter().enumerate() {
        batch.push(Some(b"key"), Some(value.as_bytes()), None, row as i64);
    }
    batch
}

fn rows(count: usize) -> Batch {
    batch(&vec!["value"; count])
}

/// The text of a trap; any other outcome fails the test.
fn trap<T: std::fmt::Debug>(result: Result<T, CallError>) -> String {
    match result {
        Err(CallError::Trap(text)) => text,
        other => panic!("expected a trap, got {other:?}"),
    }
}
