//! What window aggregates must keep: failed rows leave no trace, new accumulators stay new, bytes are bytes.

#![expect(clippy::unwrap_used, reason = "in helpers of tests, too")]

use serde::Deserialize;
use sluicebox_udf::packed::{Batch, NULL, Packed};
use sluicebox_udf::testing::{self, Input};
use sluicebox_udf::{Accumulator, Output, Record, Window, WindowAggregate, json};
use std::collections::BTreeMap;

/// Changes itself before it fails: the worst an author can do.
#[derive(Accumulator, Debug, PartialEq)]
struct Log {
    entries: Vec<i64>,
    by_kind: BTreeMap<String, (u32, Option<f64>)>,
    mode: Mode,
}

#[derive(Accumulator, Clone, Copy, Debug, PartialEq)]
enum Mode {
    Idle,
    Seen { last_ms: i64 },
    Pair(bool, char),
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    first: i64,
}

#[sluicebox_udf::window_aggregate]
impl Log {
    fn create(config: &Config) -> Self {
        Self {
            entries: vec![config.first],
            by_kind: BTreeMap::new(),
            mode: Mode::Idle,
        }
    }

    fn accumulate(&mut self, record: Record<'_, i64>) -> Result<(), String> {
        let n = *record.value();
        self.entries.push(n);
        let kind = if n % 2 == 0 { "even" } else { "odd" };
        self.by_kind.entry(kind.into()).or_default().0 += 1;
        self.mode = Mode::Seen {
            last_ms: record.timestamp_ms(),
        };
        if n < 0 {
            Err(format!("{n} is negative"))
        } else {
            Ok(())
        }
    }

    fn merge(&mut self, later: Self) -> Result<(), &'static str> {
        if later.entries.contains(&13) {
            return Err("13");
        }
        self.entries.extend(later.entries);
        self.mode = later.mode;
        Ok(())
    }

    fn finish<'a>(&self, window: Window<'a>, config: &Config) -> Option<Output<'a, Vec<i64>>> {
        let output = Output::new(self.entries.clone());
        let output = if window.key.is_none() {
            output.key(b"none".as_slice())
        } else {
            output
        };
        (self.entries.len() as i64 > config.first).then_some(output)
    }
}

fn run(config: i64, rows: &[(&str, &str)]) -> testing::Finished {
    let rows = rows
        .iter()
        .map(|(key, value)| Input::from((*key, *value)).at_ms(7));
    testing::window_aggregate::<Log>(json!({"first": config}), 0..1000, rows).unwrap()
}

#[test]
fn failed_rows_leave_no_trace_however_many_and_wherever() {
    let rows = [
        ("a", "1"),
        ("b", "-1"),
        ("a", "-2"),
        ("a", "2"),
        ("a", "x"),
        ("a", "-3"),
        ("a", "-4"),
        ("a", "3"),
        ("b", "5"),
    ];
    let done = run(0, &rows);
    assert_eq!(done.outputs[0].json(), json!([0, 1, 2, 3]));
    assert_eq!(done.outputs[1].json(), json!([0, 5]));
    let failed: Vec<_> = done.errors.iter().map(|error| error.row).collect();
    assert_eq!(failed, [1, 2, 4, 5, 6]);
    assert_eq!(done.outputs[0].timestamp_ms, 999);
    assert_eq!(done.outputs[0].key.as_deref(), Some(b"a".as_slice()));
}

#[test]
fn a_group_of_which_all_rows_failed_stays_new() {
    let mut fresh = Packed::default();
    fresh.push(None);
    let input = Batch {
        data: b"-1".to_vec(),
        index: vec![0, NULL, 0, 2, 0, NULL],
        timestamps: vec![0],
    };
    let done = <Log as WindowAggregate>::accumulate(&Config { first: 0 }, &fresh, &[0], &input);
    assert_eq!((done.accumulators.get(0), done.errors.len()), (None, 1));
}

#[test]
fn finish_may_give_nothing_and_change_the_key() {
    assert!(run(2, &[("a", "1")]).outputs.is_empty());
    let done = testing::window_aggregate::<Log>(json!(null), 0..1, ["1"]).unwrap();
    assert_eq!(done.outputs[0].key.as_deref(), Some(b"none".as_slice()));
}

#[test]
fn a_merge_that_fails_keeps_the_left() {
    let packed = |entries: &[i64]| {
        let mut bytes = Vec::new();
        let log = Log {
            entries: entries.to_vec(),
            by_kind: BTreeMap::new(),
            mode: Mode::Pair(true, 'ß'),
        };
        log.write(&mut bytes);
        let mut packed = Packed::default();
        packed.push(Some(&bytes));
        packed
    };
    let config = Config { first: 0 };
    let done = <Log as WindowAggregate>::merge(&config, &packed(&[1]), &packed(&[13]));
    assert_eq!((&done.accumulators, done.errors[0].row), (&packed(&[1]), 0));
    let done = <Log as WindowAggregate>::merge(&config, &packed(&[1]), &packed(&[2]));
    assert_eq!((done.accumulators, done.errors.len()), (packed(&[1, 2]), 0));

    let mut new = Packed::default();
    new.push(None);
    let merge = |left: &Packed, right: &Packed| {
        <Log as WindowAggregate>::merge(&config, left, right).accumulators
    };
    assert_eq!(merge(&new, &packed(&[13])), packed(&[13]));
    assert_eq!(merge(&packed(&[1]), &new), packed(&[1]));
    assert_eq!(merge(&new, &new), new);
}

#[test]
fn accumulators_come_back_as_they_went_and_lies_do_not() {
    let log = Log {
        entries: vec![1, -1],
        by_kind: BTreeMap::from([("odd".into(), (2, Some(0.5))), ("even".into(), (0, None))]),
        mode: Mode::Seen { last_ms: -1 },
    };
    let mut bytes = Vec::new();
    log.write(&mut bytes);
    assert_eq!(Log::read(&mut bytes.as_slice()), Some(log));
    for end in 0..bytes.len() {
        assert_eq!(Log::read(&mut &bytes[..end]), None, "cut at {end}");
    }
    assert_eq!(Mode::read(&mut [9].as_slice()), None);
    assert_eq!(Vec::<u64>::read(&mut [255, 255, 255, 255].as_slice()), None);
}

#[test]
#[should_panic(expected = "an accumulator of 3 bytes can't be read")]
fn an_accumulator_of_another_version_is_refused() {
    let mut foreign = Packed::default();
    foreign.push(Some(b"???"));
    <Log as WindowAggregate>::accumulate(&Config { first: 0 }, &foreign, &[], &Batch::default());
}

#[test]
fn the_layout_is_fixed() {
    #[derive(Accumulator)]
    struct Fixed(u16, bool, [i8; 2], Option<u8>, String);
    let mut bytes = Vec::new();
    Fixed(0x0102, true, [-1, 2], Some(7), "ok".into()).write(&mut bytes);
    assert_eq!(bytes, [2, 1, 1, 255, 2, 1, 7, 2, 0, 0, 0, b'o', b'k']);
}
