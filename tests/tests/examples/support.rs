//! What the tests of the examples share: orders of every kind, modules from their folder, and native answers in the
//! shape that the host gives them.

use serde_json::{Value, json};
use sluicebox_core::batch::{Batch, Field, Packed, Parents, Returned};
use sluicebox_core::udf::{CallError, Emitted, RowError, Udf};
use sluicebox_udf::packed as native;
use sluicebox_wasm::{Kind, Module, Sandbox, Settings};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};

const ROWS_PER_INPUT_MAX: usize = 1_000;
const OUTPUT_BYTES_MAX: usize = 64 << 20;

static SANDBOX: LazyLock<Arc<Sandbox>> =
    LazyLock::new(|| Sandbox::new(Settings::default()).unwrap());

static LOADED: LazyLock<Mutex<BTreeMap<String, Arc<Module>>>> = LazyLock::new(Mutex::default);

pub fn guest(name: &str) -> Vec<u8> {
    let path = guest_path(name);
    let why = |error| {
        panic!(
            "{}: {error}. `cargo xtask test` builds the modules first",
            path.display()
        )
    };
    std::fs::read(&path).unwrap_or_else(why)
}

pub fn guest_path(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let home =
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/sluicebox/target"));
    let folder = std::env::var_os("SLUICEBOX_GUESTS").map_or_else(
        || target.or(home).unwrap_or_default().join("guests"),
        PathBuf::from,
    );
    folder.join(format!("{name}.wasm"))
}

pub type Lines = Arc<Mutex<Vec<String>>>;

pub fn start(
    name: &str,
    kind: Kind,
    config: &Value,
    lines: &Lines,
) -> Result<Box<dyn Udf>, CallError> {
    let module = {
        // Compiling an engine takes seconds.
        let mut loaded = LOADED.lock().unwrap();
        let known = loaded.entry(name.to_owned());
        known
            .or_insert_with(|| SANDBOX.load(&guest(name)).unwrap())
            .clone()
    };
    let lines = lines.clone();
    let log = Arc::new(move |_, line: &str| lines.lock().unwrap().push(line.to_owned()));
    SANDBOX.instantiate(&module, kind, &config.to_string(), log)
}

pub fn sandboxed(name: &str, kind: Kind, config: &Value) -> Box<dyn Udf> {
    start(name, kind, config, &Lines::default()).unwrap()
}

/// Orders, good ones and every kind of bad one, from a fixed sequence.
pub fn orders(rows: usize) -> Batch {
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

pub fn order(row: usize, user: &str, amount: i64, currency: &str) -> String {
    json!({"order": row, "user": user, "amount": amount, "currency": currency, "item": "/shop/item/007"}).to_string()
}

pub fn rates() -> Value {
    json!({"currency": "EUR", "rates": {"USD": 0.9, "GBP": 1.2}})
}

pub fn given(batch: &Batch) -> native::Batch {
    native::Batch {
        data: batch.data().to_vec(),
        index: batch.index().to_vec(),
        timestamps: batch.timestamps().to_vec(),
    }
}

pub fn packed(packed: &Packed) -> native::Packed {
    native::Packed {
        data: packed.data().to_vec(),
        index: packed.index().to_vec(),
    }
}

pub fn errors(errors: Vec<native::RowError>) -> Vec<RowError> {
    errors
        .into_iter()
        .map(|e| RowError {
            row: e.row,
            message: e.message,
        })
        .collect()
}

/// What the host makes of a native answer.
pub fn emitted(done: native::Emitted, parents: &impl Parents) -> Emitted {
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
pub fn rows(emitted: &Emitted) -> Vec<[Option<&[u8]>; 3]> {
    let fields = [Field::Key, Field::Value, Field::Headers];
    (0..emitted.output.len())
        .map(|row| fields.map(|field| emitted.output.field(row, field)))
        .collect()
}

/// Windows as parents: a key each, nothing else that an output could share.
pub struct Windows<'a> {
    pub keys: &'a Packed,
    pub windows: &'a [i64],
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
pub fn grouped(input: &Batch) -> (Packed, Vec<u32>) {
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

pub fn nulls(count: usize) -> Packed {
    let mut fresh = Packed::default();
    (0..count).for_each(|_| fresh.push(None));
    fresh
}

pub fn items(packed: &Packed) -> Vec<Option<&[u8]>> {
    (0..packed.len()).map(|i| packed.get(i)).collect()
}
