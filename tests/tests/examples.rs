//! Each example UDF gives in the sandbox what it gives natively, byte for byte: the same source is compiled into this
//! test and into the module. And the three of the demo, one after the other, give what arithmetic says.
#![expect(clippy::unwrap_used, reason = "in helpers of tests, too")]

use serde_json::{Value, json};
use sluicebox_core::batch::{Batch, Packed};
use sluicebox_core::udf::{CallError, Emitted};
use sluicebox_udf::{Filter, Map, WindowAggregate};
use sluicebox_wasm::Kind;
use support::{
    Lines, Windows, emitted, errors, given, grouped, items, nulls, order, orders, packed, rates,
    rows, sandboxed, start,
};

#[path = "../../example-udfs/bench-count/src/lib.rs"]
mod bench_count;
#[path = "../../example-udfs/bench-filter/src/lib.rs"]
mod bench_filter;
#[path = "../../example-udfs/bench-map/src/lib.rs"]
mod bench_map;
#[path = "../../example-udfs/orders-enrich/src/lib.rs"]
mod orders_enrich;
#[path = "../../example-udfs/orders-valid/src/lib.rs"]
mod orders_valid;
#[path = "../../example-udfs/spend-per-user/src/lib.rs"]
mod spend_per_user;
#[path = "examples/support.rs"]
mod support;

const WINDOW_MS: i64 = 60_000;

fn assert_same(sandboxed: &Emitted, native: &Emitted) {
    assert_eq!(rows(sandboxed), rows(native));
    assert_eq!(sandboxed.output.timestamps(), native.output.timestamps());
    assert_eq!(
        (&sandboxed.parents, &sandboxed.errors),
        (&native.parents, &native.errors)
    );
}

fn config<U: sluicebox_udf::Udf>(json: &Value) -> U::Config {
    let json = if json.is_null() {
        json!({})
    } else {
        json.clone()
    };
    serde_json::from_value(json).unwrap()
}

const SIZES: [usize; 4] = [0, 1, 13, 1024];

fn filters_alike<F: Filter>(name: &str, json: Value) {
    let mut udf = sandboxed(name, Kind::Filter, &json);
    for size in SIZES {
        let input = orders(size);
        let native = F::keep(&config::<F>(&json), &given(&input));
        let kept = udf.filter(&input).unwrap();
        assert_eq!(
            (kept.bitmap, kept.errors),
            (native.bitmap, errors(native.errors))
        );
    }
}

fn maps_alike<M: Map>(name: &str, json: Value) {
    let mut udf = sandboxed(name, Kind::Map, &json);
    for size in SIZES {
        let input = orders(size);
        let native = emitted(M::apply(&config::<M>(&json), &given(&input)), &input);
        assert_same(&udf.map(&input).unwrap(), &native);
    }
}

#[test]
fn filters_answer_as_they_do_natively() {
    filters_alike::<orders_valid::valid>("orders-valid", json!({"minimum": 1000}));
    filters_alike::<orders_valid::valid>("orders-valid", json!(null));
    filters_alike::<bench_filter::wanted>("bench-filter", json!(null));
}

#[test]
fn maps_answer_as_they_do_natively() {
    maps_alike::<orders_enrich::enrich>("orders-enrich", rates());
    maps_alike::<bench_map::enrich>("bench-map", json!(null));
}

fn aggregates_alike<W: WindowAggregate>(name: &str, values: impl Fn(Batch) -> Batch) {
    let mut udf = sandboxed(name, Kind::WindowAggregate, &json!(null));
    let config = &config::<W>(&json!(null));
    for size in SIZES {
        let input = values(orders(size));
        let (keys, groups) = grouped(&input);
        let fresh = nulls(keys.len());
        let folded = udf.accumulate(&fresh, &groups, &input).unwrap();
        let native = W::accumulate(config, &packed(&fresh), &groups, &given(&input));
        assert_eq!(
            items(&folded.accumulators),
            native.accumulators.iter().collect::<Vec<_>>()
        );
        assert_eq!(folded.errors, errors(native.errors));

        let left = &folded.accumulators;
        let merged = udf.merge(left, left).unwrap();
        let native = W::merge(config, &packed(left), &packed(left));
        assert_eq!(
            items(&merged.accumulators),
            native.accumulators.iter().collect::<Vec<_>>()
        );

        let windows = [0, WINDOW_MS].repeat(keys.len());
        let parents = Windows {
            keys: &keys,
            windows: &windows,
        };
        let native = W::finish(
            config,
            &packed(&keys),
            &windows,
            &packed(&merged.accumulators),
        );
        let finished = udf.finish(&keys, &windows, &merged.accumulators).unwrap();
        assert_same(&finished, &emitted(native, &parents));
    }
}

