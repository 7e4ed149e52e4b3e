//! Crash tests: `SLUICEBOX_FAILPOINT=STEP:COUNT` ends the process at a named step of the commit protocol the COUNT-th time
//! it gets there, without any cleaning up, as `kill -9` would. `STEP:COUNT:FILE` lets it wait there until FILE exists, so
//! that a test can do something to the brokers at that very moment. `STEP:COUNT,STEP:COUNT` counts the second step from when
//! the first was reached. Without the variable nothing is installed.

use anyhow::{Context, Result, bail};
use sluicebox_core::failpoint;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const VARIABLE: &str = "SLUICEBOX_FAILPOINT";

/// A step, how often it is still passed, and the file that is waited for there, if the process is not to end.
struct Point {
    step: &'static str,
    left: u64,
    file: Option<PathBuf>,
}

/// Those that are yet to be reached.
static POINTS: Mutex<VecDeque<Point>> = Mutex::new(VecDeque::new());

/// Install what the environment asks for.
pub fn install() -> Result<()> {
    let Ok(wanted) = std::env::var(VARIABLE) else {
        return Ok(());
    };
    let points = wanted.split(',').map(parse).collect::<Result<_>>()?;
    *POINTS.lock().unwrap_or_else(PoisonError::into_inner) = points;
    failpoint::install(reached);
    Ok(())
}

fn parse(wanted: &str) -> Result<Point> {
    let mut parts = wanted.splitn(3, ':');
    let name = parts.next().unwrap_or_default();
    let Some(step) = failpoint::STEPS.into_iter().find(|step| *step == name) else {
        bail!(
            "{VARIABLE}: no step `{name}`; there are {}",
            failpoint::STEPS.join(", ")
        );
    };
    let left = (parts.next().unwrap_or("1").parse())
        .with_context(|| format!("{VARIABLE}: COUNT in `{wanted}`"))?;
    let file = parts.next().map(PathBuf::from);
    Ok(Point { step, left, file })
}

fn reached(step: &str) {
    let Some((point, last)) = due(step) else {
        return;
    };
    match point.file {
        Some(file) => {
            eprintln!("{VARIABLE}: waiting at {step}");
            while !file.exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        None if last => {
            eprintln!("{VARIABLE}: ending at {step}");
            std::process::abort();
        }
        None => {}
    }
}

/// The point whose step this is, for the last time, and whether none comes after it.
fn due(step: &str) -> Option<(Point, bool)> {
    let mut points = POINTS.lock().unwrap_or_else(PoisonError::into_inner);
    let next = points.front_mut().filter(|point| point.step == step)?;
    next.left = next.left.saturating_sub(1);
    if next.left > 0 {
        return None;
    }
    let point = points.pop_front()?;
    Some((point, points.is_empty()))
}
