//! What the jobs of one tenant may use on this host, all together: CPU time, records and bytes a second, state.
//!
//! Rates are token buckets. Their debt is paid by waiting, between batches: what a batch takes is known only afterwards, so
//! a bucket goes below zero, and nothing more is read until time has filled it again. So over a while no tenant gets more
//! than its rate, whatever a single batch took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most of each; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// CPU time of shards' threads, in percent of one core.
    pub cpu_percent: Option<u32>,
    /// Records read.
    pub records_per_second: Option<u64>,
    /// Bytes read and written.
    pub bytes_per_second: Option<u64>,
    /// Committed state.
    pub state_bytes: Option<u64>,
}

/// What a tenant has used on this host since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// CPU time of shards' threads.
    pub cpu: Duration,
    /// Records read.
    pub records: u64,
    /// Bytes read and written.
    pub bytes: u64,
    /// Time that shards were held back.
    pub throttled: Duration,
    /// State that there is now.
    pub state_bytes: u64,
}

/// What a record read has cost lately, with all that came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// CPU time, in seconds.
    pub cpu_s: f64,
    /// Bytes read and written.
    pub bytes: f64,
}

impl Cost {
    /// These records have cost so much. What becomes dear is believed at once, what becomes cheap by and by.
    pub fn learn(&mut self, records: u64, cpu: Duration, bytes: u64) {
        if records == 0 {
            return;
        }
        let follow = |known: f64, now: f64| now.max((known + now) / 2.0);
        self.cpu_s = follow(self.cpu_s, cpu.as_secs_f64() / records as f64);
        self.bytes = follow(self.bytes, bytes as f64 / records as f64);
    }
}

/// The budget of one tenant, shared by its shards.
#[derive(Debug, Default)]
pub struct Budget(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    limits: Limits,
    spent: Spent,
    cpu: Bucket,
    records: Bucket,
    bytes: Bucket,
    /// State of each shard, by job and number.
    states: BTreeMap<(String, i32), u64>,
}

/// Tokens left, below zero for a debt. Holds a second's worth at most.
#[derive(Debug, Default)]
struct Bucket {
    tokens: f64,
    filled: Option<Instant>,
}

impl Bucket {
    fn fill(&mut self, rate: f64, now: Instant) {
        let since = self.filled.replace(now);
        // A new bucket is full.
        let seconds = since.map_or(1.0, |since| {
            now.saturating_duration_since(since).as_secs_f64()
        });
        self.tokens = (self.tokens + seconds * rate).min(rate);
    }

    fn take(&mut self, rate: Option<f64>, tokens: f64, now: Instant) {
        match rate {
            None => *self = Self::default(),
            Some(rate) => {
                self.fill(rate, now);
                self.tokens -= tokens;
            }
        }
    }

    /// For how many records there are tokens. At least a twentieth of a second's worth, which may be a debt.
    fn affords(&mut self, rate: Option<f64>, each: f64, now: Instant) -> f64 {
        let Some(rate) = rate else {
            return f64::INFINITY;
        };
        self.fill(rate, now);
        self.tokens.max(rate / 20.0) / each
    }

    /// How long until the debt is paid.
    fn wait(&mut self, rate: Option<f64>, now: Instant) -> Duration {
        let Some(rate) = rate else {
            return Duration::ZERO;
        };
        self.fill(rate, now);
        match self.tokens < 0.0 {
            true => Duration::try_from_secs_f64(-self.tokens / rate).unwrap_or(Duration::MAX),
            false => Duration::ZERO,
        }
    }
}

impl Limits {
    fn cpu(&self) -> Option<f64> {
        self.cpu_percent.map(|percent| f64::from(percent) / 100.0)
    }
    fn records(&self) -> Option<f64> {
        self.records_per_second.map(|rate| rate as f64)
    }
    fn bytes(&self) -> Option<f64> {
        self.bytes_per_second.map(|rate| rate as f64)
    }
}

impl Budget {
    /// A budget with these limits.
    pub fn new(limits: Limits) -> Self {
        let budget = Self::default();
        budget.limit(limits);
        budget
    }

    /// Have these limits from now on.
    pub fn limit(&self, limits: Limits) {
        self.lock().limits = limits;
    }

