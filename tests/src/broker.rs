//! A real Apache Kafka broker for tests, started from its jars: no container, no installation, no fixed port.
//! Every exactly-once claim is tested against this, for no imitation has all of Kafka's corner cases.
//!
//! One broker serves a whole test binary ([`shared`]): starting one takes seconds, topics are cheap. A test that
//! stops, pauses or restarts its broker starts its own ([`Broker::start`]).
//!
//! The broker must not outlive the test process, however that ends. A process-death signal follows the *thread*
//! that spawned the child (and test threads end early), so a small shell watches a pipe instead: when the pipe
//! closes, it kills the broker and removes its folder.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::Client;
use crate::install::{classpath, java};
use crate::process::{self, Signal};
use crate::proxy::Proxy;
use crate::server::{format_storage, free_port, properties};

const READY_TIMEOUT: Duration = Duration::from_secs(90);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const START_ATTEMPTS: usize = 3;
/// How a broker differs from the usual one.
#[derive(Clone, Debug)]
pub struct Options {
    /// Largest heap, in MiB.
    pub heap_mib: u32,
    /// Further lines for `server.properties`; they win over ours.
    pub properties: Vec<(String, String)>,
    /// With a second listener behind a [`Proxy`].
    pub proxied: bool,
    /// Run as in production, with the optimising compiler and a concurrent collector; tests rather start fast.
    pub optimised: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            heap_mib: 512,
            properties: Vec::new(),
            proxied: false,
            optimised: false,
        }
    }
}

/// One broker (KRaft, combined mode) on loopback, with its own folder. Dropping it ends the process.
#[derive(Debug)]
pub struct Broker {
    folder: tempfile::TempDir,
    port: u16,
    heap_mib: u32,
    optimised: bool,
    proxy: Option<Proxy>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    java: Child,
    watcher: Child,
}

impl Broker {
    /// Start a broker and wait until it answers.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::default())
    }

    /// Start a broker that differs from the usual one.
    pub fn start_with(options: &Options) -> Result<Self> {
        let mut last = None;
        for _ in 0..START_ATTEMPTS {
            match Self::try_start(options) {
                Ok(broker) => return Ok(broker),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no attempt was made")?)
    }

    fn try_start(options: &Options) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("sluicebox-broker-")
            .tempdir()?;
        let (port, controller) = (free_port()?, free_port()?);
        let mut properties = properties(folder.path(), port, controller, options);
        let proxy = match options.proxied {
            true => Some(proxied(&mut properties, port, controller)?),
            false => None,
        };
        fs::write(folder.path().join("server.properties"), properties)?;
        format_storage(folder.path())?;
        let mut broker = Self {
            folder,
            port,
            heap_mib: options.heap_mib,
            optimised: options.optimised,
            proxy,
            running: None,
        };
        broker.start_again()?;
        Ok(broker)
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The proxy in front of the second listener; an error without [`Options::proxied`].
    pub fn proxy(&self) -> Result<&Proxy> {
        self.proxy.as_ref().context("this broker has no proxy")
    }

    /// A test's view of the broker: topics, records, offsets.
    pub fn client(&self) -> Client {
        Client::new(&self.bootstrap())
    }

    /// Start a stopped broker on the same data and ports, and wait until it answers.
    pub fn start_again(&mut self) -> Result<()> {
        if self.running.is_some() {
            bail!("the broker runs already");
        }
        let log = File::create(self.folder.path().join("broker.log"))?;
        let how: &[&str] = match self.optimised {
            true => &["-XX:+UseG1GC"],
            false => &["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
        };
        let java = java()?
            .arg(format!("-Xmx{}m", self.heap_mib))
            .arg("-Xms128m")
            .args(how)
            .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"])
            .arg(classpath()?)
            .arg("kafka.Kafka")
            .arg(self.folder.path().join("server.properties"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start java")?;
        let watcher = watch(java.id(), self.folder.path())?;
        self.running = Some(Running { java, watcher });
        self.wait_ready().inspect_err(|_| self.kill())
    }

    fn wait_ready(&mut self) -> Result<()> {
        let (deadline, client) = (Instant::now() + READY_TIMEOUT, self.client());
        loop {
            let running = self.running.as_mut().context("the broker is stopped")?;
            if let Some(status) = running.java.try_wait()? {
                bail!("the broker ended with {status}:\n{}", self.log_tail());
            }
            if client.answers(Duration::from_secs(1)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "the broker is not ready after {READY_TIMEOUT:?}:\n{}",
                    self.log_tail()
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Shut the broker down in order (SIGTERM, after a while SIGKILL). Its data stays.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(running) = &mut self.running {
            // A paused process would not see SIGTERM.
            process::signal(running.java.id(), Signal::Cont)?;
            process::signal(running.java.id(), Signal::Term)?;
            process::wait_for_exit(&mut running.java, STOP_TIMEOUT)?;
        }
        self.kill();
        Ok(())
    }

    /// End the broker at once, as a power failure would. Its data stays.
    pub fn kill(&mut self) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        let _ = running.java.kill();
        let _ = running.java.wait();
        // The pid is free for others now: tell the watcher so before its pipe closes.
        if let Some(pipe) = &mut running.watcher.stdin {
            let _ = pipe.write_all(b"done\n");
        }
        let _ = running.watcher.wait();
    }

    /// Freeze the broker (SIGSTOP).
    pub fn pause(&self) -> Result<()> {
        process::signal(self.pid()?, Signal::Stop)
    }

    /// Let a frozen broker go on (SIGCONT).
    pub fn resume(&self) -> Result<()> {
        process::signal(self.pid()?, Signal::Cont)
    }

    fn pid(&self) -> Result<u32> {
        Ok(self
            .running
            .as_ref()
            .context("the broker is stopped")?
            .java
            .id())
    }

    /// The last lines of what the broker logged (warnings and errors).
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("broker.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The broker of this test binary, started by the first test that asks. Use [`unique`] names for topics and groups.
/// Panics where it cannot be started: without a broker these tests have nothing to say.
pub fn shared() -> &'static Broker {
    static SHARED: OnceLock<std::result::Result<Broker, String>> = OnceLock::new();
    match SHARED.get_or_init(|| Broker::start().map_err(|error| format!("{error:#}"))) {
        Ok(broker) => broker,
        Err(error) => panic!("no Kafka broker for this test: {error}"),
    }
}

/// A name that no other test uses: `prefix` (letters, digits, dashes), process and a counter.
pub fn unique(prefix: &str) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{}-{count}", std::process::id())
}

/// A listener of its own whose advertised address is the proxy's: clients that begin there stay there.
fn proxied(properties: &mut String, port: u16, controller: u16) -> Result<Proxy> {
    let (behind, before) = (free_port()?, free_port()?);
    properties.push_str(&format!(
        "listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{before}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         inter.broker.listener.name=PLAINTEXT\n"
    ));
    Proxy::start(before, behind)
}

/// A shell that outlives this process by a moment: its `read` fails when our end of the pipe closes.
fn watch(pid: u32, folder: &Path) -> Result<Child> {
    let script = "trap '' INT HUP TERM; if read -r _; then exit 0; fi; kill -9 \"$1\"; sleep 1; rm -rf \"$2\"";
    Command::new("sh")
        .args(["-c", script, "sluicebox-broker-watcher", &pid.to_string()])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start sh")
}
