//! Crash tests: `SLUICEBOX_FAILPOINT=STEP:COUNT` ends the process at a named step of the commit protocol the COUNT-th time
//! it gets there, without any cleaning up, as `kill -9` would. `STEP:COUNT:FILE` lets it wait there until FILE exists, so
//! that a test can do something to the brokers at that very moment. Without the variable nothing is installed.

use anyhow::{Context, Result, bail};
use sluicebox_core::failpoint;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const VARIABLE: &str = "SLUICEBOX_FAILPOINT";

/// A step, and the file that is waited for there, if the process is not to end.
static POINT: OnceLock<(&'static str, Option<PathBuf>)> = OnceLock::new();
static LEFT: AtomicU64 = AtomicU64::new(0);

/// Install what the environment asks for.
pub fn install() -> Result<()> {
    let Ok(wanted) = std::env::var(VARIABLE) else {
        return Ok(());
    };
    let mut parts = wanted.splitn(3, ':');
    let name = parts.next().unwrap_or_default();
    let Some(step) = failpoint::STEPS.into_iter().find(|step| *step == name) else {
        bail!(
            "{VARIABLE}: no step `{name}`; there are {}",
            failpoint::STEPS.join(", ")
        );
    };
    let count = parts.next().unwrap_or("1");
    let count = count
        .parse()
        .with_context(|| format!("{VARIABLE}: COUNT in `{wanted}`"))?;
    LEFT.store(count, Ordering::Relaxed);
    POINT.get_or_init(|| (step, parts.next().map(PathBuf::from)));
    failpoint::install(reached);
    Ok(())
}

fn reached(step: &str) {
    let Some((_, file)) = POINT.get().filter(|(name, _)| *name == step) else {
        return;
    };
    if LEFT.fetch_sub(1, Ordering::Relaxed) != 1 {
        return;
    }
    let Some(file) = file else {
        eprintln!("{VARIABLE}: ending at {step}");
        std::process::abort();
    };
    eprintln!("{VARIABLE}: waiting at {step}");
    while !file.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
}