    /// What was used.
    pub fn spent(&self) -> Spent {
        let inner = self.lock();
        Spent {
            state_bytes: inner.states.values().sum(),
            ..inner.spent
        }
    }

    /// CPU time was used.
    pub fn cpu(&self, used: Duration) {
        let mut inner = self.lock();
        inner.spent.cpu += used;
        let rate = inner.limits.cpu();
        inner.cpu.take(rate, used.as_secs_f64(), Instant::now());
    }

    /// CPU time was used to find that there is still a debt. Were it a debt as well, a few shards that look in turn would never
    /// get out of a small one.
    pub fn rested(&self, used: Duration) {
        self.lock().spent.cpu += used;
    }

    /// Records were read.
    pub fn records(&self, count: u64) {
        let mut inner = self.lock();
        inner.spent.records += count;
        let rate = inner.limits.records();
        inner.records.take(rate, count as f64, Instant::now());
    }

    /// Bytes were read or written.
    pub fn bytes(&self, count: u64) {
        let mut inner = self.lock();
        inner.spent.bytes += count;
        let rate = inner.limits.bytes();
        inner.bytes.take(rate, count as f64, Instant::now());
    }

    /// How many records may be read at once: no more than there are tokens for, so that a rate is not paid in bursts, which the
    /// others would notice; and not so few that reading costs more than what is read.
    pub fn rows_max(&self, each: Cost) -> usize {
        let mut inner = self.lock();
        let (limits, now) = (inner.limits, Instant::now());
        let Inner {
            cpu,
            records,
            bytes,
            ..
        } = &mut *inner;
        let rows = [
            cpu.affords(limits.cpu(), each.cpu_s, now),
            records.affords(limits.records(), 1.0, now),
            bytes.affords(limits.bytes(), each.bytes, now),
        ];
        rows.into_iter().fold(f64::INFINITY, f64::min).max(1.0) as usize
    }

    /// How long to read nothing.
    pub fn wait(&self) -> Duration {
        let mut inner = self.lock();
        let (limits, now) = (inner.limits, Instant::now());
        let cpu = inner.cpu.wait(limits.cpu(), now);
        let records = inner.records.wait(limits.records(), now);
        let bytes = inner.bytes.wait(limits.bytes(), now);
        cpu.max(records).max(bytes)
    }

    /// A shard was held back.
    pub fn throttled(&self, waited: Duration) {
        self.lock().spent.throttled += waited;
    }

    /// A shard has this much committed state. An error where all shards of the tenant have more than they may, and this
    /// job the most of it: it has to stop, and no other for it.
    pub fn state(&self, job: &str, shard: i32, bytes: u64) -> Result<(), String> {
        let mut inner = self.lock();
        inner.states.insert((job.to_owned(), shard), bytes);
        let Some(limit) = inner.limits.state_bytes else {
            return Ok(());
        };
        let total: u64 = inner.states.values().sum();
        let mut jobs: BTreeMap<&str, u64> = BTreeMap::new();
        for ((job, _), bytes) in &inner.states {
            *jobs.entry(job).or_default() += bytes;
        }
        let own = jobs.get(job).copied().unwrap_or(0);
        if total <= limit || jobs.values().any(|other| *other > own) {
            return Ok(());
        }
        Err(format!(
            "the tenant's jobs have {total} bytes of state on this host and may have {limit} (quota `state_bytes_max`); \
             {own} of them are this job's, more than any other's. All of it is committed. Have the quota raised, then \
             resume the job; or deploy it again with shorter windows or fewer keys."
        ))
    }

    fn gone(&self, job: &str, shard: i32) {
        self.lock().states.remove(&(job.to_owned(), shard));
    }

