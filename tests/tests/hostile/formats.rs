//! Migrations of accumulators: an answer against the contract is a trap, a refusal is the module's, and neither reaches further.

use crate::{start, start_logging, trap};
use sluicebox_core::batch::Packed;
use sluicebox_core::udf::CallError;
use sluicebox_wasm::Kind;
use std::sync::Arc;

fn two() -> Packed {
    let mut two = Packed::default();
    two.push(Some(b"ab"));
    two.push(Some(b"c"));
    two
}

#[test]
fn what_is_migrated_comes_back_in_order() {
    let mut udf = start(Kind::WindowAggregate, "");
    assert_eq!(udf.accumulator_format(), 1);
    for _ in 0..2 {
        let migrated = udf.migrate(0, &two()).unwrap();
        assert_eq!(
            [migrated.get(0), migrated.get(1)],
            [Some(&b"ab"[..]), Some(&b"c"[..])]
        );
        // A fresh instance knows as well.
        udf.drop_instance();
    }
    assert!(udf.migrates(1).unwrap() && udf.migrates(0).unwrap());
    assert!(!udf.migrates(9).unwrap());
}

#[test]
fn lies_about_a_migration_are_traps() {
    let cases = [
        (
            "migrated to null",
            "accumulator 0 is null after its migration",
        ),
        (
            "one accumulator too few",
            "accumulators has 1 items, expected 2",
        ),
        (
            "accumulator too large",
            "bytes of an accumulator: 65537 is over the limit of 65536",
        ),
        ("accumulator outside", "reaches past"),
        ("panic", "panicked"),
        ("loop", "CPU time"),
    ];
    for (mode, want) in cases {
        let text = trap(start(Kind::WindowAggregate, mode).migrate(0, &two()));
        assert!(text.contains(want), "{mode}: {text}");
    }
}

#[test]
fn a_refusal_is_told_without_what_a_terminal_would_obey() {
    let module = |answer: Result<Packed, CallError>| match answer {
        Err(CallError::Module(why)) => why,
        other => panic!("expected a refusal, got {other:?}"),
    };
    let why = module(start(Kind::WindowAggregate, "migration refused").migrate(0, &two()));
    assert_eq!(why, "too\u{fffd}[31m old");
    let why = module(start(Kind::WindowAggregate, "").migrate(9, &two()));
    assert_eq!(why, "the module has format 1 and does not migrate format 9");
}

/// The format is asked for at the start, within the deadline of a call.
#[test]
fn a_module_that_does_not_say_its_format_does_not_start() {
    let started = start_logging(Kind::WindowAggregate, "format loops", Arc::new(|_, _| {}));
    let why = trap(started.map(|_| ()));
    assert!(why.contains("CPU time"), "{why}");
    // Another kind of operator has no accumulators.
    start(Kind::Filter, "format loops");
}
