//! Exports of a map.

#[allow(unsafe_code, missing_docs, unused, clippy::all)]
#[rustfmt::skip]
pub mod bindings {
    wit_bindgen::generate!({
        inline: "package sluicebox:sdk; world exports-map { export sluicebox:udf/mapper@0.1.0; }",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "sluicebox_udf::guest::map::bindings",
        generate_all,
    });
}

use super::{Export, config};
use crate::packed;
use crate::udf::Map;
use bindings::exports::sluicebox::udf::mapper;

impl<T: Map> mapper::Guest for Export<T> {
    fn apply(input: mapper::Batch) -> mapper::Emitted {
        let mapper::Batch {
            data,
            index,
            timestamps,
        } = input;
        let input = packed::Batch {
            data,
            index,
            timestamps,
        };
        let packed::Emitted {
            output,
            parents,
            errors,
        } = T::apply(config::<T>(), &input);
        let packed::Batch {
            data,
            index,
            timestamps,
        } = output;
        let errors = errors.into_iter().map(|e| mapper::RowError {
            row: e.row,
            message: e.message,
        });
        mapper::Emitted {
            output: mapper::Batch {
                data,
                index,
                timestamps,
            },
            parents,
            errors: errors.collect(),
        }
    }
}
