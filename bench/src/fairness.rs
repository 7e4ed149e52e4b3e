//! One host, twenty tenants at a fixed pace, and one more beside them that takes all that its quota gives: in turns a
//! well-behaved one, and ones that spin, take memory, flood the log or write a thousand records for each. What counts is what
//! the twenty notice: produce → visible, hostile over well-behaved.
use crate::kafka::{self, PARTITIONS, Producer, Topics};
use crate::latency::Sent;
use crate::runner::Setup;
use crate::workload::Workload;
use anyhow::{Context, Result, ensure};
use clap::Args;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sluicebox_tests::api::Api;
use sluicebox_tests::serving::Installation;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Who is beside the good ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guest {
    /// Nobody, for comparison.
    Nobody,
    /// The job of the good ones, on more records than its quota lets through.
    WellBehaved,
    /// The module `hostile`, in this mode.
    Hostile(&'static str),
}

const GUESTS: [Guest; 6] = [
    Guest::Nobody,
    Guest::WellBehaved,
    Guest::Hostile("loop"),
    Guest::Hostile("bomb"),
    Guest::Hostile("log flood"),
    Guest::Hostile("amplify by same"),
];
const NEIGHBOUR: &str = "neighbour";
/// From a deployment to the first record that counts, and from the last one to the next deployment.
const SETTLE: Duration = Duration::from_secs(4);

/// What to do.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// Good tenants.
    #[arg(long, default_value_t = 20)]
    pub tenants: u32,
    /// Records a second, of all good tenants together.
    #[arg(long, default_value_t = 4_000)]
    pub rate: u64,
    /// Rounds; in each, all kinds of neighbours take turns.
    #[arg(long, default_value_t = 5)]
    pub turns: u32,
    /// Seconds of a turn whose records count.
    #[arg(long, default_value_t = 8)]
    pub seconds: u64,
    /// Each tenant's share of a core, in percent.
    #[arg(long, default_value_t = 20)]
    pub cpu_percent: u32,
    /// Bytes that each tenant may read and write a second.
    #[arg(long, default_value_t = 8_000_000)]
    pub bytes_per_second: u64,
    /// Length of an epoch, in milliseconds.
    #[arg(long, default_value_t = 100)]
    pub epoch: u64,
}

/// What the good tenants noticed of one kind of neighbour.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The neighbour.
    pub neighbour: String,
    /// Produce → visible, in milliseconds: the 99th percentile of each round.
    pub p99_ms: Vec<f64>,
    /// Median over the rounds of this one's over the well-behaved one's of the same round.
    pub ratio: f64,
    /// CPU time that the neighbour's shard used over all rounds, in seconds.
    pub cpu_s: f64,
}

/// A visible record of a good tenant.
struct Seen {
    sent_us: u64,
    delay_us: u64,
}

/// A turn: whose, and when, in microseconds of the clock of `Sent`.
struct Turn {
    guest: Guest,
    span: std::ops::Range<u64>,
    cpu_ms: u64,
}

#[derive(Deserialize)]
struct Id {
    id: u64,
}

/// Measure.
pub fn run(setup: &Setup, plan: &Plan) -> Result<Vec<Figures>> {
    let installation = Installation::new(&setup.brokers)?;
    let host = installation.start("bench", None)?;
    let topics = Topics::new(&setup.brokers)?;
    let good: Vec<String> = (0..plan.tenants).map(|i| format!("good-{i}")).collect();
    for tenant in good.iter().map(String::as_str).chain([NEIGHBOUR]) {
        enter(setup, &host.api, plan, &topics, tenant)?;
    }
    for tenant in &good {
        deploy(&host.api, plan, tenant, Guest::WellBehaved)?;
    }
    backlog(setup, plan)?;
    let turn = SETTLE * 2 + Duration::from_secs(plan.seconds);
    let turns = plan.turns * GUESTS.len() as u32;
    // Deployments take their time as well: the end is when the turns are over.
    let n = plan.rate * (turn * turns * 2).as_secs();
    let workload = Workload {
        n,
        span_ms: 3_600_000,
        jitter_ms: 1,
        ..Workload::standard(0)
    };
    let (sent, over) = (Sent::new(n), AtomicBool::new(false));
    let (seen, turns) = std::thread::scope(|scope| {
        let produce = scope.spawn(|| produce(setup, plan, &good, &workload, &sent, &over));
        let read = scope.spawn(|| read(setup, &good, &sent, &over));
        let turns = take_turns(&host.api, plan, &sent);
        over.store(true, Ordering::Release);
        produce.join().expect("the producer panicked")?;
        anyhow::Ok((read.join().expect("the reader panicked")?, turns?))
    })?;
    figures(seen, &turns)
}

