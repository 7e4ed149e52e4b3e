//! Crash tests: `SLUICEBOX_FAILPOINT=STEP:COUNT` ends the process at a named step of the commit protocol the COUNT-th time
//! it gets there, without any cleaning up, as `kill -9` would. Without the variable nothing is installed.

use anyhow::{Context, Result, bail};
use sluicebox_core::failpoint;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

const VARIABLE: &str = "SLUICEBOX_FAILPOINT";

static STEP: OnceLock<&'static str> = OnceLock::new();
static LEFT: AtomicU64 = AtomicU64::new(0);

/// Install what the environment asks for.
pub fn install() -> Result<()> {
    let Ok(wanted) = std::env::var(VARIABLE) else {
        return Ok(());
    };
    let (name, count) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    let Some(step) = failpoint::STEPS.into_iter().find(|step| *step == name) else {
        bail!(
            "{VARIABLE}: no step `{name}`; there are {}",
            failpoint::STEPS.join(", ")
        );
    };
    LEFT.store(
        count
            .parse()
            .with_context(|| format!("{VARIABLE}: COUNT in `{wanted}`"))?,
        Ordering::Relaxed,
    );
    STEP.get_or_init(|| step);
    failpoint::install(reached);
    Ok(())
}

fn reached(step: &str) {
    if STEP.get() == Some(&step) && LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
        eprintln!("{VARIABLE}: ending at {step}");
        std::process::abort();
    }
}
