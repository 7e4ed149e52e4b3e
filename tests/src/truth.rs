//! What a job over a [`Workload`] must give, computed in the plainest way: no engine code, no Wasm, one order after
//! the other. Lateness as Flink defines it: an order is late if, by the watermark of the orders before it in its
//! partition, its window has closed already; watermark = largest timestamp so far − delay − 1; a window [start, end)
//! closes when the watermark reaches end − 1.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::records::Rec;
use crate::workload::{OUT_OF_ORDER_MS, Order, Workload};

/// Windows are minutes.
pub const WINDOW_MS: i64 = 60_000;
/// What orders-enrich is configured with, so that every value is exact: a dollar is half a euro, a pound two.
pub const RATES: &str = "{ currency: EUR, rates: { USD: 0.5, GBP: 2.0 } }";

/// A result: what a user spent in a minute, by the orders of one source partition.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Who.
    pub user: String,
    /// Start of the minute, in milliseconds since 1970.
    pub window_start: i64,
    /// Orders.
    pub count: u64,
    /// Their value.
    pub sum_cents: i64,
    /// The smallest.
    pub min_cents: i64,
    /// The largest.
    pub max_cents: i64,
}

/// Everything that the topics must hold in the end.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Results, each as often as it must appear (two partitions may agree).
    pub rows: BTreeMap<Row, usize>,
    /// Values of the late orders, as they entered the window operator, counted.
    pub late: usize,
    /// Values of the records that do not parse.
    pub malformed: BTreeMap<String, usize>,
}

impl Truth {
    /// Of the first `length` records of each partition.
    pub fn of(workload: &Workload) -> Self {
        let mut truth = Self::default();
        for partition in 0..workload.partitions {
            truth.add(workload, partition);
        }
        truth
    }

    fn add(&mut self, workload: &Workload, partition: i32) {
        let mut watermark = i64::MIN;
        let mut windows: BTreeMap<(i64, String), Row> = BTreeMap::new();
        for index in 0..workload.length() {
            let order = workload.order(partition, index);
            let start = order.timestamp.div_euclid(WINDOW_MS) * WINDOW_MS;
            let closed = watermark >= start + WINDOW_MS - 1;
            match value_cents(&order) {
                Outcome::Malformed => {
                    let value = workload.record(partition, index).value_text();
                    *self.malformed.entry(value).or_default() += 1;
                }
                Outcome::Filtered => {}
                Outcome::Value(_) if closed => self.late += 1,
                Outcome::Value(cents) => {
                    let window = (start, order.user.clone());
                    let row = windows
                        .entry(window)
                        .or_insert_with(|| empty(&order.user, start));
                    row.count += 1;
                    row.sum_cents += cents;
                    row.min_cents = row.min_cents.min(cents);
                    row.max_cents = row.max_cents.max(cents);
                }
            }
            watermark = watermark.max(order.timestamp - OUT_OF_ORDER_MS - 1);
        }
        for ((start, _), row) in windows {
            if watermark >= start + WINDOW_MS - 1 {
                *self.rows.entry(row).or_default() += 1;
            }
        }
    }

    /// Compare with the results read from the output topic, row by row.
    pub fn check_rows(&self, records: &[Rec]) -> Result<()> {
        compare("results", &self.rows, &rows(records)?)
    }

    /// As [`Truth::check_rows`], but results may be there more than once.
    pub fn check_rows_repeated(&self, records: &[Rec]) -> Result<()> {
        let mut seen = rows(records)?;
        for (row, count) in &mut seen {
            *count = self
                .rows
                .get(row)
                .map_or(*count, |want| (*count).min(*want));
        }
        compare("results", &self.rows, &seen)
    }

    /// Compare with the records read from the dead-letter topic.
    pub fn check_dead_letters(&self, records: &[Rec]) -> Result<()> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for record in records {
            *seen.entry(record.value_text()).or_default() += 1;
        }
        compare("dead letters", &self.malformed, &seen)
    }

    /// Compare with the number of records read from the topic of late rows.
    pub fn check_late(&self, records: &[Rec]) -> Result<()> {
        if records.len() != self.late {
            bail!("{} late records, {} expected", records.len(), self.late);
        }
        Ok(())
    }
}

enum Outcome {
    Malformed,
    Filtered,
    Value(i64),
}

