//! Exports of a window aggregate.

#[allow(unsafe_code, missing_docs, unused, clippy::all)]
#[rustfmt::skip]
pub mod bindings {
    wit_bindgen::generate!({
        inline: "package sluicebox:sdk; world exports-window-aggregate { export sluicebox:udf/window-aggregate@0.1.0; }",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "sluicebox_udf::guest::window_aggregate::bindings",
        generate_all,
    });
}

use super::{Export, config};
use crate::packed;
use crate::udf::WindowAggregate;
use bindings::exports::sluicebox::udf::window_aggregate as wit;

impl<T: WindowAggregate> wit::Guest for Export<T> {
    fn accumulate(
        accumulators: wit::Packed,
        groups: Vec<u32>,
        input: wit::Batch,
    ) -> wit::Accumulated {
        let wit::Batch {
            data,
            index,
            timestamps,
        } = input;
        let input = packed::Batch {
            data,
            index,
            timestamps,
        };
        accumulated(T::accumulate(
            config::<T>(),
            &received(accumulators),
            &groups,
            &input,
        ))
    }

    fn merge(left: wit::Packed, right: wit::Packed) -> wit::Accumulated {
        accumulated(T::merge(config::<T>(), &received(left), &received(right)))
    }

    fn finish(keys: wit::Packed, windows: Vec<i64>, accumulators: wit::Packed) -> wit::Emitted {
        let done = T::finish(
            config::<T>(),
            &received(keys),
            &windows,
            &received(accumulators),
        );
        let packed::Batch {
            data,
            index,
            timestamps,
        } = done.output;
        wit::Emitted {
            output: wit::Batch {
                data,
                index,
                timestamps,
            },
            parents: done.parents,
            errors: errors(done.errors),
        }
    }
}

fn received(packed: wit::Packed) -> packed::Packed {
    let wit::Packed { data, index } = packed;
    packed::Packed { data, index }
}

fn accumulated(done: packed::Accumulated) -> wit::Accumulated {
    let packed::Packed { data, index } = done.accumulators;
    wit::Accumulated {
        accumulators: wit::Packed { data, index },
        errors: errors(done.errors),
    }
}

fn errors(errors: Vec<packed::RowError>) -> Vec<wit::RowError> {
    let one = |e: packed::RowError| wit::RowError {
        row: e.row,
        message: e.message,
    };
    errors.into_iter().map(one).collect()
}
