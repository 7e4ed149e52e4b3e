//! What a test broker is configured with: its ports, its `server.properties`, its formatted folder.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};

use crate::broker::Options;
use crate::install::{classpath, java};

/// Below Linux' range for outgoing connections, so that a stopped broker finds its ports free again.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Make the folder a broker's.
pub(crate) fn format_storage(folder: &Path) -> Result<()> {
    let output = java()?
        .args([
            "-Xshare:auto",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
        ])
        .arg(classpath()?)
        .args(["kafka.tools.StorageTool", "format", "--standalone"])
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

/// `server.properties` of a broker alone in its cluster.
pub(crate) fn properties(folder: &Path, port: u16, controller: u16, options: &Options) -> String {
    let mut lines = format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         log.dirs={}\n",
        folder.join("data").display()
    );
    // One broker, so no replicas; few internal partitions, short delays: tests wait for these.
    lines.push_str(
        "offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=4\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=4\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         transaction.abort.timed.out.transaction.cleanup.interval.ms=500\n\
         group.initial.rebalance.delay.ms=0\n\
         group.min.session.timeout.ms=1000\n\
         auto.create.topics.enable=false\n\
         log.initial.task.delay.ms=1000\n\
         log.cleaner.backoff.ms=500\n\
         log.cleaner.dedupe.buffer.size=33554432\n\
         log.segment.delete.delay.ms=1000\n\
         num.partitions=1\n",
    );
    for (key, value) in &options.properties {
        lines.push_str(&format!("{key}={value}\n"));
    }
    lines
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
