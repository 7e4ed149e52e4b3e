//! Run a UDF natively over records in memory: the same reading, packing and "same as my parent's" as in Wasm, and the
//! config read as `init` reads it. In a module's own tests this is as good as the sandbox, and needs no Wasm.
//!
//! ```
//! use sluicebox_udf::{json, testing};
//!
//! #[derive(serde::Deserialize)]
//! struct Order { amount: i64 }
//! #[derive(serde::Deserialize)]
//! struct Config { minimum: i64 }
//!
//! #[sluicebox_udf::filter]
//! fn large(order: Order, config: &Config) -> bool {
//!     order.amount >= config.minimum
//! }
//!
//! # fn main() -> Result<(), String> {
//! let done = testing::filter::<large>(json!({"minimum": 10}), [r#"{"amount":9}"#, r#"{"amount":10}"#, "?"])?;
//! assert_eq!(done.kept, [1]);
//! assert_eq!(done.errors[0].row, 2);
//! # Ok(())
//! # }
//! ```

mod records;
mod window;

pub use records::{Input, OutputRecord};
pub use window::{Finished, window_aggregate};

use crate::packed::RowError;
use crate::udf::{Filter, Map, Udf};
use records::{batch, unpack};
use serde_json::Value;

/// What a filter did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtered {
    /// Rows it kept.
    pub kept: Vec<usize>,
    /// Rows that failed.
    pub errors: Vec<RowError>,
}

/// Run a filter; an error if it refuses the config. `Value::Null` is no config.
pub fn filter<F: Filter>(
    config: Value,
    records: impl IntoIterator<Item: Into<Input>>,
) -> Result<Filtered, String> {
    let input = batch(records);
    let done = F::keep(&configured::<F>(config)?, &input);
    let kept = (0..input.rows()).filter(|row| done.bitmap[row / 8] >> (row % 8) & 1 == 1);
    Ok(Filtered {
        kept: kept.collect(),
        errors: done.errors,
    })
}

/// What a map did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Its outputs.
    pub outputs: Vec<OutputRecord>,
    /// Rows that failed.
    pub errors: Vec<RowError>,
}

/// Run a map; an error if it refuses the config. `Value::Null` is no config.
pub fn map<M: Map>(
    config: Value,
    records: impl IntoIterator<Item: Into<Input>>,
) -> Result<Mapped, String> {
    let input = batch(records);
    let done = M::apply(&configured::<M>(config)?, &input);
    let outputs = unpack(&done, |row| input.row(row));
    Ok(Mapped {
        outputs,
        errors: done.errors,
    })
}

fn configured<U: Udf>(config: Value) -> Result<U::Config, String> {
    crate::config::read(&config.to_string())
}
