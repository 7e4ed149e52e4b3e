//! Write UDFs for sluicebox in Rust.
//!
//! A UDF is a function and an attribute. What the function takes says how a record's bytes become it, what it
//! returns says what leaves; the packing of thousands of records into one call is done here.
//!
//! ```
//! #[derive(serde::Deserialize)]
//! struct Order<'a> {
//!     amount: i64,
//!     currency: &'a str,
//! }
//!
//! #[sluicebox_udf::filter]
//! fn valid(order: Order<'_>) -> bool {
//!     order.amount > 0 && order.currency == "EUR"
//! }
//! # assert!(valid(Order { amount: 1, currency: "EUR" }));
//! ```
//!
//! - [`filter`], [`map`] and [`window_aggregate`] are the three kinds; a crate holds one.
//! - Values are JSON unless the type says otherwise: [`Raw`] is the bytes, [`Decode`] and [`Encode`] are for other
//!   formats. [`Record`] around a type adds key, headers and timestamp.
//! - `Result` makes row errors; the job decides what happens to such a row.
//! - A last argument `&Config` receives the operator's `config`.
//! - [`debug!`], [`info!`], [`warn!`] and [`error!`] write to the job's log.
//! - [`testing`] runs a UDF natively, through the same packing.
//!
//! Be deterministic: the same rows must give the same outputs on any instance, however they are split into calls.
//! There is no clock, no randomness and no file to tempt you; statics and `HashMap` iteration order are left to avoid.
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]
#![cfg_attr(target_arch = "wasm32", deny(unsafe_code))]

mod accumulator;
mod codec;
mod config;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
pub mod log;
mod output;
pub mod packed;
mod record;
#[doc(hidden)]
pub mod run;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod udf;

pub use accumulator::Accumulator;
pub use codec::{Decode, Encode, Raw};
pub use output::{IntoOutput, Output};
pub use record::{FromRecord, Record, Window};
pub use serde_json::{Value, json};
pub use sluicebox_udf_macros::{Accumulator, filter, map, window_aggregate};
pub use udf::{AccumulatorFormat, Filter, Map, Udf, WindowAggregate};
