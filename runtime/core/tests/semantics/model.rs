//! The naive model: one record after the other, a watermark after each, as Apache Flink defines windows. Slow and plain
//! on purpose; it shares the partitioner with the code it judges (which has its own test), and nothing else.
//!
//! Where one record causes several side outputs (late rows, dead letters) or several writers share a topic, they come
//! in the order of: operator in the plan; rows, then finished windows, then outputs; number.

use crate::job::{DEAD, Job, Kind, Policy};
use crate::udf::{holds, says};
use sluicebox_core::batch;
use sluicebox_core::ledger::Account;
use sluicebox_core::log::partition_of;
use sluicebox_core::spec::OnInvalid;
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Option<Vec<u8>>,
    pub timestamp: i64,
}

/// Shown as text, so that a failing case can be read.
impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |b: &Option<Vec<u8>>| {
            b.as_ref().map_or("null".into(), |b| {
                format!("{:?}", String::from_utf8_lossy(b))
            })
        };
        write!(
            f,
            "{}={}@{}",
            text(&self.key),
            text(&self.value),
            self.timestamp
        )?;
        self.headers
            .as_ref()
            .map_or(Ok(()), |_| write!(f, " headers {}", text(&self.headers)))
    }
}

/// Rows by topic, partition and task.
pub type Outputs = BTreeMap<(String, i32, i32), Vec<Row>>;

pub const KEY_CHANGED: &str = "the key was changed, but an operator after this one groups by key, which needs a repartition \
that does not exist yet; write to a topic with the new key and group in a second job";

struct Window {
    accumulators: BTreeMap<Vec<u8>, Vec<u8>>,
    rows: u64,
}

#[derive(Default)]
struct State {
    windows: BTreeMap<i64, Window>,
    watermark: Option<i64>,
}

type Rank = (usize, u8);

struct Task<'a> {
    job: &'a Job,
    partition: i32,
    sink_partitions: i32,
    states: Vec<State>,
    /// What the present record has caused: rank among its outputs, topic, row.
    caused: Vec<(Rank, &'static str, Row)>,
    offset: Option<i64>,
    accounts: &'a mut BTreeMap<String, Account>,
}

/// What a job must put out for this input (by source partition, with offsets), after its end.
pub fn run(
    job: &Job,
    sink_partitions: i32,
    input: &[Vec<(i64, Row)>],
) -> (Outputs, BTreeMap<String, Account>) {
    let mut outputs = Outputs::new();
    let mut accounts = BTreeMap::new();
    for (partition, records) in input.iter().enumerate() {
        let states = job.ops.iter().map(|_| State::default()).collect();
        let (partition, caused) = (partition as i32, Vec::new());
        let mut task = Task {
            job,
            partition,
            sink_partitions,
            states,
            caused,
            offset: None,
            accounts: &mut accounts,
        };
        let mut largest = None;
        for (offset, row) in records {
            task.offset = Some(*offset);
            task.record(row.clone(), &mut largest);
            task.flush(&mut outputs);
        }
        task.offset = None;
        task.advance(i64::MAX);
        task.flush(&mut outputs);
    }
    (outputs, accounts)
}

