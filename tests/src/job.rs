//! The job that end-to-end tests run, as its users do: a spec in a file, and `sluicebox run` in processes of its own
//! that can be killed, frozen and started again.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::broker::unique;
use crate::client::Client;
use crate::host::binary;
pub use crate::host::{Host, guest};
use crate::spec;
use crate::truth::Truth;
use crate::workload::Workload;

/// How a job differs from the usual one.
#[derive(Clone, Debug)]
pub struct Options {
    /// Partitions of the input and output topics.
    pub partitions: i32,
    /// Shards that share them; `None`: as the host chooses.
    pub shards: Option<u16>,
    /// Length of an epoch, in milliseconds.
    pub epoch_ms: u64,
    /// `rocksdb` or `memory`.
    pub state: &'static str,
    /// `exactly_once` or `at_least_once`.
    pub delivery: &'static str,
    /// Further lines at the end of the spec.
    pub more: String,
    /// Where the job finds the broker, if not where the test does.
    pub bootstrap: Option<String>,
    /// librdkafka properties of the job.
    pub properties: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            partitions: 4,
            shards: None,
            epoch_ms: 100,
            state: "rocksdb",
            delivery: "exactly_once",
            more: String::new(),
            bootstrap: None,
            properties: Vec::new(),
        }
    }
}

/// A job with topics of its own.
#[derive(Debug)]
pub struct Job {
    folder: tempfile::TempDir,
    client: Client,
    /// Name of the job, and prefix of its topics.
    pub name: String,
    /// Topic of orders.
    pub input: String,
    /// Topic of results.
    pub output: String,
    /// Topic of late orders.
    pub late: String,
    /// Topic of orders that do not parse.
    pub dead: String,
    /// Group that holds the positions.
    pub group: String,
}

impl Job {
    /// The usual job: orders → valid → enriched → spend per user and minute.
    pub fn new(client: &Client, options: &Options) -> Result<Self> {
        Self::with(client, options, spec::spend)
    }

    /// A job with another spec.
    pub fn with(
        client: &Client,
        options: &Options,
        spec: impl FnOnce(&Job, &Options) -> String,
    ) -> Result<Self> {
        let name = unique("spend");
        let topic = |of: &str| format!("{name}-{of}");
        let job = Self {
            folder: tempfile::Builder::new()
                .prefix("sluicebox-job-")
                .tempdir()?,
            client: client.clone(),
            input: topic("orders"),
            output: topic("results"),
            late: topic("late"),
            dead: topic("dead"),
            group: topic("positions"),
            name,
        };
        for topic in [&job.input, &job.output, &job.late, &job.dead] {
            // Whatever the broker's limit, which then only the changelog has.
            let limit = [("max.message.bytes", "1048588")];
            client.create_topic(topic, options.partitions, &limit)?;
        }
        fs::write(job.spec_path(), spec(&job, options))?;
        Ok(job)
    }

    /// Where the spec is.
    pub fn spec_path(&self) -> PathBuf {
        self.folder.path().join("job.yaml")
    }

    /// A host's data folder.
    pub fn data(&self, host: &str) -> PathBuf {
        self.folder.path().join(host)
    }

    /// The local state of a host: what a lost disk takes with it.
    pub fn state(&self, host: &str) -> PathBuf {
        self.data(host).join("state")
    }

    /// Give one host a copy of another's data folder, as someone does who clones a machine.
    pub fn copy_data(&self, from: &str, to: &str) -> Result<()> {
        let copied = Command::new("cp")
            .arg("-a")
            .args([self.data(from), self.data(to)])
            .status()?;
        ensure!(copied.success(), "cp: {copied}");
        Ok(())
    }

    /// Start a process that runs the job, with a data folder named after `host`. `failpoint` is `name:count`: abort
    /// the `count`th time that this step is reached.
    pub fn start(&self, host: &str, failpoint: Option<&str>) -> Result<Host> {
        self.start_with(host, failpoint, &[])
    }

    /// As [`Job::start`], with further arguments.
    pub fn start_with(&self, host: &str, failpoint: Option<&str>, more: &[&str]) -> Result<Host> {
        self.spawn(host, |command| {
            command.args(more);
            if let Some(failpoint) = failpoint {
                command.env("SLUICEBOX_FAILPOINT", failpoint);
            }
        })
    }

    /// As [`Job::start`], with a command that `change` has changed.
    pub fn spawn(&self, host: &str, change: impl FnOnce(&mut Command)) -> Result<Host> {
        let log = self.folder.path().join(format!("{}.log", unique(host)));
        let mut command = Command::new(binary()?);
        command
            .arg("run")
            .arg(self.spec_path())
            .arg("--data-dir")
            .arg(self.data(host))
            .env_remove("SLUICEBOX_FAILPOINT");
        change(&mut command);
        Host::start(command, log)
    }

    /// Run another command on the spec, such as `lag`, to its end.
    pub fn ask(&self, command: &str) -> Result<Output> {
        Command::new(binary()?)
            .arg(command)
            .arg(self.spec_path())
            .stdin(Stdio::null())
            .output()
            .context("cannot start sluicebox")
    }

    /// Write orders `from..to` of each partition.
    pub fn produce(&self, workload: &Workload, from: u64, to: u64) -> Result<()> {
        let records: Vec<_> = workload.records(from, to).collect();
        self.client.produce(&self.input, &records)
    }

    /// Sum of the committed positions over the partitions.
    pub fn position(&self) -> Result<i64> {
        let committed = self.client.committed(&self.group, &self.input)?;
        Ok(committed.iter().map(|c| c.offset).sum())
    }

    /// Wait until the committed positions sum up to `total`. An error, with the logs, where a host ends before that.
    pub fn wait_for(&self, total: u64, hosts: &mut [&mut Host], timeout: Duration) -> Result<()> {
        let deadline = Instant::now() + timeout;
        loop {
            let position = self.position()?;
            if position >= total as i64 {
                return Ok(());
            }
            for host in &mut *hosts {
                if let Some(status) = host.ended()? {
                    bail!(
                        "sluicebox ended with {status} at {position} of {total}:\n{}",
                        host.log()
                    );
                }
            }
            if Instant::now() > deadline {
                let logs: Vec<String> = hosts.iter().map(|host| host.log()).collect();
                bail!(
                    "{position} of {total} committed after {timeout:?}:\n{}",
                    logs.join("\n---\n")
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Wait until everything in the input is committed.
    pub fn wait_for_end(&self, hosts: &mut [&mut Host], timeout: Duration) -> Result<()> {
        let partitions = self.client.partitions(&self.input)?;
        let mut total = 0;
        for partition in 0..partitions.context("the input topic is gone")? {
            total += self.client.bounds(&self.input, partition)?.1;
        }
        self.wait_for(u64::try_from(total)?, hosts, timeout)
    }

    /// Compare all topics with the truth.
    pub fn check(&self, truth: &Truth) -> Result<()> {
        truth.check_rows(&self.client.read_committed(&self.output)?)?;
        truth.check_late(&self.client.read_committed(&self.late)?)?;
        truth.check_dead_letters(&self.client.read_committed(&self.dead)?)
    }

    /// A test's view of the broker.
    pub fn client(&self) -> &Client {
        &self.client
    }
}
