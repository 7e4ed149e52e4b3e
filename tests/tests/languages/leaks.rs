//! Engines that leak: a long run on a module in Python, whose bindings never give back a list of bytes that they returned.

use crate::support::{orders, rates, sandboxed};
use sluicebox_wasm::Kind;

/// As many that without fresh instances the memory of one would have ended several times.
const BATCHES: usize = 1_000;

#[test]
fn memory_stays_flat_and_nothing_fails() {
    let mut udf = sandboxed("python/orders-enrich", Kind::Map, &rates());
    let input = orders(1024);
    let first = udf.map(&input).unwrap();
    let mut most = 0;
    let mut fresh = 0;
    for _ in 0..BATCHES {
        let before = udf.memory_bytes();
        let done = udf.map(&input).unwrap();
        assert_eq!(done.output.data(), first.output.data());
        most = most.max(udf.memory_bytes());
        fresh += usize::from(udf.memory_bytes() < before);
    }
    assert!(most <= 48 << 20, "{most}");
    assert!(fresh > 0, "nothing leaked: is the test of any use?");
}
