//! The workload as a pure function: record `i` follows from the parameters and `i` alone. So the truth needs no
//! Kafka, no file and no second engine, and a verifier can recompute any record it meets.
//!
//! Field names and formulas are those of the peers' bench, so either's verifier reads either's topics.
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::Write;

/// Length of the windows of the windowed job, in milliseconds.
pub const WINDOW_MS: i64 = 60_000;
/// How far the watermark stays behind the largest timestamp, in milliseconds; more than any record is late.
pub const LATENESS_MS: i64 = 20_000;
/// Keys that begin so are sentinels: they move event time and are no part of the result.
pub const SENTINEL: u8 = b'~';
/// Sentinels come this long after the last record, in milliseconds: every window of the workload closes.
const SENTINEL_AFTER_MS: i64 = 600_000;
/// 2026-01-01T00:00Z. Fixed, so that a topic written once can be used by every later run.
const START_MS: i64 = 1_767_225_600_000;

/// How keys are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distribution {
    /// P(rank) ~ 1 / (rank + 1).
    Zipf,
    /// All alike.
    Uniform,
}

/// What makes a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Records, without the sentinels.
    pub n: u64,
    /// Distinct users at most.
    pub users: u64,
    /// How users are drawn.
    pub dist: Distribution,
    /// Another seed, another workload.
    pub seed: u64,
    /// First event time, milliseconds since 1970.
    pub t0: i64,
    /// Event time the records cover, in milliseconds.
    pub span_ms: i64,
    /// Records are out of order by less than this, in milliseconds.
    pub jitter_ms: i64,
}

/// One record, before it is written as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: u64,
    pub user: u64,
    pub page: u64,
    pub amount: i64,
    /// Event time, milliseconds since 1970.
    pub ts: i64,
}

/// Count and sum of one user in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spend {
    pub count: u64,
    pub sum: i64,
}

/// SplitMix64: a stateless hash, so that record `i` needs no record before it.
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Workload {
    /// An hour of event time, up to 5 s out of order, 100,000 users.
    pub fn standard(n: u64) -> Self {
        Self {
            n,
            users: 100_000,
            dist: Distribution::Zipf,
            seed: 42,
            t0: START_MS,
            span_ms: 3_600_000,
            jitter_ms: 5_000,
        }
    }

    /// Record `i`, for `i < n`.
    pub fn record(&self, i: u64) -> Record {
        let draw = |k: u64| mix(self.seed ^ i.wrapping_mul(4).wrapping_add(k));
        let (a, b, c) = (draw(0), draw(1), draw(2));
        let due =
            self.t0 + (i128::from(i) * i128::from(self.span_ms) / i128::from(self.n.max(1))) as i64;
        let late = (c % self.jitter_ms.max(1) as u64) as i64;
        Record {
            id: i,
            user: self.user(a),
            page: b % 1000,
            amount: ((b >> 20) % 1000) as i64,
            ts: (due - late).max(self.t0),
        }
    }

    fn user(&self, a: u64) -> u64 {
        match self.dist {
            Distribution::Uniform => a % self.users,
            // A log-uniform rank is Zipf with s = 1.
            Distribution::Zipf => {
                let u = (a >> 11) as f64 / (1u64 << 53) as f64;
                let rank = (u * ((self.users + 1) as f64).ln()).exp();
                (rank as u64).clamp(1, self.users) - 1
            }
        }
    }

    /// The sentinel of a partition: its key, value and timestamp.
    pub fn sentinel(&self, partition: i32) -> (String, String, i64) {
        let key = format!("~tick-{partition}");
        let ts = self.t0 + self.span_ms + SENTINEL_AFTER_MS;
        let id = u64::MAX >> 1;
        let value = format!(r#"{{"id":{id},"user":"{key}","page":"/tick","amount":1,"ts":{ts}}}"#);
        (key, value, ts)
    }

    /// What the windowed job must answer: per user and window start.
    pub fn spends(&self) -> HashMap<(u64, i64), Spend> {
        let mut spends: HashMap<_, Spend> = HashMap::new();
        for record in (0..self.n).map(|i| self.record(i)).filter(Record::passes) {
            let window = record.ts.div_euclid(WINDOW_MS) * WINDOW_MS;
            let spend = spends.entry((record.user, window)).or_default();
            spend.count += 1;
            spend.sum += record.amount;
        }
        spends
    }
}

impl Record {
    /// What the filter of both jobs keeps.
    pub fn passes(&self) -> bool {
        self.amount % 10 != 0
    }

    /// The record's key.
    pub fn write_key(&self, into: &mut Vec<u8>) {
        into.clear();
        // Writing to a Vec can't fail.
        let _ = write!(into, "user-{:08}", self.user);
    }

    /// The record's value, JSON.
    pub fn write_value(&self, into: &mut Vec<u8>) {
        into.clear();
        let Self {
            id,
            user,
            page,
            amount,
            ts,
        } = self;
        let _ = write!(
            into,
            r#"{{"id":{id},"user":"user-{user:08}","page":"/shop/item/{page:03}","amount":{amount},"ts":{ts}}}"#
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(workload: &Workload, i: u64) -> String {
        let mut bytes = Vec::new();
        workload.record(i).write_value(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn records_are_those_of_the_peers_bench() {
        let workload = Workload::standard(5_000_000);
        for (i, want) in include_str!("../golden/records.jsonl").lines().enumerate() {
            assert_eq!(value(&workload, i as u64 * 1_000_003), want);
        }
    }

    #[test]
    fn parameters_are_a_file_the_peers_bench_reads() {
        let json = serde_json::to_string(&Workload::standard(10)).unwrap();
        assert_eq!(
            json,
            r#"{"n":10,"users":100000,"dist":"zipf","seed":42,"t0":1767225600000,"span_ms":3600000,"jitter_ms":5000}"#
        );
    }

    #[test]
    fn no_record_is_late_and_spends_add_up() {
        let workload = Workload::standard(50_000);
        let mut newest = i64::MIN;
        let (mut count, mut sum) = (0, 0);
        for record in (0..workload.n).map(|i| workload.record(i)) {
            newest = newest.max(record.ts);
            assert!(newest - record.ts < LATENESS_MS);
            if record.passes() {
                count += 1;
                sum += record.amount;
            }
        }
        let spends = workload.spends();
        assert_eq!(spends.values().map(|s| s.count).sum::<u64>(), count);
        assert_eq!(spends.values().map(|s| s.sum).sum::<i64>(), sum);
        assert!(spends.len() > 10_000);
    }
}