#[test]
fn aggregates_answer_as_they_do_natively() {
    aggregates_alike::<bench_count::Count>("bench-count", |orders| orders);
    let mut enrich = sandboxed("orders-enrich", Kind::Map, &rates());
    let mut enriched = |orders: Batch| enrich.map(&orders).unwrap().output;
    let enriched = std::cell::RefCell::new(&mut enriched);
    aggregates_alike::<spend_per_user::Spend>("spend-per-user", |orders| {
        (enriched.borrow_mut())(orders)
    });
    aggregates_alike::<spend_per_user::Spend>("spend-per-user", |orders| orders);
}

#[test]
fn the_three_examples_together_count_and_sum() {
    let amounts = [
        ("ann", 1_000, "EUR"),
        ("bob", 500, "USD"),
        ("ann", 99, "EUR"),
        ("ann", 2_000, "USD"),
    ];
    let mut input = Batch::default();
    for (row, (user, amount, currency)) in amounts.into_iter().enumerate() {
        input.push(
            Some(user.as_bytes()),
            Some(order(row, user, amount, currency).as_bytes()),
            None,
            5,
        );
    }
    let kept = sandboxed("orders-valid", Kind::Filter, &json!({"minimum": 100}))
        .filter(&input)
        .unwrap();
    let valid = input.select(|row| kept.keeps(row));
    let enriched = sandboxed("orders-enrich", Kind::Map, &rates())
        .map(&valid)
        .unwrap();
    let (keys, groups) = grouped(&enriched.output);
    let mut spend = sandboxed("spend-per-user", Kind::WindowAggregate, &json!(null));
    let sums = spend
        .accumulate(&nulls(keys.len()), &groups, &enriched.output)
        .unwrap();
    let done = spend
        .finish(&keys, &[0, WINDOW_MS, 0, WINDOW_MS], &sums.accumulators)
        .unwrap();

    assert_eq!(done.output.key(0), Some(b"ann".as_slice()));
    assert_eq!(
        done.output.value(0),
        Some(br#"{"user":"ann","window_start":0,"count":2,"sum_cents":2800,"min_cents":1000,"max_cents":1800}"#.as_slice())
    );
    assert_eq!(
        done.output.value(1),
        Some(br#"{"user":"bob","window_start":0,"count":1,"sum_cents":450,"min_cents":450,"max_cents":450}"#.as_slice())
    );
    assert_eq!(done.output.timestamps(), [WINDOW_MS - 1, WINDOW_MS - 1]);
}

#[test]
fn a_refused_config_says_which_field() {
    let refusal = |name, kind, config: Value| match start(name, kind, &config, &Lines::default()) {
        Err(CallError::Module(message)) => message,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{config} was taken"),
    };
    let refused = refusal(
        "orders-enrich",
        Kind::Map,
        json!({"currency": "EUR", "rates": {"USD": "x"}}),
    );
    assert!(
        refused.contains("config.rates.USD: invalid type: string"),
        "{refused}"
    );
    let refused = refusal("orders-enrich", Kind::Map, json!(null));
    assert!(refused.contains("missing field `currency`"), "{refused}");
    let refused = refusal("bench-map", Kind::Map, json!({"a": 1}));
    assert!(refused.contains("unknown field `a`"), "{refused}");
}

#[test]
fn a_panic_is_a_trap_with_its_message_in_the_log() {
    let lines = Lines::default();
    let mut spend = start(
        "spend-per-user",
        Kind::WindowAggregate,
        &json!(null),
        &lines,
    )
    .unwrap();
    let mut foreign = Packed::default();
    foreign.push(Some(b"???"));
    let trap = spend.accumulate(&foreign, &[0], &orders(1)).unwrap_err();
    assert!(matches!(trap, CallError::Trap(_)), "{trap:?}");
    let lines = lines.lock().unwrap().join("\n");
    assert!(
        lines.contains("an accumulator of 3 bytes can't be read"),
        "{lines}"
    );
}
