//! A core module, as the compiler leaves it, to a component: the bindings put the contract into custom sections.

use anyhow::{Context, Result};
use wit_component::ComponentEncoder;

/// Encode and validate.
pub fn component(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .context("the compiled module can't be made a component: does the crate have one of the attributes `#[sluicebox_udf::filter]`, `map` or `window_aggregate`?")
}
