//! Exports of a window aggregate that says which format its accumulators have.

#[allow(unsafe_code, missing_docs, unused, clippy::all)]
#[rustfmt::skip]
pub mod bindings {
    wit_bindgen::generate!({
        inline: "package sluicebox:sdk; world exports-accumulator-format { export sluicebox:udf/accumulator-format@0.1.0; }",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "sluicebox_udf::guest::accumulator_format::bindings",
        generate_all,
    });
}

use super::{Export, config};
use crate::packed;
use crate::udf::AccumulatorFormat;
use bindings::exports::sluicebox::udf::accumulator_format as wit;

impl<T: AccumulatorFormat> wit::Guest for Export<T> {
    fn format() -> u8 {
        T::FORMAT
    }

    fn migrates(format: u8) -> bool {
        T::MIGRATES.contains(&format)
    }

    fn migrate(format: u8, accumulators: wit::Packed) -> Result<wit::Packed, String> {
        let wit::Packed { data, index } = accumulators;
        let accumulators = packed::Packed { data, index };
        let packed::Packed { data, index } = T::migrate(config::<T>(), format, &accumulators)?;
        Ok(wit::Packed { data, index })
    }
}
