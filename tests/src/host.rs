//! The processes under test: `sluicebox`, that can be killed, frozen, asked to end, and read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{self, Signal};

/// A process that runs a job. Killed when dropped.
#[derive(Debug)]
pub struct Host {
    child: Child,
    log: PathBuf,
}

impl Host {
    /// Start it; what it says goes to a file.
    pub fn start(mut command: Command, log: PathBuf) -> Result<Self> {
        let file = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("cannot start sluicebox")?;
        Ok(Self { child, log })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// End it at once.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ask it to end, as Ctrl-C does, and wait.
    pub fn interrupt(&mut self, timeout: Duration) -> Result<ExitStatus> {
        process::signal(self.child.id(), Signal::Int)?;
        self.wait(timeout)
    }

    /// Send a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        process::signal(self.child.id(), signal)
    }

    /// Wait until it ends by itself.
    pub fn wait(&mut self, timeout: Duration) -> Result<ExitStatus> {
        match process::wait_for_exit(&mut self.child, timeout)? {
            Some(status) => Ok(status),
            None => bail!("sluicebox still runs after {timeout:?}:\n{}", self.log()),
        }
    }

    /// Whether it runs.
    pub fn running(&mut self) -> Result<bool> {
        Ok(self.ended()?.is_none())
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Wait until it has said this.
    pub fn wait_for_words(&mut self, words: &str, timeout: Duration) -> Result<()> {
        let deadline = Instant::now() + timeout;
        while !self.log().contains(words) {
            if let Some(status) = self.ended()? {
                bail!(
                    "sluicebox ended with {status} before {words:?}:\n{}",
                    self.log()
                );
            }
            if Instant::now() > deadline {
                bail!("no {words:?} after {timeout:?}:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// What it said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program under test: `SLUICEBOX_BIN`, else from the target folder that this program was built into.
pub fn binary() -> Result<PathBuf> {
    let path = match std::env::var_os("SLUICEBOX_BIN") {
        Some(path) => PathBuf::from(path),
        None => release_folder()?.join("sluicebox"),
    };
    if !path.is_file() {
        bail!(
            "{} is not built: run `cargo xtask test`, which builds it first",
            path.display()
        );
    }
    Ok(path)
}

/// A built module of `example-udfs` or `tests/guests`.
pub fn guest(name: &str) -> PathBuf {
    let folder = release_folder().unwrap_or_default();
    let target = folder.parent().unwrap_or(Path::new(""));
    target.join("guests").join(format!("{name}.wasm"))
}

/// The repository's folder.
pub fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

/// A folder of this name in the target folder, for what tests build.
pub fn target_folder(name: &str) -> Result<PathBuf> {
    let release = release_folder()?;
    Ok(release.parent().context("no target folder")?.join(name))
}

/// `release` in the target folder: tests are in its `deps`, programs in itself.
pub(crate) fn release_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().context("this program is in no folder")?;
    Ok(match folder.ends_with("deps") {
        true => folder.parent().context("deps is in no folder")?.to_owned(),
        false => folder.to_owned(),
    })
}