    /// Numbers, and a map that changes in single steps: a panic can't leave half of one.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// State of a shard counts for its tenant as long as this lives.
#[derive(Debug)]
pub struct Held {
    budget: Arc<Budget>,
    job: String,
    shard: i32,
}

impl Held {
    /// The state of this shard.
    pub fn new(budget: Arc<Budget>, job: &str, shard: i32) -> Self {
        let job = job.to_owned();
        Self { budget, job, shard }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.gone(&self.job, self.shard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_limits_nothing_waits_and_all_is_counted() {
        let budget = Budget::default();
        budget.cpu(Duration::from_secs(100));
        budget.records(1 << 40);
        budget.bytes(1 << 40);
        assert_eq!(budget.wait(), Duration::ZERO);
        let dear = Cost {
            cpu_s: 1.0,
            bytes: 1e9,
        };
        assert_eq!(budget.rows_max(dear), usize::MAX);
        let spent = budget.spent();
        assert_eq!(spent.cpu, Duration::from_secs(100));
        assert_eq!((spent.records, spent.bytes), (1 << 40, 1 << 40));
    }

    #[test]
    fn debts_are_paid_by_waiting() {
        let (rate, start) = (Some(100.0), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let mut bucket = Bucket::default();
        bucket.take(rate, 100.0, at(0));
        assert_eq!(bucket.wait(rate, at(0)), Duration::ZERO, "a full bucket");
        bucket.take(rate, 50.0, at(0));
        assert_eq!(bucket.wait(rate, at(0)), Duration::from_millis(500));
        assert_eq!(bucket.wait(rate, at(400)), Duration::from_millis(100));
        assert_eq!(bucket.wait(rate, at(500)), Duration::ZERO);
        // A long rest saves up no more than a second's worth.
        bucket.take(rate, 300.0, at(60_000));
        assert_eq!(bucket.wait(rate, at(60_000)), Duration::from_secs(2));
        assert_eq!(bucket.wait(None, at(60_000)), Duration::ZERO);
    }

    #[test]
    fn the_longest_debt_counts() {
        let budget = Budget::new(Limits {
            cpu_percent: Some(10),
            records_per_second: Some(1000),
            ..Limits::default()
        });
        assert_eq!(budget.rows_max(Cost::default()), 1000);
        budget.records(2000);
        budget.cpu(Duration::from_secs(1));
        let wait = budget.wait();
        assert!(
            wait > Duration::from_secs(8),
            "a second of CPU at a tenth: {wait:?}"
        );
        assert_eq!(
            budget.rows_max(Cost::default()),
            50,
            "a twentieth of a second's"
        );
        budget.limit(Limits::default());
        assert_eq!(
            budget.wait(),
            Duration::ZERO,
            "a raised quota counts at once"
        );
    }

    /// What records cost decides how many are read: a thousand bytes for each byte, or a second for each record.
    #[test]
    fn dear_records_are_read_a_few_at_a_time() {
        let budget = Budget::new(Limits {
            cpu_percent: Some(20),
            bytes_per_second: Some(8_000_000),
            ..Limits::default()
        });
        let mut cost = Cost::default();
        cost.learn(0, Duration::from_secs(1), 1);
        assert_eq!(cost, Cost::default(), "nothing was read");
        cost.learn(10, Duration::from_micros(10), 2_000);
        assert_eq!(budget.rows_max(cost), 40_000);
        cost.learn(10, Duration::from_micros(10), 2_000_000);
        assert_eq!(budget.rows_max(cost), 40);
        cost.learn(1, Duration::from_secs(1), 200);
        assert_eq!(budget.rows_max(cost), 1);
        (0..40).for_each(|_| cost.learn(1000, Duration::from_millis(1), 200_000));
        assert!(budget.rows_max(cost) > 39_000, "it is forgotten");
    }

    #[test]
    fn the_job_with_most_state_has_to_stop() {
        let budget = Budget::new(Limits {
            state_bytes: Some(100),
            ..Limits::default()
        });
        assert_eq!(budget.state("small", 0, 30), Ok(()));
        assert_eq!(budget.state("large", 0, 40), Ok(()));
        assert_eq!(budget.state("large", 1, 30), Ok(()));
        assert_eq!(budget.state("small", 0, 40), Ok(()), "not the largest");
        let why = budget.state("large", 1, 31).expect_err("over the quota");
        insta::assert_snapshot!(why);
        budget.gone("large", 0);
        budget.gone("large", 1);
        assert_eq!(budget.state("small", 0, 100), Ok(()));
        assert_eq!(budget.spent().state_bytes, 100);
    }
}
