//! What is left after a trap: a reason, a backtrace, and a fresh instance.

use crate::{batch, rows, start, trap};
use sluicebox_wasm::Kind;

#[test]
fn a_panic_costs_the_call_and_nothing_else() {
    let mut udf = start(Kind::Map, "panic on poison");
    let text = trap(udf.map(&batch(&["good", "has poison in it", "good"])));
    assert!(text.starts_with("panicked"), "{text}");
    assert!(
        text.contains("hostile::misbehave") || text.contains("panic"),
        "demangled names: {text}"
    );
    assert!(!text.contains("_ZN") && !text.contains("_RNv"), "{text}");
    assert_eq!(udf.map(&batch(&["good", "good"])).unwrap().parents, [0, 1]);
}

#[test]
fn a_fresh_instance_follows_a_trap_and_a_drop() {
    let mut udf = start(Kind::Filter, "panic on the second call");
    for _ in 0..3 {
        udf.filter(&rows(1)).unwrap();
        trap(udf.filter(&rows(1)));
    }
    for _ in 0..3 {
        udf.filter(&rows(1)).unwrap();
        udf.drop_instance();
    }
}

#[test]
fn last_words_are_kept_on_one_line() {
    let text = trap(start(Kind::Filter, "panic and say so").filter(&rows(1)));
    let first = text.lines().next().unwrap();
    assert!(
        first.contains("last error logged: amount is\u{fffd}negative"),
        "{text}"
    );
}
