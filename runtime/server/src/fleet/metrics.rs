//! What the data plane measures, in Prometheus' text format. A host exports its own shards; what a job has done as a whole
//! is the sum over hosts, for a shard runs on one of them at a time. Names in labels are `[a-z0-9-]`: nothing to escape.

use super::budgets::Used;
use crate::exposition::head;
use crate::port::{RunState, ShardStatus, Status};
use sluicebox_core::ledger::Account;
use sluicebox_host::{Histogram, HotKey, Limits, OperatorFigures, SECONDS, Spent};
use std::fmt::Write;
use std::time::Duration;

/// A job's names and how it is.
pub struct Measured {
    /// Whose it is.
    pub tenant: String,
    /// Its name.
    pub job: String,
    /// As on its board.
    pub status: Status,
}

const STATES: [(&str, RunState); 5] = [
    ("starting", RunState::Starting),
    ("running", RunState::Running),
    ("restarting", RunState::Restarting),
    ("idle", RunState::Idle),
    ("halted", RunState::Halted),
];

/// One metric: name, type, help, and how to find its samples in a shard.
type Metric = (
    &'static str,
    &'static str,
    &'static str,
    fn(&ShardStatus, now_ms: i64) -> Vec<Sample>,
);

/// What follows the name, labels beyond tenant, job and shard, a value.
type Sample = (&'static str, String, f64);

const OF_SHARDS: [Metric; 24] = [
    (
        "sluicebox_shard_epoch",
        "gauge",
        "Last committed epoch of a shard.",
        |shard, _| one(shard.epoch as f64),
    ),
    (
        "sluicebox_source_position",
        "gauge",
        "Next offset of a source partition, not yet committed.",
        |shard, _| by_partition(shard.positions.iter().map(|(p, v)| (*p, *v))),
    ),
    (
        "sluicebox_source_lag_records",
        "gauge",
        "Offsets between the position in a source partition and its end, as of the last fetch.",
        |shard, _| by_partition(shard.lags()),
    ),
    (
        "sluicebox_watermark_timestamp_ms",
        "gauge",
        "Watermark of a source partition, in milliseconds since 1970.",
        |shard, _| by_partition(shard.watermarks.iter().map(|(p, v)| (*p, *v))),
    ),
    (
        "sluicebox_watermark_delay_ms",
        "gauge",
        "How far the watermark of a source partition is behind this host's clock, in milliseconds.",
        |shard, now_ms| {
            let known = shard.watermarks.iter().filter(|(_, v)| is_time(**v));
            by_partition(known.map(|(p, v)| (*p, now_ms - *v)))
        },
    ),
    (
        "sluicebox_operator_rows_total",
        "counter",
        "Rows of an operator by where they went; `in` is the sum of the others, but for those of windows.",
        |shard, _| {
            let rows = shard.ledger.iter();
            rows.flat_map(|(operator, account)| classes(operator, account))
                .collect()
        },
    ),
    (
        "sluicebox_shard_time_seconds_total",
        "counter",
        "Where a shard's time went: busy, idle (no records), back_pressured (waiting for brokers), throttled (quota used up).",
        |shard, _| {
            let figures = &shard.figures;
            let times = [
                ("busy", figures.busy),
                ("idle", figures.idle),
                ("back_pressured", figures.back_pressured),
                ("throttled", figures.throttled),
            ];
            let sample = |(state, time): (&str, Duration)| {
                ("", format!(",state=\"{state}\""), time.as_secs_f64())
            };
            times.map(sample).into()
        },
    ),
    (
        "sluicebox_shard_cpu_seconds_total",
        "counter",
        "CPU time of a shard's thread.",
        |shard, _| one(shard.figures.cpu.as_secs_f64()),
    ),
    (
        "sluicebox_shard_records_total",
        "counter",
        "Records read from the source, and written to sinks, late and dead-letter topics.",
        |shard, _| both(shard.figures.records_read, shard.figures.records_written),
    ),
    (
        "sluicebox_shard_bytes_total",
        "counter",
        "Their keys, values and headers, in bytes.",
        |shard, _| both(shard.figures.bytes_read, shard.figures.bytes_written),
    ),
    (
        "sluicebox_epoch_duration_seconds",
        "histogram",
        "Epochs, from their first record to the end of their commit.",
        |shard, _| histogram("", &shard.figures.epochs),
    ),
    (
        "sluicebox_commit_duration_seconds",
        "histogram",
        "Commits of epochs: the wait for acknowledgements, the positions, the transaction.",
        |shard, _| histogram("", &shard.figures.commits),
    ),
    (
        "sluicebox_epoch_records",
        "gauge",
        "Records of the last epoch.",
        |shard, _| one(shard.figures.last_epoch.records as f64),
    ),
    (
        "sluicebox_epoch_changelog_bytes",
        "gauge",
        "What the last epoch wrote to the changelog, in bytes.",
        |shard, _| one(shard.figures.last_epoch.changelog_bytes as f64),
    ),
    (
        "sluicebox_changelog_bytes_total",
        "counter",
        "Written to the changelog, in bytes.",
        |shard, _| one(shard.figures.changelog_bytes as f64),
    ),
    (
        "sluicebox_transactions_aborted_total",
        "counter",
        "Transactions that a shard aborted: it went back to its last commit.",
        |shard, _| one(shard.figures.aborts as f64),
    ),
    (
        "sluicebox_state_bytes",
        "gauge",
        "About how many bytes the committed state of a shard takes.",
        |shard, _| one(shard.figures.state_bytes as f64),
    ),
    (
        "sluicebox_udf_call_duration_seconds",
        "histogram",
        "Calls of an operator's module: their sum is the operator's busy time.",
        |shard, _| {
            let operators = shard.figures.operators.iter();
            operators
                .flat_map(|o| histogram(&of(&o.id), &o.calls))
                .collect()
        },
    ),
    (
        "sluicebox_udf_rows_total",
        "counter",
        "Rows that an operator's module was given.",
        |shard, _| by_operator(shard, |operator| operator.rows),
    ),
    (
        "sluicebox_udf_traps_total",
        "counter",
        "Calls of an operator's module that trapped, ran out of a limit or answered nonsense.",
        |shard, _| by_operator(shard, |operator| operator.traps),
    ),
    (
        "sluicebox_udf_memory_bytes",
        "gauge",
        "Memory that the instance of an operator's module takes, in bytes.",
        |shard, _| by_operator(shard, |operator| operator.memory_bytes),
    ),
    (
        "sluicebox_shard_restarting",
        "gauge",
        "1 while a shard starts over after a fault.",
        |shard, _| one(f64::from(shard.state == RunState::Restarting)),
    ),
    (
        "sluicebox_shard_epochs_total",
        "counter",
        "Epochs that a shard committed since it started on this host.",
        |shard, _| one(shard.figures.epochs.count() as f64),
    ),
    (
        "sluicebox_hot_key_ratio",
        "gauge",
        "Part of a shard's records that its hottest key had lately, from 0 to 1; which key stands in the job's status.",
        |shard, _| one((shard.figures.hot_keys.first()).map_or(0.0, HotKey::share)),
    ),
];

/// What is exported of a tenant on this host.
type OfTenant = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Limits, &Spent) -> Vec<Sample>,
);

