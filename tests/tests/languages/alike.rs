//! Random orders, good and bad, through a module in another language and through the one in Rust.

use crate::support::{grouped, nulls, orders, rates, rows, sandboxed};
use serde_json::json;
use sluicebox_core::batch::{Batch, Packed};
use sluicebox_core::udf::{Emitted, RowError};
use sluicebox_wasm::Kind;

const SIZES: [usize; 4] = [0, 1, 13, 1024];
const WINDOW_MS: i64 = 60_000;

/// Rows that failed; and why, where the UDF itself says it. (What a language says of bad JSON is its own.)
fn failures(errors: &[RowError]) -> Vec<(u32, Option<&str>)> {
    let own = |message: &str| message.starts_with("no rate for");
    errors
        .iter()
        .map(|e| (e.row, Some(e.message.as_str()).filter(|text| own(text))))
        .collect()
}

fn assert_alike(language: &str, other: &Emitted, rust: &Emitted) {
    assert_eq!(rows(other), rows(rust), "{language}");
    assert_eq!(other.parents, rust.parents, "{language}");
    assert_eq!(
        failures(&other.errors),
        failures(&rust.errors),
        "{language}"
    );
    assert_eq!(other.output.timestamps(), rust.output.timestamps());
}

/// All three examples.
pub fn with_rust(language: &str) {
    filters(language);
    let enriched = maps(language);
    for input in enriched {
        aggregates(language, &input);
    }
}

fn filters(language: &str) {
    let config = json!({"minimum": 1000});
    let start = |name: &str| sandboxed(name, Kind::Filter, &config);
    let (mut other, mut rust) = (
        start(&format!("{language}/orders-valid")),
        start("orders-valid"),
    );
    for size in SIZES {
        let input = orders(size);
        let (other, rust) = (other.filter(&input).unwrap(), rust.filter(&input).unwrap());
        assert_eq!(other.bitmap, rust.bitmap, "{language}");
        assert_eq!(
            failures(&other.errors),
            failures(&rust.errors),
            "{language}"
        );
    }
}

/// Answers what it made.
fn maps(language: &str) -> Vec<Batch> {
    let start = |name: &str| sandboxed(name, Kind::Map, &rates());
    let (mut other, mut rust) = (
        start(&format!("{language}/orders-enrich")),
        start("orders-enrich"),
    );
    let mut made = Vec::new();
    for size in SIZES {
        let input = orders(size);
        let (other, rust) = (other.map(&input).unwrap(), rust.map(&input).unwrap());
        assert_alike(language, &other, &rust);
        made.extend([rust.output, input]);
    }
    made
}

/// Accumulators are each language's own: results are compared, of what was accumulated at once and of what was merged.
fn aggregates(language: &str, input: &Batch) {
    let (keys, groups) = grouped(input);
    let windows = [0, WINDOW_MS].repeat(keys.len());
    let results = |name: &str| -> [Emitted; 2] {
        let mut udf = sandboxed(name, Kind::WindowAggregate, &json!(null));
        let mut fold = |from: usize, to: usize| -> (Packed, Vec<RowError>) {
            let part = input.clone().select(|row| (from..to).contains(&row));
            let done = udf.accumulate(&nulls(keys.len()), &groups[from..to], &part);
            let done = done.unwrap();
            (done.accumulators, done.errors)
        };
        let (whole, errors) = fold(0, input.len());
        let middle = input.len() / 3;
        let (left, right) = (fold(0, middle).0, fold(middle, input.len()).0);
        let merged = udf.merge(&left, &right).unwrap();
        assert_eq!(merged.errors, [], "{name}");
        let mut finish = |accumulators: &Packed| {
            // Of groups that no row went into there is no result to ask for.
            let of = (0..keys.len()).filter(|i| accumulators.get(*i).is_some());
            let (mut some, mut states, mut times) =
                (Packed::default(), Packed::default(), Vec::new());
            for i in of {
                some.push(keys.get(i));
                states.push(accumulators.get(i));
                times.extend(&windows[i * 2..i * 2 + 2]);
            }
            udf.finish(&some, &times, &states).unwrap()
        };
        let mut all = [finish(&whole), finish(&merged.accumulators)];
        all[0].errors.extend(errors);
        all
    };
    let [once, merged] = results(&format!("{language}/spend-per-user"));
    let [rust_once, rust_merged] = results("spend-per-user");
    assert_alike(language, &once, &rust_once);
    assert_alike(language, &merged, &rust_merged);
    assert_eq!(rows(&once), rows(&merged), "{language}");
}
