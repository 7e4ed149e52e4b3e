//! What every module exports and imports: `init` and the log.

#[allow(unsafe_code, missing_docs, unused, clippy::all)]
#[rustfmt::skip]
pub mod bindings {
    wit_bindgen::generate!({
        inline: "package sluicebox:sdk; world exports-lifecycle { import sluicebox:udf/log@0.1.0; export sluicebox:udf/lifecycle@0.1.0; }",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "sluicebox_udf::guest::lifecycle::bindings",
        generate_all,
    });
}

use super::Export;
use crate::log::Level;
use crate::udf::Udf;
use bindings::exports::sluicebox::udf::lifecycle;
use bindings::sluicebox::udf::log as host;

impl<T: Udf> lifecycle::Guest for Export<T> {
    /// Read the config and keep it. Of a panic the host sees only a trap: its message goes to the log.
    fn init(config: String) -> Result<(), String> {
        std::panic::set_hook(Box::new(|panic| write(Level::Error, &panic.to_string())));
        let config = crate::config::read(&config)?;
        let set = T::slot().set(config);
        set.map_err(|_| "init was called twice".to_owned())
    }
}

pub(crate) fn write(level: Level, line: &str) {
    let level = match level {
        Level::Debug => host::Level::Debug,
        Level::Info => host::Level::Info,
        Level::Warn => host::Level::Warn,
        Level::Error => host::Level::Error,
    };
    host::log(level, line);
}
