//! Recovery: kill -9 at half of the input, the same command line again at once, and how long until there is something
//! new: a committed offset, and a record that a reader of committed records can see.
use crate::kafka;
use crate::measure::{Look, Observer};
use crate::runner::{Entry, Process, Setup, Who};
use crate::twin::Job;
use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Time between two looks; the figures are this exact, and a look's round trips more.
const LOOK: Duration = Duration::from_millis(20);
/// The output has to be still for this long, and two epochs more, after all input is committed.
const QUIET: Duration = Duration::from_secs(1);
/// Nothing moves for this long: an error.
const STALL: Duration = Duration::from_secs(120);

/// Seconds since the kill.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Recovery {
    /// Share of the input that was committed when the process was killed.
    pub killed_at: f64,
    /// Until the group's committed offsets moved.
    pub first_commit_s: f64,
    /// Until a new record could be read (an aborted transaction's end moves offsets too, and is not one).
    pub first_record_s: f64,
    /// Until all input was committed and the last record was visible.
    pub done_s: f64,
}

/// Run the windowed job, killed once.
pub fn run<'a>(setup: &'a Setup, input: &str, epoch_ms: u64) -> Result<(Recovery, Entry<'a>)> {
    let entry = setup.enter(Who::Ours, Job::Windowed, input, epoch_ms, true)?;
    let observer = Observer::new(&entry)?;
    let mut process = entry.start()?;
    let half = wait_for_half(&mut process, &observer)?;
    process.kill()?;
    let killed = Instant::now();
    let process = entry.start()?;
    let reader = reader_of_new(&entry, &observer)?;
    let times = watch(process, &observer, &reader, half, killed, entry.epoch())?;
    let killed_at = half.committed as f64 / observer.total() as f64;
    Ok((Recovery { killed_at, ..times }, entry))
}

fn wait_for_half(process: &mut Process, observer: &Observer) -> Result<Look> {
    let mut look = Look {
        committed: 0,
        visible: 0,
    };
    let mut moved = Instant::now();
    while look.committed * 2 < observer.total() {
        std::thread::sleep(LOOK);
        if process.ended()? {
            bail!("the engine left before half of the input");
        }
        let now = observer.look(look)?;
        if now != look {
            (look, moved) = (now, Instant::now());
        }
        if moved.elapsed() > STALL {
            bail!(
                "nothing moves any more: {} input records are committed",
                look.committed
            );
        }
    }
    Ok(look)
}

/// A reader that starts where the committed output ended when the process died.
fn reader_of_new(entry: &Entry<'_>, observer: &Observer) -> Result<BaseConsumer> {
    let reader: BaseConsumer = kafka::consumer_config(entry.brokers(), "bench-recovery")
        .set("fetch.wait.max.ms", "20")
        .create()?;
    let mut ends = TopicPartitionList::new();
    for (partition, end) in (0..).zip(observer.visible()?) {
        ends.add_partition_offset(&entry.out, partition, Offset::Offset(end))?;
    }
    reader.assign(&ends)?;
    Ok(reader)
}

fn watch(
    mut process: Process,
    observer: &Observer,
    reader: &BaseConsumer,
    half: Look,
    killed: Instant,
    epoch: Duration,
) -> Result<Recovery> {
    let (mut look, mut moved) = (half, killed);
    let (mut first_commit, mut first_record) = (None, None);
    loop {
        if let Some(Ok(_)) = reader.poll(LOOK).filter(|_| first_record.is_none()) {
            first_record = Some(killed.elapsed());
        }
        if process.ended()? {
            bail!("the engine left before it was done");
        }
        let now = observer.look(look)?;
        if now.committed > half.committed && first_commit.is_none() {
            first_commit = Some(killed.elapsed());
        }
        if now != look {
            (look, moved) = (now, Instant::now());
        }
        if look.committed == observer.total() && moved.elapsed() > QUIET + 2 * epoch {
            break;
        }
        if moved.elapsed() > STALL {
            bail!(
                "nothing moves any more: {} input records are committed",
                look.committed
            );
        }
    }
    process.stop()?;
    Ok(Recovery {
        killed_at: 0.0,
        first_commit_s: first_commit
            .context("no commit after the restart")?
            .as_secs_f64(),
        first_record_s: first_record
            .context("no record after the restart")?
            .as_secs_f64(),
        done_s: (moved - killed).as_secs_f64(),
    })
}