impl Task<'_> {
    fn account(&mut self, op: Option<usize>) -> &mut Account {
        let id = op.map_or("source", |op| self.job.ops[op].id);
        self.accounts.entry(id.to_owned()).or_default()
    }

    fn record(&mut self, mut row: Row, largest: &mut Option<i64>) {
        self.account(None).input += 1;
        let valid = self.job.min_ms <= row.timestamp && row.timestamp < self.job.max_ms;
        let taken = match (valid, self.job.on_invalid) {
            (true, _) => true,
            (false, OnInvalid::Clamp) => {
                row.timestamp = largest.unwrap_or(self.job.min_ms);
                true
            }
            (false, OnInvalid::Skip) => {
                self.account(None).skipped += 1;
                false
            }
            (false, OnInvalid::DeadLetter) => {
                let why = format!(
                    "timestamp {} is outside of the accepted range (source.timestamp)",
                    row.timestamp
                );
                self.dead_letter(None, 0, &row, &why);
                self.account(None).dead_lettered += 1;
                false
            }
            (false, OnInvalid::Fail) => unreachable!("the model does not stop"),
        };
        let timestamp = row.timestamp;
        if taken {
            self.account(None).forwarded += 1;
            self.forward(None, row);
        }
        if valid {
            *largest = Some(largest.map_or(timestamp, |l| l.max(timestamp)));
        }
        if let Some(largest) = *largest {
            self.advance(largest - self.job.delay_ms - 1);
        }
    }

    fn flush(&mut self, outputs: &mut Outputs) {
        let mut caused = std::mem::take(&mut self.caused);
        caused.sort_by_key(|(rank, _, _)| *rank);
        for (_, topic, row) in caused {
            let partition = partition_of(row.key.as_deref(), self.partition, self.sink_partitions);
            outputs
                .entry((topic.to_owned(), partition, self.partition))
                .or_default()
                .push(row);
        }
    }

    fn forward(&mut self, from: Option<usize>, row: Row) {
        let node = from.map_or(0, |op| op + 1);
        for (_, topic) in self.job.sinks.iter().filter(|(f, _)| *f == from) {
            self.caused.push(((node, 2), topic, row.clone()));
        }
        for op in (0..self.job.ops.len()).filter(|op| self.job.ops[*op].from == from) {
            self.process(op, row.clone());
        }
    }

    fn process(&mut self, op: usize, row: Row) {
        self.account(Some(op)).input += 1;
        let id = self.job.ops[op].id;
        let value = row.value.as_deref();
        let (trap, error) = (says(value, '#', id), says(value, '!', id));
        let shown = row
            .value
            .as_ref()
            .map_or("null".into(), |v| String::from_utf8_lossy(v).into_owned());
        let failure = match (trap, error) {
            (true, _) => Some(format!("unreachable in {id}: {shown}")),
            (_, true) => Some(format!("bad row {shown}")),
            _ => None,
        };
        match &self.job.ops[op].kind {
            Kind::Window {
                size_ms,
                offset_ms,
                lateness_ms,
                late,
            } => {
                let (size, shift, lateness, late) = (*size_ms, *offset_ms, *lateness_ms, *late);
                let end = ((row.timestamp - shift).div_euclid(size) + 1) * size + shift;
                self.window(op, row, end, lateness, late, failure);
            }
            _ if failure.is_some() => self.failed(op, &row, &failure.unwrap_or_default()),
            _ if says(value, '-', id) => self.account(Some(op)).filtered += 1,
            Kind::Filter => {
                self.account(Some(op)).forwarded += 1;
                self.forward(Some(op), row);
            }
            Kind::Map => self.map(op, row),
        }
    }

    fn map(&mut self, op: usize, row: Row) {
        let id = self.job.ops[op].id;
        let mut key = row.key.clone();
        if says(row.value.as_deref(), 'k', id) {
            let without = || row.value.iter().flat_map(|v| v.first()).copied().collect();
            key.get_or_insert_with(without).push(b'x');
            if self.keyed_below(op) {
                return self.failed(op, &row, KEY_CHANGED);
            }
        }
        self.account(Some(op)).forwarded += 1;
        for i in 0..if says(row.value.as_deref(), '2', id) {
            2
        } else {
            1
        } {
            let value = row
                .value
                .as_ref()
                .map(|v| [v, format!(" {id}{i}").as_bytes()].concat());
            self.forward(
                Some(op),
                Row {
                    key: key.clone(),
                    value,
                    ..row.clone()
                },
            );
        }
    }

    fn keyed_below(&self, op: usize) -> bool {
        let below = (0..self.job.ops.len()).filter(|o| self.job.ops[*o].from == Some(op));
        below
            .into_iter()
            .any(|o| matches!(self.job.ops[o].kind, Kind::Window { .. }) || self.keyed_below(o))
    }

    fn window(
        &mut self,
        op: usize,
        row: Row,
        end: i64,
        lateness: i64,
        late: Option<&'static str>,
        failure: Option<String>,
    ) {
        let Some(key) = row.key.clone() else {
            return self.failed(
                op,
                &row,
                "the record has no key, and this operator groups by key",
            );
        };
        let watermark = self.states[op].watermark;
        if watermark.is_some_and(|w| w >= (end - 1).saturating_add(lateness)) {
            self.account(Some(op)).late += 1;
            if let Some(topic) = late {
                self.caused.push(((op + 1, 0), topic, row));
            }
            return;
        }
        if let Some(why) = failure {
            return self.failed(op, &row, &why);
        }
        let windows = &mut self.states[op].windows;
        let window = windows.entry(end).or_insert(Window {
            accumulators: BTreeMap::new(),
            rows: 0,
        });
        window.rows += 1;
        let accumulator = if says(row.value.as_deref(), '0', self.job.ops[op].id) {
            window.accumulators.remove(&key);
            None
        } else {
            let accumulator = window.accumulators.entry(key.clone()).or_default();
            accumulator.push(b'|');
            accumulator.extend_from_slice(row.value.as_deref().unwrap_or(b"null"));
            Some(accumulator.clone())
        };
        self.account(Some(op)).absorbed += 1;
        self.account(Some(op)).assigned += 1;
        if watermark.is_some_and(|w| w >= end - 1)
            && let Some(accumulator) = accumulator
        {
            self.fire(op, end, key, accumulator);
        }
    }

    fn fire(&mut self, op: usize, end: i64, key: Vec<u8>, accumulator: Vec<u8>) {
        let Kind::Window { size_ms, .. } = self.job.ops[op].kind else {
            return;
        };
        let name = String::from_utf8_lossy(&key).into_owned();
        let failure = match () {
            () if holds(&key, 'T') => Some(format!("unreachable at the end of {name}")),
            () if holds(&key, 'E') => Some(format!("bad window of {name}")),
            () => None,
        };
        if let Some(why) = failure {
            let why = format!("window {}..{end}: {why}", end - size_ms);
            let row = Row {
                key: Some(key),
                value: Some(accumulator),
                headers: None,
                timestamp: end - 1,
            };
            if self.job.ops[op].policy == Policy::DeadLetter {
                self.dead_letter(Some(op), 1, &row, &why);
            }
            return;
        }
        let results = if holds(&key, 'Z') {
            0
        } else if holds(&key, 'D') {
            2
        } else {
            1
        };
        for result in 0..results {
            let value = format!(
                "{name} {}..{end} #{result} {}",
                end - size_ms,
                String::from_utf8_lossy(&accumulator)
            );
            let row = Row {
                key: Some(key.clone()),
                value: Some(value.into_bytes()),
                headers: None,
                timestamp: end - 1,
            };
            self.forward(Some(op), row);
        }
    }

    /// The watermark passes the operators in order; what one fires reaches the next before the watermark does.
    fn advance(&mut self, watermark: i64) {
        for op in 0..self.job.ops.len() {
            let Kind::Window { lateness_ms, .. } = self.job.ops[op].kind else {
                continue;
            };
            let before = self.states[op].watermark;
            if before.is_some_and(|b| b >= watermark) {
                continue;
            }
            let due: Vec<i64> = self.states[op]
                .windows
                .keys()
                .copied()
                .filter(|end| end - 1 <= watermark)
                .collect();
            for end in due {
                if before.is_none_or(|b| b < end - 1) {
                    let window = &self.states[op].windows[&end].accumulators;
                    let keys: Vec<_> = window.iter().map(|(k, a)| (k.clone(), a.clone())).collect();
                    keys.into_iter()
                        .for_each(|(key, accumulator)| self.fire(op, end, key, accumulator));
                }
                if (end - 1).saturating_add(lateness_ms) <= watermark {
                    let gone = self.states[op].windows.remove(&end);
                    self.account(Some(op)).released += gone.map_or(0, |w| w.rows);
                }
            }
            self.states[op].watermark = Some(watermark);
        }
    }

    fn failed(&mut self, op: usize, row: &Row, why: &str) {
        match self.job.ops[op].policy {
            Policy::Skip => self.account(Some(op)).skipped += 1,
            Policy::DeadLetter => {
                self.account(Some(op)).dead_lettered += 1;
                self.dead_letter(Some(op), 0, row, why);
            }
            Policy::Fail => panic!("the model does not stop: {why}"),
        }
    }

    fn dead_letter(&mut self, op: Option<usize>, kind: u8, row: &Row, why: &str) {
        let id = op.map_or("source", |op| self.job.ops[op].id);
        let offset = self.offset.map_or("end".to_owned(), |o| o.to_string());
        let mut headers = row.headers.clone().unwrap_or_default();
        for (name, value) in [
            ("sluicebox-job", "test"),
            ("sluicebox-operator", id),
            ("sluicebox-error", why),
            ("sluicebox-source-topic", "in"),
            ("sluicebox-source-partition", &self.partition.to_string()),
            ("sluicebox-source-offset", &offset),
        ] {
            batch::push_header(&mut headers, name.as_bytes(), Some(value.as_bytes()));
        }
        if kind == 1 {
            let end = (row.timestamp + 1).to_string();
            batch::push_header(&mut headers, b"sluicebox-window-end", Some(end.as_bytes()));
        }
        let rank = (op.map_or(0, |op| op + 1), kind);
        self.caused.push((
            rank,
            DEAD,
            Row {
                headers: Some(headers),
                ..row.clone()
            },
        ));
    }
}