/// What orders-valid and orders-enrich make of an order.
fn value_cents(order: &Order) -> Outcome {
    if order.malformed {
        return Outcome::Malformed;
    }
    match order.currency {
        _ if order.amount < 1 => Outcome::Filtered,
        "EUR" => Outcome::Value(order.amount),
        // Half of it, halves rounded up.
        "USD" => Outcome::Value((order.amount + 1) / 2),
        "GBP" => Outcome::Value(order.amount * 2),
        _ => Outcome::Filtered,
    }
}

fn empty(user: &str, window_start: i64) -> Row {
    Row {
        user: user.to_owned(),
        window_start,
        count: 0,
        sum_cents: 0,
        min_cents: i64::MAX,
        max_cents: i64::MIN,
    }
}

/// The results in the records, counted; an error for a record that is none.
fn rows(records: &[Rec]) -> Result<BTreeMap<Row, usize>> {
    let mut seen: BTreeMap<Row, usize> = BTreeMap::new();
    for record in records {
        let text = record.value_text();
        let row: Row =
            serde_json::from_str(&text).with_context(|| format!("not a result: {text}"))?;
        if record.key_text() != row.user {
            bail!("the key of {text} is {:?}", record.key_text());
        }
        if record.timestamp != row.window_start + WINDOW_MS - 1 {
            bail!(
                "the timestamp of {text} is {}, not its window's end - 1",
                record.timestamp
            );
        }
        *seen.entry(row).or_default() += 1;
    }
    Ok(seen)
}

/// An error that shows the first differences in both directions.
fn compare<T: Ord + std::fmt::Debug>(
    what: &str,
    want: &BTreeMap<T, usize>,
    got: &BTreeMap<T, usize>,
) -> Result<()> {
    const SHOWN: usize = 5;
    let total = |counts: &BTreeMap<T, usize>| counts.values().sum::<usize>();
    let short = |of: &BTreeMap<T, usize>, than: &BTreeMap<T, usize>| {
        let mut text = String::new();
        let mut number = 0;
        for (item, count) in of {
            let missing = count.saturating_sub(than.get(item).copied().unwrap_or(0));
            if missing > 0 && number < SHOWN {
                let _ = write!(text, "\n    {missing} × {item:?}");
            }
            number += missing;
        }
        (number, text)
    };
    let ((lost, lost_text), (extra, extra_text)) = (short(want, got), short(got, want));
    if lost + extra > 0 {
        bail!(
            "{what}: {} read, {} expected; {lost} are missing, such as{lost_text}\n  {extra} are too many, such as{extra_text}",
            total(got),
            total(want)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Row, Truth, WINDOW_MS};
    use crate::records::Rec;
    use crate::workload::Workload;

    fn written(truth: &Truth) -> Vec<Rec> {
        let mut records = Vec::new();
        for (row, count) in &truth.rows {
            let value = format!(
                r#"{{"user":"{}","window_start":{},"count":{},"sum_cents":{},"min_cents":{},"max_cents":{}}}"#,
                row.user, row.window_start, row.count, row.sum_cents, row.min_cents, row.max_cents
            );
            let record = Rec::new(0, &row.user, &value, row.window_start + WINDOW_MS - 1);
            records.extend(std::iter::repeat_n(record, *count));
        }
        records
    }

    #[test]
    fn the_workload_has_every_kind_of_order() {
        let truth = Truth::of(&Workload::default());
        assert!(truth.rows.len() > 1_000, "{} rows", truth.rows.len());
        assert!(truth.late > 100, "{} late", truth.late);
        assert!(truth.malformed.len() > 50);
        let users: Vec<&Row> = truth.rows.keys().collect();
        // The same user and minute from several partitions: aggregation is per partition.
        assert!(
            users
                .windows(2)
                .any(|w| w[0].user == w[1].user && w[0].window_start == w[1].window_start)
        );
    }

    #[test]
    fn the_comparison_sees_a_lost_a_repeated_and_a_changed_row() {
        let truth = Truth::of(&Workload::default());
        let records = written(&truth);
        assert!(truth.check_rows(&records).is_ok());
        assert!(truth.check_rows(&records[1..]).is_err());
        let twice = [&records[..], &records[7..8]].concat();
        assert!(truth.check_rows(&twice).is_err());
        let mut changed = records.clone();
        changed[3].value = changed[4].value.clone();
        assert!(truth.check_rows(&changed).is_err());
        let mut moved = records;
        moved[3].timestamp += 1;
        assert!(truth.check_rows(&moved).is_err());
    }
}
