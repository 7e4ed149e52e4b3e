//! A broker's process.
//!
//! It must not outlive the test process, however that ends: see [`process::Watcher`].

use std::fs::File;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::broker::Options;
use crate::install::{classpath, java};
use crate::kdc;
use crate::process::{self, Signal, Watcher};
use crate::secure::key_set;

const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// A broker that runs. Dropping it ends the process at once.
#[derive(Debug)]
pub(crate) struct Running {
    java: Child,
    watcher: Watcher,
}

impl Running {
    /// Start the broker of a folder.
    pub fn start(folder: &Path, options: &Options) -> Result<Self> {
        let log = File::create(folder.join("broker.log"))?;
        let how: &[&str] = match options.optimised {
            true => &["-XX:+UseG1GC"],
            false => &["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
        };
        let keys = key_set(folder).display().to_string();
        let java = java()?
            .arg(format!("-Xmx{}m", options.heap_mib))
            .arg("-Xms128m")
            .args(how)
            // Brokers open no key set that their command line doesn't name.
            .arg(format!(
                "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://{keys}"
            ))
            .arg(format!(
                "-Dorg.apache.kafka.sasl.oauthbearer.allowed.files={keys}"
            ))
            .arg(format!(
                "-Djava.security.krb5.conf={}",
                kdc::config(folder).display()
            ))
            .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"])
            .arg(classpath()?)
            .arg("kafka.Kafka")
            .arg(folder.join("server.properties"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start java")?;
        let watcher = Watcher::of(java.id(), folder)?;
        Ok(Self { java, watcher })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.java.try_wait()?)
    }

    /// Send it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        process::signal(self.java.id(), signal)
    }

    /// End it in order, after a while at once.
    pub fn stop(mut self) -> Result<()> {
        // A paused process would not see SIGTERM.
        self.signal(Signal::Cont)?;
        self.signal(Signal::Term)?;
        process::wait_for_exit(&mut self.java, STOP_TIMEOUT)?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.java.kill();
        let _ = self.java.wait();
        self.watcher.done();
    }
}
