//! Measures a run from outside: progress by the group's committed offsets, output by the last stable offset of the
//! topic, CPU and memory by /proc. Knows nothing of what it measures.
use crate::kafka::{self, DEADLINE, PARTITIONS};
use crate::proc::{self, Usage};
use crate::runner::{Entry, Process};
use anyhow::{Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::Offset;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// The output has to be still for this long, and two epochs more, after all input is committed.
const QUIET: Duration = Duration::from_secs(1);
/// A run in which nothing moves for this long is an error.
const STALL: Duration = Duration::from_secs(120);

/// What one run took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    /// Input records, sentinels included.
    pub records: u64,
    /// From the start of the process to its last visible output, in seconds.
    pub seconds: f64,
    /// Input records a second over that time, start-up and compiling included.
    pub records_per_s: f64,
    /// The same from the first commit to the last; none for a run too short to tell.
    pub warm_records_per_s: Option<f64>,
    /// User and system seconds of the process a million input records.
    pub cpu_s_per_million: f64,
    /// The same from the first commit to the last.
    pub warm_cpu_s_per_million: Option<f64>,
    /// Peak resident memory, in megabytes of 2^20 bytes.
    pub peak_mb: f64,
    /// Share of the machine's cores in use by anyone.
    pub machine_busy: f64,
}

/// What a look sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Input records committed.
    pub committed: u64,
    /// Sum of the output's last stable offsets.
    pub visible: i64,
}

/// Looks at one run's topics.
pub struct Observer {
    reader: BaseConsumer,
    group: BaseConsumer,
    input: Vec<(i64, i64)>,
    entry_input: String,
    out: String,
}

impl Observer {
    /// Watch this run.
    pub fn new(entry: &Entry<'_>) -> Result<Self> {
        let reader = kafka::consumer(entry.brokers(), "bench-observer")?;
        Ok(Self {
            input: kafka::bounds(&reader, &entry.input)?,
            group: kafka::consumer(entry.brokers(), &entry.group)?,
            reader,
            entry_input: entry.input.clone(),
            out: entry.out.clone(),
        })
    }

    /// Records there were in the input at the start.
    pub fn total(&self) -> u64 {
        self.input
            .iter()
            .map(|(start, end)| end.abs_diff(*start))
            .sum()
    }

    /// How far the run is now, having been at `before`.
    pub fn look(&self, before: Look) -> Result<Look> {
        // While a coordinator is being elected, or a transaction is ending, there is no answer about the group.
        let committed = self.committed().unwrap_or(before.committed);
        Ok(Look {
            committed,
            visible: self.visible()?.iter().sum(),
        })
    }

    /// The output's last stable offsets.
    pub fn visible(&self) -> Result<Vec<i64>> {
        let bounds = kafka::bounds(&self.reader, &self.out)?;
        Ok(bounds.into_iter().map(|(_, end)| end).collect())
    }

    /// Input records committed.
    pub fn committed(&self) -> Result<u64> {
        let asked = kafka::positions(&self.entry_input, PARTITIONS, Offset::Invalid)?;
        let committed = self.group.committed_offsets(asked, DEADLINE)?;
        let read = |partition: i32, (start, end): &(i64, i64)| {
            let found = committed.find_partition(&self.entry_input, partition);
            match found.map(|element| element.offset()) {
                Some(Offset::Offset(offset)) => offset.clamp(*start, *end).abs_diff(*start),
                _ => 0,
            }
        };
        Ok((0..)
            .zip(&self.input)
            .map(|(partition, bounds)| read(partition, bounds))
            .sum())
    }
}

#[derive(Clone, Copy)]
struct Point {
    at: Instant,
    committed: u64,
    cpu_s: f64,
}

/// Start a run, watch it to its end, stop it.
pub fn measure(entry: &Entry<'_>) -> Result<Figures> {
    let observer = Observer::new(entry)?;
    let machine_before = proc::machine();
    let process = entry.start()?;
    let started = process.started;
    let (points, peak_kb) = watch(process, &observer, entry.epoch())?;
    let busy = machine_before
        .zip(proc::machine())
        .map(|(a, b)| (b.0 - a.0) / (b.1 - a.1));
    let total = observer.total();
    let Some(last) = points.last().filter(|p| p.committed == total) else {
        bail!(
            "only {} of {total} input records were committed",
            points.last().map_or(0, |p| p.committed)
        );
    };
    let seconds = (last.at - started).as_secs_f64();
    let millions = total as f64 / 1e6;
    let warm = points
        .iter()
        .find(|p| p.committed > 0)
        .filter(|p| p.committed * 2 < total)
        .map(|first| {
            let records = (total - first.committed) as f64;
            (
                records / (last.at - first.at).as_secs_f64(),
                (last.cpu_s - first.cpu_s) / records * 1e6,
            )
        });
    Ok(Figures {
        records: total,
        seconds,
        records_per_s: total as f64 / seconds,
        warm_records_per_s: warm.map(|w| w.0),
        cpu_s_per_million: last.cpu_s / millions,
        warm_cpu_s_per_million: warm.map(|w| w.1),
        peak_mb: peak_kb as f64 / 1024.0,
        machine_busy: busy.unwrap_or(f64::NAN),
    })
}

/// Every movement of input or output until the process ends by itself or has nothing left to do; and its peak memory.
fn watch(mut process: Process, observer: &Observer, epoch: Duration) -> Result<(Vec<Point>, u64)> {
    let total = observer.total();
    let mut points: Vec<Point> = Vec::new();
    let mut before = Look {
        committed: 0,
        visible: observer.visible()?.iter().sum(),
    };
    let (mut usage, mut peak_kb, mut moved) = (Usage::default(), 0, Instant::now());
    loop {
        std::thread::sleep(LOOK);
        if let Some(now) = proc::usage(process.id()) {
            (usage, peak_kb) = (now, peak_kb.max(now.peak_kb));
        }
        let ended = process.ended()?;
        let look = observer.look(before)?;
        if look != before {
            (before, moved) = (look, Instant::now());
            points.push(Point {
                at: moved,
                committed: look.committed,
                cpu_s: usage.cpu_s,
            });
        }
        if ended {
            return Ok((points, peak_kb));
        }
        if look.committed == total && moved.elapsed() > QUIET + 2 * epoch {
            process.stop()?;
            return Ok((points, peak_kb));
        }
        if moved.elapsed() > STALL {
            bail!(
                "nothing moves any more: {} of {total} input records are committed",
                look.committed
            );
        }
    }
}
