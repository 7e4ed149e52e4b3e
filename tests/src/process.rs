//! Signals and waiting for processes that a test started. Signals go by pid through the shell's own `kill`, so that
//! no unsafe code is needed here.

use std::io::Write;
use std::path::Path;
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

/// Sees to it that a server does not outlive the test process, however that ends. A process-death signal follows the
/// *thread* that spawned the child (and test threads end early), so a small shell watches a pipe instead: when the pipe
/// closes, it kills the server and removes its folder.
#[derive(Debug)]
pub(crate) struct Watcher(Child);

impl Watcher {
    /// Watch over a process.
    pub fn of(pid: u32, folder: &Path) -> Result<Self> {
        let script = "trap '' INT HUP TERM; if read -r _; then exit 0; fi; kill -9 \"$1\"; sleep 1; rm -rf \"$2\"";
        Command::new("sh")
            .args(["-c", script, "sluicebox-watcher", &pid.to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
            .context("cannot start sh")
    }

    /// The process has ended: its pid is free for others, so this must be known before the pipe closes.
    pub fn done(&mut self) {
        if let Some(pipe) = &mut self.0.stdin {
            let _ = pipe.write_all(b"done\n");
        }
        let _ = self.0.wait();
    }
}