fn names(tenant: &str) -> (String, String) {
    let base = format!("bench-{}-{tenant}", std::process::id());
    (format!("{base}-in"), format!("{base}-out"))
}

/// A tenant with its topics, quota and modules.
fn enter(setup: &Setup, api: &Api, plan: &Plan, topics: &Topics, tenant: &str) -> Result<()> {
    let (input, out) = names(tenant);
    topics.create(&input)?;
    topics.create(&out)?;
    let body = json!({
        "name": tenant,
        "policy": {"read": [input], "write": [out]},
        "quotas": {
            "cpu_percent_max": plan.cpu_percent,
            "bytes_per_second_max": plan.bytes_per_second,
        },
    });
    api.ok("POST", "/v1/tenants", body.to_string().as_bytes())?;
    for module in ["bench-filter", "bench-map", "hostile"] {
        let path = setup.guests.join(format!("{module}.wasm"));
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        api.push_bytes(tenant, module, &bytes)?;
    }
    Ok(())
}

fn deploy(api: &Api, plan: &Plan, tenant: &str, guest: Guest) -> Result<()> {
    let (input, out) = names(tenant);
    let operators = match guest {
        Guest::Hostile(mode) => {
            format!(
                "  - {{ id: map, map: {{ module: hostile@1, config: {mode} }}, on_error: skip }}"
            )
        }
        _ => "  - { id: valid, filter: { module: bench-filter@1 } }
  - { id: enrich, map: { module: bench-map@1 } }"
            .to_owned(),
    };
    let epoch = plan.epoch;
    let spec = format!(
        "apiVersion: sluicebox/v1
job: work
kafka: main
source:
  kafka: {{ topic: {input}, start: earliest }}
  watermark: {{ max_out_of_orderness: 20s }}
operators:
{operators}
sink: {{ kafka: {{ topic: {out} }} }}
shards: 1
epoch: {{ interval: {epoch}ms }}
"
    );
    api.deploy(tenant, "work", &spec)?;
    api.wait_for_job(tenant, "work", "runs", |job| {
        job["status"]["shards"][0]["state"] == "running"
    })
    .map(drop)
}

/// More than the well-behaved neighbour can read in all of its turns.
fn backlog(setup: &Setup, plan: &Plan) -> Result<()> {
    let seconds = (SETTLE * 2).as_secs() + plan.seconds;
    let workload = Workload::standard(plan.bytes_per_second / 100 * seconds);
    let producer: Producer = kafka::producer_config(&setup.brokers, 5).create()?;
    let (mut key, mut value) = (Vec::new(), Vec::new());
    let (input, _) = names(NEIGHBOUR);
    for record in (0..workload.n).map(|i| workload.record(i)) {
        record.write_key(&mut key);
        record.write_value(&mut value);
        kafka::send(&producer, &input, None, &key, &value, record.ts)?;
    }
    kafka::drain(&producer)
}

/// Send each record when it is due, to one good tenant after the other, until it is over.
fn produce(
    setup: &Setup,
    plan: &Plan,
    good: &[String],
    workload: &Workload,
    sent: &Sent,
    over: &AtomicBool,
) -> Result<()> {
    let producer: Producer = kafka::producer_config(&setup.brokers, 5).create()?;
    let inputs: Vec<String> = good.iter().map(|tenant| names(tenant).0).collect();
    let (mut key, mut value) = (Vec::new(), Vec::new());
    let (begin, mut i) = (Instant::now(), 0);
    while !over.load(Ordering::Acquire) {
        let due = (begin.elapsed().as_secs_f64() * plan.rate as f64) as u64;
        ensure!(due < workload.n, "the turns take too long");
        for record in (i..due).map(|i| workload.record(i)) {
            record.write_key(&mut key);
            record.write_value(&mut value);
            sent.mark(record.id);
            let input = &inputs[record.id as usize % inputs.len()];
            kafka::send(&producer, input, None, &key, &value, record.ts)?;
        }
        i = due;
        std::thread::sleep(Duration::from_millis(1));
    }
    kafka::drain(&producer)
}

