//! Signals and waiting for processes that a test started. Signals go by pid through the shell's own `kill`, so that
//! no unsafe code is needed here.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A signal that tests send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// End in order.
    Term,
    /// What Ctrl-C sends.
    Int,
    /// End at once.
    Kill,
    /// Freeze.
    Stop,
    /// Go on.
    Cont,
}

/// Send a signal to a process that this test started.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    let name = match signal {
        Signal::Term => "TERM",
        Signal::Int => "INT",
        Signal::Kill => "KILL",
        Signal::Stop => "STOP",
        Signal::Cont => "CONT",
    };
    let status = Command::new("sh")
        .args(["-c", "kill -\"$1\" \"$2\"", "kill", name, &pid.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot start sh")?;
    if !status.success() {
        bail!("there is no process {pid} to send SIG{name}");
    }
    Ok(())
}

/// Wait until a child ends; `None` where it still runs after `timeout`.
pub fn wait_for_exit(child: &mut Child, timeout: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > deadline {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ask until `condition` holds; an error naming `what` after `timeout`.
pub fn wait_until(
    what: &str,
    timeout: Duration,
    mut condition: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let deadline = Instant::now() + timeout;
    while !condition()? {
        if Instant::now() > deadline {
            bail!("{what}: not within {timeout:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
