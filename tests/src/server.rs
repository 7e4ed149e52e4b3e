//! What a test broker is configured with: its place in a cluster, its listeners, its `server.properties`, its
//! formatted folder.

use std::fmt::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};

use crate::broker::Options;
use crate::install::{classpath, java};

/// Below Linux' range for outgoing connections, so that a stopped broker finds its ports free again.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A broker's place in its cluster.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub id: usize,
    pub controller: u16,
    /// Controllers of the whole cluster, in the order of their ids, which begin with 1; empty: alone.
    pub voters: Vec<u16>,
}

impl Node {
    /// A broker alone in its cluster.
    pub fn alone(controller: u16) -> Self {
        Self {
            id: 1,
            controller,
            voters: Vec::new(),
        }
    }

    fn is_alone(&self) -> bool {
        self.voters.is_empty()
    }

    /// Who controls the cluster.
    fn quorum(&self) -> String {
        if self.is_alone() {
            return format!(
                "controller.quorum.bootstrap.servers=127.0.0.1:{}",
                self.controller
            );
        }
        let voters = self.voters.iter().enumerate();
        let voters: Vec<String> = voters
            .map(|(i, port)| format!("{}@127.0.0.1:{port}", i + 1))
            .collect();
        format!("controller.quorum.voters={}", voters.join(","))
    }
}

/// Where a broker listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listener {
    pub name: &'static str,
    /// `PLAINTEXT`, `SASL_SSL`, ...
    pub protocol: &'static str,
    pub port: u16,
    /// The port that clients are told.
    pub advertised: u16,
}

impl Listener {
    /// The one that tests and other brokers use.
    pub fn plain(port: u16) -> Self {
        Self {
            name: "PLAINTEXT",
            protocol: "PLAINTEXT",
            port,
            advertised: port,
        }
    }
}

/// Make the folder a broker's. `users` are further arguments: the users that are there from the start.
pub(crate) fn format_storage(folder: &Path, node: &Node, users: &[String]) -> Result<()> {
    let mut command = java()?;
    command
        .args([
            "-Xshare:auto",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
        ])
        .arg(classpath()?)
        .args(["kafka.tools.StorageTool", "format"]);
    if node.is_alone() {
        command.arg("--standalone");
    }
    let output = command
        .args(users)
        // Any 16 bytes in base64 do; brokers of different tests never meet.
        .args(["--cluster-id", "c2x1aWNlYm94LXRlc3RzIQ", "--config"])
        .arg(folder.join("server.properties"))
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        bail!(
            "formatting the broker's storage failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// `server.properties` of a broker; `more` are lines of its security.
pub(crate) fn properties(
    folder: &Path,
    node: &Node,
    listeners: &[Listener],
    more: &str,
    options: &Options,
) -> String {
    let mut lines = format!(
        "process.roles=broker,controller\nnode.id={}\n{}\nlog.dirs={}\n",
        node.id,
        node.quorum(),
        folder.join("data").display()
    );
    lines.push_str(&listening(listeners, node.controller));
    let (replicas, in_sync) = match node.is_alone() {
        true => (1, 1),
        false => (3, 2),
    };
    // No more replicas than needed; few internal partitions, short delays: tests wait for these.
    let _ = write!(
        lines,
        "offsets.topic.replication.factor={replicas}\n\
         offsets.topic.num.partitions=4\n\
         transaction.state.log.replication.factor={replicas}\n\
         transaction.state.log.min.isr={in_sync}\n\
         transaction.state.log.num.partitions=4\n\
         share.coordinator.state.topic.replication.factor={replicas}\n\
         share.coordinator.state.topic.min.isr={in_sync}\n\
         default.replication.factor={replicas}\n\
         min.insync.replicas={in_sync}\n\
         transaction.abort.timed.out.transaction.cleanup.interval.ms=500\n\
         group.initial.rebalance.delay.ms=0\n\
         group.min.session.timeout.ms=1000\n\
         auto.create.topics.enable=false\n\
         log.initial.task.delay.ms=1000\n\
         log.cleaner.backoff.ms=500\n\
         log.cleaner.dedupe.buffer.size=33554432\n\
         log.segment.delete.delay.ms=1000\n\
         num.partitions=1\n"
    );
    lines.push_str(more);
    for (key, value) in &options.properties {
        let _ = writeln!(lines, "{key}={value}");
    }
    lines
}

/// All listeners, and the controller's.
fn listening(listeners: &[Listener], controller: u16) -> String {
    let list = |each: &dyn Fn(&Listener) -> String| {
        let all: Vec<String> = listeners.iter().map(each).collect();
        all.join(",")
    };
    format!(
        "listeners={},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners={}\n\
         listener.security.protocol.map={},CONTROLLER:PLAINTEXT\n\
         inter.broker.listener.name=PLAINTEXT\n\
         controller.listener.names=CONTROLLER\n",
        list(&|l| format!("{}://127.0.0.1:{}", l.name, l.port)),
        list(&|l| format!("{}://127.0.0.1:{}", l.name, l.advertised)),
        list(&|l| format!("{}:{}", l.name, l.protocol)),
    )
}

/// A free loopback port; it may be taken by someone else before it is used.
pub(crate) fn free_port() -> Result<u16> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let range = u64::from(PORTS.end - PORTS.start);
    // Processes that run at the same time begin at different places.
    let start = u64::from(std::process::id()).wrapping_mul(7919);
    for _ in 0..range {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + ((start + step) % range) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!(
        "no free loopback port between {} and {}",
        PORTS.start,
        PORTS.end
    )
}
