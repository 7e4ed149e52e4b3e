//! A wall clock that is wrong for one process only, and jumps. (Debian's libfaketime doesn't know the waits that
//! librdkafka uses: with it they last as long as the clock is wrong.)

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

const SOURCE: &str = include_str!("clock.c");

/// A clock that processes can be given.
#[derive(Debug)]
pub struct Clock {
    folder: tempfile::TempDir,
}

impl Clock {
    /// A clock that is right, for now.
    pub fn new() -> Result<Self> {
        let clock = Self {
            folder: tempfile::Builder::new()
                .prefix("sluicebox-clock-")
                .tempdir()?,
        };
        clock.set(0)?;
        let source = clock.folder.path().join("clock.c");
        std::fs::write(&source, SOURCE)?;
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(clock.library())
            .arg(&source)
            .output()
            .context("there is no C compiler `cc`: run `cargo xtask setup`")?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "cc: {said}");
        Ok(clock)
    }

    /// Let it be wrong by so many seconds from now on.
    pub fn set(&self, offset_s: i64) -> Result<()> {
        // At once: a reader must not find half a number.
        let next = self.folder.path().join("next");
        std::fs::write(&next, offset_s.to_string())?;
        Ok(std::fs::rename(next, self.file())?)
    }

    /// Give it to a process that is about to start.
    pub fn give(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", self.library())
            .env("SLUICEBOX_TEST_CLOCK", self.file());
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("clock.so")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }
}
