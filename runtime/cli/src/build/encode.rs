//! A core module, as the compiler leaves it, to a component: the bindings put the contract into custom sections.

use crate::failure::Usage;
use anyhow::{Context, Result, bail};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

const NO_UDF: &str = "there is no UDF in the crate: put `#[sluicebox_udf::filter]` or `#[sluicebox_udf::map]` on a \
    function, or `#[sluicebox_udf::window_aggregate]` on an accumulator's impl";

/// Encode and validate.
pub fn component(module: &[u8]) -> Result<Vec<u8>> {
    if !has_contract(module) {
        bail!(Usage(NO_UDF.to_owned()));
    }
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .context("the compiled module can't be encoded as a component")
}

fn has_contract(module: &[u8]) -> bool {
    let mut payloads = Parser::new(0).parse_all(module).flatten();
    payloads.any(|payload| match payload {
        Payload::CustomSection(section) => section.name().starts_with("component-type"),
        _ => false,
    })
}
