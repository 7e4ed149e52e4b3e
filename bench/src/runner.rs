//! How each contestant is started: as a process of its own, on topics of its own, so that both are measured alike
//! from outside and no run sees what another left.
use crate::kafka::Topics;
use crate::twin::Job;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::Serialize;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a contestant may take to leave after SIGINT.
const LEAVE: Duration = Duration::from_secs(20);

/// Who runs the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// Native Rust, no Wasm.
    Twin,
    /// Sluicebox.
    Ours,
}

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Bootstrap servers.
    pub brokers: String,
    /// The `sluicebox` binary.
    pub engine: PathBuf,
    /// Folder of the bench's Wasm modules.
    pub guests: PathBuf,
    /// Folder for state and logs of the runs.
    pub work: PathBuf,
}

/// One run: its topics, its names, its folder.
pub struct Entry<'a> {
    setup: &'a Setup,
    /// Who runs.
    pub who: Who,
    /// What runs.
    pub job: Job,
    /// Topic read.
    pub input: String,
    /// Topic written.
    pub out: String,
    /// Group that holds the positions; the engine's job has this name too.
    pub group: String,
    epoch_ms: u64,
    follow: bool,
    dir: PathBuf,
}

impl Setup {
    /// Names what is missing before anything is measured.
    pub fn check(&self) -> Result<()> {
        if !self.engine.is_file() {
            bail!(
                "no engine at {}: build it by `cargo build --release -p sluicebox-cli`, or name it by --engine",
                self.engine.display()
            );
        }
        for name in ["bench-filter.wasm", "bench-map.wasm", "bench-count.wasm"] {
            if !self.guests.join(name).is_file() {
                bail!(
                    "no {name} in {}: `cargo xtask bench` builds it; --guests names another folder",
                    self.guests.display()
                );
            }
        }
        Ok(())
    }

    /// A new run with an empty output topic. `follow` lets a twin run for ever, as the engine always does.
    pub fn enter<'a>(
        &'a self,
        who: Who,
        job: Job,
        input: &str,
        epoch_ms: u64,
        follow: bool,
    ) -> Result<Entry<'a>> {
        static RUN: AtomicU32 = AtomicU32::new(1);
        let run = RUN.fetch_add(1, Ordering::Relaxed);
        let group = format!("bench-{}-{run}", std::process::id());
        let dir = self.work.join(&group);
        std::fs::create_dir_all(&dir)?;
        let out = format!("{group}-out");
        Topics::new(&self.brokers)?.create(&out)?;
        Ok(Entry {
            setup: self,
            who,
            job,
            input: input.into(),
            out,
            group,
            epoch_ms,
            follow,
            dir,
        })
    }
}

impl Entry<'_> {
    /// Bootstrap servers.
    pub fn brokers(&self) -> &str {
        &self.setup.brokers
    }

    /// Length of an epoch.
    pub fn epoch(&self) -> Duration {
        Duration::from_millis(self.epoch_ms)
    }

    /// Start it. The same call again is a restart: same command line, same folder.
    pub fn start(&self) -> Result<Process> {
        let command = match self.who {
            Who::Twin => self.twin()?,
            Who::Ours => self.engine()?,
        };
        Process::start(command, &self.dir.join("log"))
    }

    fn twin(&self) -> Result<Command> {
        let linger_ms = if self.epoch_ms < 1_000 { "5" } else { "20" };
        let mut command = tool(&self.setup.brokers, "twin")?;
        command.args([
            "--input",
            &self.input,
            "--out",
            &self.out,
            "--group",
            &self.group,
        ]);
        command.args([
            "--epoch-ms",
            &self.epoch_ms.to_string(),
            "--linger-ms",
            linger_ms,
        ]);
        command.args([
            "--job",
            if self.job == Job::Stateless {
                "stateless"
            } else {
                "windowed"
            },
        ]);
        command.args(self.follow.then_some("--follow"));
        Ok(command)
    }

    fn engine(&self) -> Result<Command> {
        let spec = self.dir.join("job.yaml");
        std::fs::write(&spec, spec_of(self.job))?;
        let mut command = Command::new(&self.setup.engine);
        command
            .arg("run")
            .arg(spec)
            .arg("--data-dir")
            .arg(self.dir.join("data"));
        command
            .env("IN", &self.input)
            .env("OUT", &self.out)
            .env("GROUP", &self.group);
        command
            .env("COMMIT", self.epoch_ms.to_string())
            .env("BROKERS", &self.setup.brokers);
        command.env("GUESTS", &self.setup.guests);
        Ok(command)
    }

    /// Delete what the run left: its folder, its output and the engine's own topics.
    pub fn clear(self) -> Result<()> {
        let topics = Topics::new(&self.setup.brokers)?;
        let own = topics.named("sluicebox.")?;
        let mut names: Vec<&str> = own
            .iter()
            .filter(|n| n.contains(&self.group))
            .map(|n| n.as_str())
            .collect();
        names.push(&self.out);
        topics.delete(&names)?;
        Ok(std::fs::remove_dir_all(&self.dir)?)
    }
}

/// The job specs, as files beside this crate's sources too, for running them by hand.
pub fn spec_of(job: Job) -> &'static str {
    match job {
        Job::Stateless => include_str!("../jobs/stateless.yaml"),
        Job::Windowed => include_str!("../jobs/windowed.yaml"),
    }
}

/// This program again, with another subcommand.
pub fn tool(brokers: &str, subcommand: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--brokers", brokers, subcommand]);
    Ok(command)
}

/// A running contestant. Dropping it kills it: no error leaves a process behind.
pub struct Process {
    child: Child,
    log: PathBuf,
    /// When it was started.
    pub started: Instant,
}

impl Process {
    fn start(mut command: Command, log: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        Ok(Self {
            child,
            log: log.into(),
            started,
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended well; an error with the end of its log if it has failed.
    pub fn ended(&mut self) -> Result<bool> {
        match self.child.try_wait()? {
            None => Ok(false),
            Some(status) if status.success() => Ok(true),
            Some(status) => bail!("{status}; its last words:\n{}", self.last_words()),
        }
    }

    fn last_words(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(2_000)..]).into_owned()
    }

    /// kill -9.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGINT, as Ctrl-C; kill if that does not help in time.
    pub fn stop(mut self) -> Result<()> {
        let asked = Command::new("kill")
            .args(["-INT", &self.id().to_string()])
            .status()?;
        let start = Instant::now();
        while asked.success() && start.elapsed() < LEAVE {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        eprintln!(
            "         did not leave within {} s of SIGINT: killed",
            LEAVE.as_secs()
        );
        self.kill()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already reaped is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