const OF_TENANTS: [OfTenant; 6] = [
    (
        "sluicebox_tenant_cpu_seconds_total",
        "counter",
        "CPU time of a tenant's shards on this host.",
        |_, spent| one(spent.cpu.as_secs_f64()),
    ),
    (
        "sluicebox_tenant_records_total",
        "counter",
        "Records that a tenant's jobs read on this host.",
        |_, spent| one(spent.records as f64),
    ),
    (
        "sluicebox_tenant_bytes_total",
        "counter",
        "Bytes that a tenant's jobs read and wrote on this host.",
        |_, spent| one(spent.bytes as f64),
    ),
    (
        "sluicebox_tenant_throttled_seconds_total",
        "counter",
        "Time that a tenant's shards were held back because a quota was used up, of all shards together.",
        |_, spent| one(spent.throttled.as_secs_f64()),
    ),
    (
        "sluicebox_tenant_state_bytes",
        "gauge",
        "Committed state of a tenant's jobs on this host, in bytes.",
        |_, spent| one(spent.state_bytes as f64),
    ),
    (
        "sluicebox_tenant_quota",
        "gauge",
        "Quotas of a tenant on this host; one without a limit is not there.",
        |limits, _| {
            let quotas = [
                ("cpu_percent_max", limits.cpu_percent.map(u64::from)),
                ("records_per_second_max", limits.records_per_second),
                ("bytes_per_second_max", limits.bytes_per_second),
                ("state_bytes_max", limits.state_bytes),
            ];
            let set = quotas.into_iter().filter_map(|(q, max)| Some((q, max?)));
            set.map(|(quota, max)| ("", format!(",quota=\"{quota}\""), max as f64))
                .collect()
        },
    ),
];

fn one(value: f64) -> Vec<Sample> {
    vec![("", String::new(), value)]
}

fn both(read: u64, written: u64) -> Vec<Sample> {
    [("read", read), ("written", written)]
        .map(|(direction, count)| ("", format!(",direction=\"{direction}\""), count as f64))
        .into()
}

fn of(operator: &str) -> String {
    format!(",operator=\"{operator}\"")
}

fn by_operator(shard: &ShardStatus, value: fn(&OperatorFigures) -> u64) -> Vec<Sample> {
    let operators = shard.figures.operators.iter();
    operators
        .map(|operator| ("", of(&operator.id), value(operator) as f64))
        .collect()
}

