//! Each example UDF gives in the sandbox what it gives natively, byte for byte: the same source is compiled into this
//! test and into the module. And the three of the demo, one after the other, give what arithmetic says.

use serde_json::{Value, json};
use sluicebox_core::batch::{Batch, Field, Packed, Parents, Returned};
use sluicebox_core::udf::{CallError, Emitted, RowError, Udf};
use sluicebox_udf::packed as native;
use sluicebox_udf::{Filter, Map, WindowAggregate};
use sluicebox_wasm::{Kind, Sandbox, Settings};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};

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

const ROWS_PER_INPUT_MAX: usize = 1_000;
const OUTPUT_BYTES_MAX: usize = 64 << 20;
const WINDOW_MS: i64 = 60_000;

static SANDBOX: LazyLock<Arc<Sandbox>> =
    LazyLock::new(|| Sandbox::new(Settings::default()).unwrap());

fn guest(name: &str) -> Vec<u8> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let home =
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/sluicebox/target"));
    let folder = std::env::var_os("SLUICEBOX_GUESTS").map_or_else(
        || target.or(home).unwrap_or_default().join("guests"),
        PathBuf::from,
    );
    let path = folder.join(format!("{name}.wasm"));
    let why = |error| {
        panic!(
            "{}: {error}. `cargo xtask test` builds the modules first",
            path.display()
        )
    };
    std::fs::read(&path).unwrap_or_else(why)
}

type Lines = Arc<Mutex<Vec<String>>>;

fn start(name: &str, kind: Kind, config: &Value, lines: &Lines) -> Result<Box<dyn Udf>, CallError> {
    let module = SANDBOX.load(&guest(name)).unwrap();
    let lines = lines.clone();
    let log = Arc::new(move |_, line: &str| lines.lock().unwrap().push(line.to_owned()));
    SANDBOX.instantiate(&module, kind, &config.to_string(), log)
}

fn sandboxed(name: &str, kind: Kind, config: &Value) -> Box<dyn Udf> {
    start(name, kind, config, &Lines::default()).unwrap()
}

/// Orders, good ones and every kind of bad one, from a fixed sequence.
fn orders(rows: usize) -> Batch {
    let mut batch = Batch::default();
    let mut seed = 7_u64;
    let mut random = |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for row in 0..rows {
        let user = format!("user-{:04}", random(20));
        let amount = random(5_000) as i64 - 100;
        let currency = ["EUR", "USD", "GBP", "XXX"][random(4) as usize];
        let value = match random(12) {
            0 => "{\"order\":".to_owned(),
            1 => json!({"order": row, "user": user}).to_string(),
            2 => format!(
                r#"{{"order":{row},"user":"\u0041\n","amount":{amount},"currency":"{currency}","item":"/"}}"#
            ),
            3 => {
                format!(r#"{{"id":{row},"user":"{user}","page":"/ä/\"","amount":{amount},"ts":1}}"#)
            }
            4 => format!(
                r#"{{"id":{row},"user":"{user}","page":"/shop","amount":{amount},"ts":1,"value_cents":9}}"#
            ),
            _ => order(row, &user, amount, currency),
        };
        let key = (random(10) > 0).then_some(user.as_bytes());
        let value = (random(15) > 0).then_some(value.as_bytes());
        let headers = (random(3) > 0).then_some(b"\x01\0\0\0h\x02\0\0\0hi".as_slice());
        batch.push(key, value, headers, row as i64);
    }
    batch
}

fn order(row: usize, user: &str, amount: i64, currency: &str) -> String {
    json!({"order": row, "user": user, "amount": amount, "currency": currency, "item": "/shop/item/007"}).to_string()
}

fn rates() -> Value {
    json!({"currency": "EUR", "rates": {"USD": 0.9, "GBP": 1.2}})
}

fn given(batch: &Batch) -> native::Batch {
    native::Batch {
        data: batch.data().to_vec(),
        index: batch.index().to_vec(),
        timestamps: batch.timestamps().to_vec(),
    }
}

fn packed(packed: &Packed) -> native::Packed {
    native::Packed {
        data: packed.data().to_vec(),
        index: packed.index().to_vec(),
    }
}

fn errors(errors: Vec<native::RowError>) -> Vec<RowError> {
    errors
        .into_iter()
        .map(|e| RowError {
            row: e.row,
            message: e.message,
        })
        .collect()
}

/// What the host makes of a native answer.
fn emitted(done: native::Emitted, parents: &impl Parents) -> Emitted {
    let returned = Returned {
        data: done.output.data,
        index: done.output.index,
        parents: done.parents,
    };
    let (output, parents) = returned
        .checked(parents, ROWS_PER_INPUT_MAX, OUTPUT_BYTES_MAX)
        .unwrap();
    Emitted {
        output,
        parents,
        errors: errors(done.errors),
    }
}

/// Rows, not bytes: where a field lies in the buffer is the host's business.
fn rows(emitted: &Emitted) -> Vec<[Option<&[u8]>; 3]> {
    let fields = [Field::Key, Field::Value, Field::Headers];
    (0..emitted.output.len())
        .map(|row| fields.map(|field| emitted.output.field(row, field)))
        .collect()
}

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

/// Windows as parents: a key each, nothing else that an output could share.
struct Windows<'a> {
    keys: &'a Packed,
    windows: &'a [i64],
}

impl Parents for Windows<'_> {
    fn rows(&self) -> usize {
        self.keys.len()
    }
    fn field(&self, row: usize, field: Field) -> Option<&[u8]> {
        (field == Field::Key).then(|| self.keys.get(row)).flatten()
    }
    fn timestamp(&self, row: usize) -> i64 {
        self.windows[row * 2 + 1] - 1
    }
}

/// The distinct keys of a batch, and for each row the number of its key.
fn grouped(input: &Batch) -> (Packed, Vec<u32>) {
    let mut numbers = BTreeMap::new();
    let mut keys = Packed::default();
    let mut groups = Vec::new();
    for row in 0..input.len() {
        let next = numbers.len() as u32;
        groups.push(*numbers.entry(input.key(row)).or_insert_with(|| {
            keys.push(input.key(row));
            next
        }));
    }
    (keys, groups)
}

fn nulls(count: usize) -> Packed {
    let mut fresh = Packed::default();
    (0..count).for_each(|_| fresh.push(None));
    fresh
}

fn items(packed: &Packed) -> Vec<Option<&[u8]>> {
    (0..packed.len()).map(|i| packed.get(i)).collect()
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
