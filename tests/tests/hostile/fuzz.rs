//! Modules and answers that nobody thought of: random ones, from a printed seed. CI spends some seconds on each kind;
//! `SLUICEBOX_FUZZ_S` says how many.

use crate::{SANDBOX, batch, guest, rows, start};
use sluicebox_core::batch::{Batch, Packed};
use sluicebox_core::udf::{CallError, Emitted, RowError, Udf};
use sluicebox_tests::workload::{Random, seed};
use sluicebox_wasm::{Kind, LogSink};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SECONDS: u64 = 5;
const KINDS: [Kind; 3] = [Kind::Filter, Kind::Map, Kind::WindowAggregate];

fn until() -> Instant {
    let given = std::env::var("SLUICEBOX_FUZZ_S").ok();
    let seconds = given.map_or(SECONDS, |text| {
        text.parse().expect("SLUICEBOX_FUZZ_S in seconds")
    });
    Instant::now() + Duration::from_secs(seconds)
}

fn quiet() -> LogSink {
    Arc::new(|_, _| {})
}

/// A trap, or an answer that keeps the contract; never the host's fault.
fn judged<T>(answer: Result<T, CallError>, check: impl FnOnce(T)) -> bool {
    match answer {
        Ok(answer) => {
            check(answer);
            true
        }
        Err(CallError::Trap(_)) => false,
        Err(other) => panic!("the host took the blame: {other:?}"),
    }
}

fn errors_are_sound(errors: &[RowError], rows: usize) {
    assert!(errors.iter().all(|error| (error.row as usize) < rows));
    assert!(errors.windows(2).all(|pair| pair[0].row < pair[1].row));
}

fn emitted_is_sound(emitted: &Emitted, rows: usize) {
    assert_eq!(emitted.parents.len(), emitted.output.len());
    assert!(emitted.parents.is_sorted());
    assert!(
        emitted
            .parents
            .iter()
            .all(|parent| (*parent as usize) < rows)
    );
    for row in 0..emitted.output.len() {
        // Fields that lie outside of the data would panic here.
        let _ = (emitted.output.key(row), emitted.output.value(row));
    }
    errors_are_sound(&emitted.errors, rows);
}

fn packed(count: usize) -> Packed {
    let mut packed = Packed::default();
    for i in 0..count {
        packed.push((i % 3 > 0).then_some(&[i as u8][..]));
    }
    packed
}

/// Call what a module of this kind is called with; answers how many calls were answered well.
fn call(udf: &mut dyn Udf, kind: Kind, input: &Batch) -> usize {
    let count = input.len();
    let answered = match kind {
        Kind::Filter => vec![judged(udf.filter(input), |kept| {
            assert_eq!(kept.bitmap.len(), count.div_ceil(8));
            errors_are_sound(&kept.errors, count);
        })],
        Kind::Map => vec![judged(udf.map(input), |emitted| {
            emitted_is_sound(&emitted, count);
        })],
        Kind::WindowAggregate => {
            let groups: Vec<u32> = (0..count as u32).map(|row| row % 3).collect();
            let keys = packed(3);
            vec![
                judged(udf.accumulate(&packed(3), &groups, input), |answer| {
                    assert_eq!(answer.accumulators.len(), 3);
                    errors_are_sound(&answer.errors, count);
                }),
                judged(udf.merge(&packed(3), &packed(3)), |answer| {
                    assert_eq!(answer.accumulators.len(), 3);
                }),
                judged(udf.migrate(0, &packed(3)), |migrated| {
                    assert_eq!(migrated.len(), 3);
                }),
                judged(
                    udf.finish(&keys, &[0, 10, 0, 10, 10, 20], &packed(3)),
                    |answer| {
                        emitted_is_sound(&answer, 3);
                    },
                ),
            ]
        }
    };
    answered.into_iter().filter(|good| *good).count()
}

/// Whatever a module answers is refused or keeps the contract.
#[test]
fn random_answers_are_refused_or_sound() {
    let (mut random, until) = (Random(seed()), until());
    let (mut calls, mut answered) = (0, 0);
    while Instant::now() < until {
        let mode = format!("random {}", random.bits());
        for kind in KINDS {
            let mut udf = start(kind, &mode);
            for _ in 0..20 {
                let input = rows(1 + random.below(20) as usize);
                answered += call(udf.as_mut(), kind, &input);
                calls += 1;
            }
        }
    }
    eprintln!("{calls} rounds of calls, {answered} calls answered well");
    assert!(calls > 20, "hardly anything was tried");
    assert!(
        answered > 0,
        "all answers were refused: nothing past the first check was tried"
    );
}

/// A module with some bytes changed, cut out, doubled or swapped.
fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len() as u64) as usize].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() as u64) as usize;
        let length = (1 + random.below(64) as usize).min(bytes.len() - at);
        match random.below(8) {
            0 => bytes.truncate(at.max(1)),
            1 => drop(bytes.drain(at..at + length)),
            2 => {
                let copy = bytes[at..at + length].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5) as usize],
            _ => bytes[at] ^= 1 << random.below(8),
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes
}

/// Whatever is uploaded is refused with a reason or runs within its limits, and the next honest module works.
#[test]
fn mutated_modules_are_refused_or_run_within_limits() {
    let seeds: Vec<Vec<u8>> = ["orders-valid", "orders-enrich", "spend-per-user"]
        .map(guest)
        .into();
    let (mut random, until) = (Random(seed()), until());
    let (mut tried, mut loaded) = (0, 0);
    while Instant::now() < until {
        tried += 1;
        let bytes = mutated(&seeds, &mut random);
        let module = match SANDBOX.load(&bytes) {
            Ok(module) => module,
            Err(why) => {
                assert!(!why.to_string().is_empty());
                continue;
            }
        };
        loaded += 1;
        for kind in KINDS {
            let started = SANDBOX.instantiate(&module, kind, "{\"rates\":{\"EUR\":1}}", quiet());
            let Ok(mut udf) = started else { continue };
            call(
                udf.as_mut(),
                kind,
                &batch(&["{}", "{\"amount\":1,\"currency\":\"EUR\"}"]),
            );
        }
    }
    eprintln!("{tried} modules, {loaded} of them loaded");
    assert!(tried > 20, "hardly anything was tried");
    assert_eq!(
        start(Kind::Filter, "").filter(&rows(1)).unwrap().bitmap,
        [1]
    );
}
