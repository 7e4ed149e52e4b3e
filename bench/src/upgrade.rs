//! A running fleet: how long from an upload to a running job, and how long an upgrade keeps records from coming out while
//! they come in at full pace. One host, its API, a real broker; every output is compared with the truth.
use crate::kafka::{self, PARTITIONS, Topics};
use crate::latency::{self, Pace, Sent};
use crate::runner::Setup;
use crate::twin::Job;
use crate::verify;
use crate::workload::Workload;
use anyhow::{Context, Result, ensure};
use clap::Args;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::Offset;
use serde::Serialize;
use sluicebox_tests::api::Api;
use sluicebox_tests::serving::{Installation, Served};
use std::time::{Duration, Instant};

const TENANT: &str = "default";
const MODULES: [&str; 2] = ["bench-filter", "bench-map"];
/// Between two upgrades: the pause of one must be over before the next.
const BETWEEN: Duration = Duration::from_secs(5);
/// How often it is asked whether a job runs: the figures are this exact. A token may ask 50 times a second.
const LOOK: Duration = Duration::from_millis(25);

/// What to do.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// Records a second.
    #[arg(long, default_value_t = 100_000)]
    pub rate: u64,
    /// Upgrades, and jobs that are deployed anew before them.
    #[arg(long, default_value_t = 5)]
    pub times: u32,
    /// Length of an epoch, in milliseconds.
    #[arg(long, default_value_t = 100)]
    pub epoch: u64,
}

/// Medians and worst cases, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Size of the uploaded module, in bytes.
    pub module_bytes: usize,
    /// From the upload of a new module to all shards of a new job running.
    pub upload_to_running_ms: Spread,
    /// Longest time without a visible record of a partition that had some to read, around an upgrade.
    pub upgrade_gap_ms: Spread,
    /// The same without upgrades: an epoch and a commit.
    pub ordinary_gap_ms: Spread,
}

/// Of several runs.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    pub median: f64,
    pub worst: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |i: usize| values.get(i).copied().unwrap_or(f64::NAN);
        Self {
            median: at(values.len() / 2),
            worst: at(values.len().saturating_sub(1)),
        }
    }
}

/// A visible record: when, and of which partition.
type Seen = (u64, i32);

/// Measure.
pub fn run(setup: &Setup, plan: &Plan) -> Result<Figures> {
    let installation = Installation::new(&setup.brokers)?;
    let host = installation.start("bench", None)?;
    let fresh = (0..plan.times).map(|i| deploy_new(setup, &host.api, plan, i));
    let fresh = fresh.collect::<Result<Vec<_>>>()?;
    let seconds = BETWEEN * (plan.times + 2);
    let workload = Workload {
        n: plan.rate * seconds.as_secs(),
        span_ms: i64::try_from(seconds.as_millis())?,
        jitter_ms: 1,
        ..Workload::standard(0)
    };
    let (input, out) = names("paced");
    let topics = Topics::new(&setup.brokers)?;
    topics.create(&input)?;
    topics.create(&out)?;
    push(setup, &host.api, "paced", 0)?;
    deploy(&host.api, plan, "paced", 1)?;
    let sent = Sent::new(workload.n);
    let pace = Pace {
        rate: plan.rate,
        ..Pace::default()
    };
    let (seen, upgrades) = std::thread::scope(|scope| {
        let produce =
            scope.spawn(|| latency::produce(&setup.brokers, &input, &workload, &pace, &sent));
        let read = scope.spawn(|| read(&setup.brokers, &out, &workload, &sent));
        let upgrades = upgrade(setup, &host, plan, &sent);
        produce
            .join()
            .map_err(|_| anyhow::anyhow!("the producer panicked"))??;
        let seen = read
            .join()
            .map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        anyhow::Ok((seen, upgrades?))
    })?;
    verify::verify(&setup.brokers, &out, Job::Stateless, &workload)?.require_exact("upgrades")?;
    let gap = |from: u64| gap_ms(&seen, from, from + BETWEEN.as_micros() as u64);
    let quiet = upgrades.first().context("no upgrade")? - BETWEEN.as_micros() as u64;
    Ok(Figures {
        module_bytes: module(setup, MODULES[1], 0)?.len(),
        upload_to_running_ms: Spread::of(fresh),
        upgrade_gap_ms: Spread::of(upgrades.iter().map(|at| gap(*at)).collect()),
        ordinary_gap_ms: Spread::of(vec![gap(quiet)]),
    })
}

fn names(job: &str) -> (String, String) {
    let base = format!("bench-{}-{job}", std::process::id());
    (format!("{base}-in"), format!("{base}-out"))
}

/// A module's bytes, made unlike any other by a custom section at their end.
fn module(setup: &Setup, name: &str, salt: u32) -> Result<Vec<u8>> {
    let path = setup.guests.join(format!("{name}.wasm"));
    let mut bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let id = std::process::id().to_le_bytes();
    bytes.extend([0, 13, 4]);
    bytes.extend(b"salt");
    bytes.extend(id);
    bytes.extend(salt.to_le_bytes());
    Ok(bytes)
}

