//! Exports of a filter.

#[allow(unsafe_code, missing_docs, unused, clippy::all)]
#[rustfmt::skip]
pub mod bindings {
    wit_bindgen::generate!({
        inline: "package sluicebox:sdk; world exports-filter { export sluicebox:udf/filter@0.1.0; }",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "sluicebox_udf::guest::filter::bindings",
        generate_all,
    });
}

use super::{Export, config};
use crate::packed;
use crate::udf::Filter;
use bindings::exports::sluicebox::udf::filter;

impl<T: Filter> filter::Guest for Export<T> {
    fn keep(input: filter::Batch) -> filter::Kept {
        let filter::Batch {
            data,
            index,
            timestamps,
        } = input;
        let input = packed::Batch {
            data,
            index,
            timestamps,
        };
        let packed::Kept { bitmap, errors } = T::keep(config::<T>(), &input);
        let errors = errors.into_iter().map(|e| filter::RowError {
            row: e.row,
            message: e.message,
        });
        filter::Kept {
            bitmap,
            errors: errors.collect(),
        }
    }
}