/// Read what becomes visible until it is over.
fn read(setup: &Setup, good: &[String], sent: &Sent, over: &AtomicBool) -> Result<Vec<Seen>> {
    let mut config = kafka::consumer_config(&setup.brokers, "bench-fairness");
    let consumer: BaseConsumer = config.set("fetch.wait.max.ms", "100").create()?;
    let mut all = TopicPartitionList::new();
    for (_, out) in good.iter().map(|tenant| names(tenant)) {
        for partition in 0..PARTITIONS {
            all.add_partition_offset(&out, partition, Offset::Beginning)?;
        }
    }
    consumer.assign(&all)?;
    let mut seen = Vec::new();
    while !over.load(Ordering::Acquire) {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
            let now = sent.now();
            let Id { id } = serde_json::from_slice(message.payload().unwrap_or_default())?;
            let sent_us = sent.at(id).context("a record that was never sent")?;
            seen.push(Seen {
                sent_us,
                delay_us: now.saturating_sub(sent_us),
            });
        }
    }
    Ok(seen)
}

/// All kinds of neighbours, round after round.
fn take_turns(api: &Api, plan: &Plan, sent: &Sent) -> Result<Vec<Turn>> {
    let job = format!("/v1/tenants/{NEIGHBOUR}/jobs/work");
    let tenant = format!("/v1/tenants/{NEIGHBOUR}");
    let used = || anyhow::Ok(api.ok("GET", &tenant, b"")?["used"]["cpu_ms"].as_u64());
    let mut turns = Vec::new();
    for guest in (0..plan.turns).flat_map(|_| GUESTS) {
        let before = used()?;
        if guest != Guest::Nobody {
            deploy(api, plan, NEIGHBOUR, guest)?;
        }
        std::thread::sleep(SETTLE);
        let from = sent.now();
        std::thread::sleep(Duration::from_secs(plan.seconds));
        let span = from..sent.now();
        // What was sent at the end is to become visible beside this neighbour.
        std::thread::sleep(SETTLE);
        let cpu_ms = used()?.zip(before).map_or(0, |(now, then)| now - then);
        if guest != Guest::Nobody {
            api.ok("POST", &format!("{job}/stop"), b"")?;
            api.ok("DELETE", &job, b"")?;
        }
        eprintln!("fairness {guest:?}: {:.1} s of CPU", cpu_ms as f64 / 1e3);
        turns.push(Turn {
            guest,
            span,
            cpu_ms,
        });
    }
    Ok(turns)
}

fn figures(mut seen: Vec<Seen>, turns: &[Turn]) -> Result<Vec<Figures>> {
    seen.sort_unstable_by_key(|seen| seen.sent_us);
    let p99_ms = |turn: &Turn| {
        let from = seen.partition_point(|s| s.sent_us < turn.span.start);
        let to = seen.partition_point(|s| s.sent_us < turn.span.end);
        let mut delays: Vec<u64> = seen[from..to].iter().map(|s| s.delay_us).collect();
        delays.sort_unstable();
        let at = delays.len().saturating_sub(1) * 99 / 100;
        delays.get(at).map(|us| *us as f64 / 1e3)
    };
    let of = |guest: Guest| {
        let p99s = turns.iter().filter(|t| t.guest == guest).map(p99_ms);
        p99s.collect::<Option<Vec<f64>>>()
            .context("a turn in which nothing became visible")
    };
    let base = of(Guest::WellBehaved)?;
    GUESTS
        .into_iter()
        .map(|guest| {
            let p99_ms = of(guest)?;
            let mut ratios: Vec<f64> = p99_ms.iter().zip(&base).map(|(h, w)| h / w).collect();
            ratios.sort_by(f64::total_cmp);
            let cpu = turns.iter().filter(|t| t.guest == guest);
            Ok(Figures {
                neighbour: format!("{guest:?}"),
                ratio: ratios[ratios.len() / 2],
                p99_ms,
                cpu_s: cpu.map(|t| t.cpu_ms).sum::<u64>() as f64 / 1e3,
            })
        })
        .collect()
}
