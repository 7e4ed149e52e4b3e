//! What the data plane measures, in Prometheus' text format. A host exports its own shards; what a job has done as a whole
//! is the sum over hosts, for a shard runs on one of them at a time. Names in labels are `[a-z0-9-]`: nothing to escape.

use crate::port::{RunState, ShardStatus, Status};
use sluicebox_core::ledger::Account;
use std::fmt::Write;

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
    fn(&ShardStatus) -> Vec<Sample>,
);

/// Labels beyond tenant, job and shard; a value.
type Sample = (String, i128);

const OF_SHARDS: [Metric; 4] = [
    (
        "sluicebox_shard_epoch",
        "gauge",
        "Last committed epoch of a shard.",
        |shard| vec![(String::new(), i128::from(shard.epoch))],
    ),
    (
        "sluicebox_source_position",
        "gauge",
        "Next offset of a source partition, not yet committed.",
        |shard| by_partition(shard.positions.iter().map(|(p, v)| (*p, *v))),
    ),
    (
        "sluicebox_watermark_timestamp_ms",
        "gauge",
        "Watermark of a source partition, in milliseconds since 1970.",
        |shard| by_partition(shard.watermarks.iter().map(|(p, v)| (*p, *v))),
    ),
    (
        "sluicebox_operator_rows_total",
        "counter",
        "Rows of an operator by where they went; `in` is the sum of the others, but for those of windows.",
        |shard| {
            let rows = shard.ledger.iter();
            rows.flat_map(|(operator, account)| classes(operator, account))
                .collect()
        },
    ),
];

fn by_partition(values: impl Iterator<Item = (i32, i64)>) -> Vec<Sample> {
    values
        // A watermark before the first record is no time.
        .filter(|(_, value)| *value > i64::MIN / 2)
        .map(|(partition, value)| (format!(",partition=\"{partition}\""), i128::from(value)))
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
        (labels, i128::from(rows))
    })
    .into()
}

/// All metrics of these jobs.
pub fn text(jobs: &[Measured]) -> String {
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
        for Measured {
            tenant,
            job,
            status,
        } in jobs
        {
            for shard in &status.shards {
                for (labels, value) in samples(shard) {
                    let number = shard.shard;
                    let _ = writeln!(
                        out,
                        "{name}{{tenant=\"{tenant}\",job=\"{job}\",shard=\"{number}\"{labels}}} {value}"
                    );
                }
            }
        }
    }
    out
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_job_with_a_shard() {
        let account = Account {
            input: 10,
            forwarded: 7,
            filtered: 3,
            ..Account::default()
        };
        let shard = ShardStatus {
            shard: 2,
            state: RunState::Running,
            message: None,
            epoch: 41,
            positions: BTreeMap::from([(2, 10)]),
            watermarks: BTreeMap::from([(2, i64::MIN), (6, 5_000)]),
            ledger: BTreeMap::from([("valid".to_owned(), account)]),
        };
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
        insta::assert_snapshot!(text(&[job]));
    }
}