fn histogram(labels: &str, histogram: &Histogram) -> Vec<Sample> {
    let bounds = SECONDS.iter().map(f64::to_string);
    let mut so_far = 0;
    let mut samples: Vec<Sample> = bounds
        .chain(["+Inf".to_owned()])
        .zip(histogram.buckets)
        .map(|(bound, count)| {
            so_far += count;
            ("_bucket", format!("{labels},le=\"{bound}\""), so_far as f64)
        })
        .collect();
    samples.push(("_sum", labels.to_owned(), histogram.sum.as_secs_f64()));
    samples.push(("_count", labels.to_owned(), histogram.count() as f64));
    samples
}

/// A watermark before the first record is no time.
fn is_time(watermark: i64) -> bool {
    watermark > i64::MIN / 2
}

fn by_partition(values: impl Iterator<Item = (i32, i64)>) -> Vec<Sample> {
    values
        .filter(|(_, value)| is_time(*value))
        .map(|(partition, value)| ("", format!(",partition=\"{partition}\""), value as f64))
        .collect()
}

fn classes(operator: &str, account: &Account) -> Vec<Sample> {
    [
        ("in", account.input),
        ("forwarded", account.forwarded),
        ("filtered", account.filtered),
        ("skipped", account.skipped),
        ("late", account.late),
        ("dead_lettered", account.dead_lettered),
        ("absorbed", account.absorbed),
        ("window_assigned", account.assigned),
        ("window_released", account.released),
    ]
    .map(|(class, rows)| {
        let labels = format!(",operator=\"{operator}\",class=\"{class}\"");
        ("", labels, rows as f64)
    })
    .into()
}

/// All metrics of these jobs and tenants.
pub fn text(jobs: &[Measured], tenants: &[Used], now_ms: i64) -> String {
    let mut out = String::new();
    head(
        &mut out,
        "sluicebox_job_state",
        "gauge",
        "1 for the state that a job is in on this host.",
    );
    for Measured {
        tenant,
        job,
        status,
    } in jobs
    {
        for (name, state) in STATES {
            let value = u8::from(status.state == state);
            // A String takes any write.
            let _ = writeln!(
                out,
                "sluicebox_job_state{{tenant=\"{tenant}\",job=\"{job}\",state=\"{name}\"}} {value}"
            );
        }
    }
    for (name, kind, help, samples) in OF_SHARDS {
        head(&mut out, name, kind, help);
        for job in jobs {
            for shard in &job.status.shards {
                let (tenant, job, number) = (&job.tenant, &job.job, shard.shard);
                let labels = format!("tenant=\"{tenant}\",job=\"{job}\",shard=\"{number}\"");
                write(&mut out, name, &labels, samples(shard, now_ms));
            }
        }
    }
    for (name, kind, help, samples) in OF_TENANTS {
        head(&mut out, name, kind, help);
        for (tenant, limits, spent) in tenants {
            let labels = format!("tenant=\"{tenant}\"");
            write(&mut out, name, &labels, samples(limits, spent));
        }
    }
    out
}

fn write(out: &mut String, name: &str, labels: &str, samples: Vec<Sample>) {
    for (suffix, more, value) in samples {
        // A String takes any write.
        let _ = writeln!(out, "{name}{suffix}{{{labels}{more}}} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_host::Figures;
    use std::collections::BTreeMap;

    #[test]
    fn a_job_with_a_shard() {
        let account = Account {
            input: 10,
            forwarded: 7,
            filtered: 3,
            ..Account::default()
        };
        let mut shard = ShardStatus {
            state: RunState::Running,
            epoch: 41,
            positions: BTreeMap::from([(2, 10)]),
            ends: BTreeMap::from([(2, 25)]),
            watermarks: BTreeMap::from([(2, i64::MIN), (6, 5_000)]),
            ledger: BTreeMap::from([("valid".to_owned(), account)]),
            ..ShardStatus::unknown(2)
        };
        let mut calls = Histogram {
            sum: Duration::from_millis(700),
            ..Histogram::default()
        };
        calls.buckets[3] = 2;
        calls.buckets[8] = 1;
        shard.measured(&Figures {
            busy: Duration::from_millis(1_500),
            records_read: 10,
            operators: vec![OperatorFigures {
                id: "valid".to_owned(),
                calls,
                rows: 10,
                traps: 1,
                memory_bytes: 65_536,
            }],
            hot_keys: vec![HotKey {
                key: b"ann".to_vec(),
                count: 25,
                of: 100,
            }],
            ..Figures::default()
        });
        let job = Measured {
            tenant: "shop".to_owned(),
            job: "spend".to_owned(),
            status: Status {
                state: RunState::Running,
                version: Some(1),
                message: None,
                shards: vec![shard],
            },
        };
        let limits = Limits {
            cpu_percent: Some(50),
            ..Limits::default()
        };
        let spent = Spent {
            records: 10,
            ..Spent::default()
        };
        let tenants = [("shop".to_owned(), limits, spent)];
        insta::assert_snapshot!(text(&[job], &tenants, 65_000));
    }
}