/// Push the filter once, and a map that nobody has seen, under a name of its own. Answers nothing: versions count from 1.
fn push(setup: &Setup, api: &Api, job: &str, salt: u32) -> Result<()> {
    api.push_bytes(TENANT, MODULES[0], &module(setup, MODULES[0], 0)?)?;
    let map = module(setup, MODULES[1], salt)?;
    api.push_bytes(TENANT, &format!("map-{job}"), &map)
        .map(drop)
}

fn deploy(api: &Api, plan: &Plan, job: &str, version: u32) -> Result<()> {
    let (input, out) = names(job);
    let epoch = plan.epoch;
    let spec = format!(
        "apiVersion: sluicebox/v1
job: {job}
kafka: main
source:
  kafka: {{ topic: {input}, start: earliest }}
  watermark: {{ max_out_of_orderness: 20s }}
operators:
  - {{ id: valid, filter: {{ module: bench-filter@1 }} }}
  - {{ id: enrich, map: {{ module: map-{job}@{version} }} }}
sink: {{ kafka: {{ topic: {out} }} }}
delivery: exactly_once
epoch: {{ interval: {epoch}ms }}
"
    );
    api.deploy(TENANT, job, &spec).map(drop)
}

/// Wait until every shard runs this version.
fn wait(api: &Api, job: &str, version: u64) -> Result<()> {
    let until = Instant::now() + kafka::DEADLINE;
    loop {
        let answer = api.job(TENANT, job)?;
        let status = &answer["status"];
        let shards = status["shards"].as_array().map_or(&[][..], Vec::as_slice);
        let all =
            shards.len() == PARTITIONS as usize && shards.iter().all(|s| s["state"] == "running");
        if all && status["version"] == version {
            return Ok(());
        }
        ensure!(Instant::now() < until, "job {job} does not run: {answer:#}");
        std::thread::sleep(LOOK);
    }
}

/// From the upload of a module that nobody has seen to a job that runs it, in milliseconds.
fn deploy_new(setup: &Setup, api: &Api, plan: &Plan, number: u32) -> Result<f64> {
    let job = format!("fresh-{number}");
    let (input, out) = names(&job);
    let topics = Topics::new(&setup.brokers)?;
    topics.create(&input)?;
    topics.create(&out)?;
    let started = Instant::now();
    push(setup, api, &job, 1_000 + number)?;
    deploy(api, plan, &job, 1)?;
    wait(api, &job, 1)?;
    let took = started.elapsed().as_secs_f64() * 1e3;
    api.ok(
        "POST",
        &format!("/v1/tenants/{TENANT}/jobs/{job}/stop"),
        b"",
    )?;
    Ok(took)
}

/// Upgrade again and again; answers when each was asked for, in microseconds of the clock of `sent`.
fn upgrade(setup: &Setup, host: &Served, plan: &Plan, sent: &Sent) -> Result<Vec<u64>> {
    std::thread::sleep(2 * BETWEEN);
    let mut at = Vec::new();
    for version in 2..2 + plan.times {
        let started = Instant::now();
        push(setup, &host.api, "paced", version)?;
        at.push(sent.now());
        deploy(&host.api, plan, "paced", version)?;
        std::thread::sleep(BETWEEN.saturating_sub(started.elapsed()));
    }
    Ok(at)
}

/// Read until every record that should come out has.
fn read(brokers: &str, topic: &str, workload: &Workload, sent: &Sent) -> Result<Vec<Seen>> {
    let mut config = kafka::consumer_config(brokers, "bench-upgrade");
    let consumer: BaseConsumer = config.set("fetch.wait.max.ms", "100").create()?;
    consumer.assign(&kafka::positions(topic, PARTITIONS, Offset::Beginning)?)?;
    let left = (0..workload.n)
        .filter(|i| workload.record(*i).passes())
        .count();
    let (mut seen, mut moved) = (Vec::with_capacity(left), Instant::now());
    while seen.len() < left {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
            seen.push((sent.now(), message.partition()));
            moved = Instant::now();
        }
        ensure!(
            moved.elapsed() < kafka::DEADLINE * 2,
            "{} of {left} records are visible",
            seen.len()
        );
    }
    Ok(seen)
}

/// Longest time between two visible records of one partition that are in this span, in milliseconds.
fn gap_ms(seen: &[Seen], from: u64, to: u64) -> f64 {
    let gap = |partition: i32| {
        let of = seen
            .iter()
            .filter(|(at, p)| *p == partition && (from..to).contains(at));
        let times: Vec<u64> = of.map(|(at, _)| *at).collect();
        times
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap_or(to - from)
    };
    (0..PARTITIONS).map(gap).max().unwrap_or(0) as f64 / 1e3
}
