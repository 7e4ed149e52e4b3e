//! Compares an output, record by record, with the workload's truth. A fast engine that is wrong has no figures.
use crate::kafka;
use crate::twin::Job;
use crate::workload::{Record, SENTINEL, Spend, WINDOW_MS, Workload};
use anyhow::{Result, bail};
use rdkafka::message::Message;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;

/// Differences shown as examples.
const EXAMPLES_MAX: usize = 5;

/// How an output differs from the truth; exact if all counts of differences are 0.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verdict {
    /// Records read, without sentinels.
    pub rows: u64,
    /// Records there should be.
    pub want: u64,
    pub lost: u64,
    pub dup: u64,
    pub wrong: u64,
    /// Well-formed records that nobody asked for.
    pub extra: u64,
    /// Records that are not of the job's form.
    pub bad: u64,
    pub examples: Vec<String>,
}

impl Verdict {
    fn note(&mut self, what: &str, row: impl std::fmt::Debug) {
        let count = match what {
            "lost" => &mut self.lost,
            "dup" => &mut self.dup,
            "wrong" => &mut self.wrong,
            "extra" => &mut self.extra,
            _ => &mut self.bad,
        };
        *count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(format!("{what}: {row:?}"));
        }
    }

    /// Whether the output is the truth.
    pub fn exact(&self) -> bool {
        self.lost + self.dup + self.wrong + self.extra + self.bad == 0
    }

    /// An error unless exact.
    pub fn require_exact(&self, what: &str) -> Result<()> {
        if self.exact() {
            return Ok(());
        }
        let Self {
            rows,
            want,
            lost,
            dup,
            wrong,
            extra,
            bad,
            examples,
        } = self;
        bail!(
            "{what}: the output is not exact: {rows} rows of {want}; lost {lost}, dup {dup}, wrong {wrong}, extra {extra}, bad {bad}\n{}",
            examples.join("\n")
        )
    }
}

/// Read the committed records of `topic` and compare.
pub fn verify(brokers: &str, topic: &str, job: Job, workload: &Workload) -> Result<Verdict> {
    let mut truth = Truth::of(job, workload);
    kafka::scan(brokers, topic, |message| {
        let row = Row {
            key: message.key().unwrap_or_default(),
            value: message.payload().unwrap_or_default(),
            ts: message.timestamp().to_millis().unwrap_or(-1),
        };
        truth.see(&row);
        Ok(())
    })?;
    Ok(truth.finish())
}

/// One output record.
#[derive(Clone, Copy, Debug)]
struct Row<'a> {
    key: &'a [u8],
    value: &'a [u8],
    ts: i64,
}

#[derive(Deserialize)]
struct Mapped<'a> {
    id: u64,
    user: Cow<'a, str>,
    page: Cow<'a, str>,
    amount: i64,
    ts: i64,
    cents: i64,
}

#[derive(Debug, Deserialize)]
struct Counted<'a> {
    user: Cow<'a, str>,
    w: i64,
    count: u64,
    sum: i64,
}

/// The truth, and what was seen of it.
enum Truth<'a> {
    Mapped {
        workload: &'a Workload,
        seen: Vec<bool>,
        verdict: Verdict,
    },
    Counted {
        spends: HashMap<(u64, i64), (Spend, bool)>,
        verdict: Verdict,
    },
}

impl<'a> Truth<'a> {
    fn of(job: Job, workload: &'a Workload) -> Self {
        let verdict = Verdict::default();
        match job {
            Job::Stateless => Self::Mapped {
                workload,
                seen: vec![false; workload.n as usize],
                verdict,
            },
            Job::Windowed => {
                let spends = workload.spends().into_iter();
                Self::Counted {
                    spends: spends.map(|(k, s)| (k, (s, false))).collect(),
                    verdict,
                }
            }
        }
    }

    fn see(&mut self, row: &Row<'_>) {
        if row.key.first() == Some(&SENTINEL) {
            return;
        }
        match self {
            Self::Mapped {
                workload,
                seen,
                verdict,
            } => see_mapped(workload, seen, verdict, row),
            Self::Counted { spends, verdict } => see_counted(spends, verdict, row),
        }
    }

    fn finish(self) -> Verdict {
        match self {
            Self::Mapped {
                workload,
                seen,
                mut verdict,
            } => {
                for (i, seen) in (0..)
                    .zip(seen)
                    .filter(|(i, _)| workload.record(*i).passes())
                {
                    verdict.want += 1;
                    if !seen {
                        verdict.note("lost", i);
                    }
                }
                verdict
            }
            Self::Counted {
                spends,
                mut verdict,
            } => {
                verdict.want = spends.len() as u64;
                for (key, _) in spends.iter().filter(|(_, (_, seen))| !seen) {
                    verdict.note("lost", key);
                }
                verdict
            }
        }
    }
}

fn see_mapped(workload: &Workload, seen: &mut [bool], verdict: &mut Verdict, row: &Row<'_>) {
    verdict.rows += 1;
    let text = String::from_utf8_lossy(row.value);
    let Ok(mapped) = serde_json::from_slice::<Mapped<'_>>(row.value) else {
        return verdict.note("bad", text);
    };
    let Some(seen) = seen.get_mut(mapped.id as usize) else {
        return verdict.note("extra", text);
    };
    if !is_map_of(&mapped, &workload.record(mapped.id), row) {
        verdict.note("wrong", &text);
    }
    if std::mem::replace(seen, true) {
        verdict.note("dup", &text);
    }
}

fn is_map_of(mapped: &Mapped<'_>, record: &Record, row: &Row<'_>) -> bool {
    let page = mapped
        .page
        .strip_prefix("/SHOP/ITEM/")
        .and_then(|page| page.parse().ok());
    record.passes()
        && user_of(row.key) == Some(record.user)
        && user_of(mapped.user.as_bytes()) == Some(record.user)
        && page == Some(record.page)
        && (mapped.amount, mapped.cents) == (record.amount, record.amount * 100)
        && (mapped.ts, row.ts) == (record.ts, record.ts)
}

fn see_counted(
    spends: &mut HashMap<(u64, i64), (Spend, bool)>,
    verdict: &mut Verdict,
    row: &Row<'_>,
) {
    verdict.rows += 1;
    let Ok(counted) = serde_json::from_slice::<Counted<'_>>(row.value) else {
        return verdict.note("bad", String::from_utf8_lossy(row.value));
    };
    let user = user_of(counted.user.as_bytes());
    let Some((spend, seen)) = user.and_then(|user| spends.get_mut(&(user, counted.w))) else {
        return verdict.note("extra", counted);
    };
    let got = Spend {
        count: counted.count,
        sum: counted.sum,
    };
    if got != *spend || user_of(row.key) != user || row.ts != counted.w + WINDOW_MS - 1 {
        verdict.note("wrong", (&counted, *spend));
    }
    if std::mem::replace(seen, true) {
        verdict.note("dup", counted);
    }
}

/// The number in `user-00000042`; nothing else passes.
fn user_of(key: &[u8]) -> Option<u64> {
    let digits = key
        .strip_prefix(b"user-")
        .filter(|digits| digits.len() == 8)?;
    digits.iter().try_fold(0, |n, d| {
        d.is_ascii_digit().then(|| n * 10 + u64::from(d - b'0'))
    })
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
