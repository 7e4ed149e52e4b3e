//! What people name on the command line, checked before it becomes part of an address.

use crate::failure::{Usage, advised};
use anyhow::Result;
use sluicebox_core::spec::name_problem;
use std::path::Path;

/// A name as hosts take it: of a tenant, module, job or token.
pub fn name<'a>(what: &str, name: &'a str) -> Result<&'a str> {
    match name_problem(name) {
        None => Ok(name),
        Some(help) => Err(advised(
            Usage(format!("`{name}` is no name of a {what}")),
            help,
        )),
    }
}

/// Any text as part of a query.
pub fn encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

/// A module's name and version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Name.
    pub name: String,
    /// Version, from 1.
    pub version: u32,
}

/// `NAME@VERSION`.
pub fn version(text: &str) -> Result<Version> {
    let parts = text.split_once('@');
    let parsed = parts.and_then(|(name, version)| Some((name, version.parse().ok()?)));
    match parsed {
        Some((module, version)) if version > 0 => Ok(Version {
            name: name("module", module)?.to_owned(),
            version,
        }),
        _ => Err(advised(
            Usage(format!("`{text}` names no version of a module")),
            "write NAME@VERSION, such as `orders-valid@3`; `sluicebox modules list` shows them",
        )),
    }
}

/// The name of a module by its file: `orders_valid.wasm` becomes `orders-valid`, as Cargo names the package.
pub fn of_file(path: &Path) -> Result<String> {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let found = stem.unwrap_or_default().replace('_', "-");
    match name_problem(&found) {
        None => Ok(found),
        Some(help) => Err(advised(
            Usage(format!(
                "the module can't be named after its file {}: {help}",
                path.display()
            )),
            "name it with --name NAME",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_hold_any_text() {
        assert_eq!(encoded("no rate&x=1%ü"), "no%20rate%26x%3D1%25%C3%BC");
    }

    #[test]
    fn modules_are_named_by_file_or_in_full() {
        let named = |path: &str| of_file(Path::new(path)).map_err(|error| error.to_string());
        assert_eq!(
            named("target/orders_valid.wasm").as_deref(),
            Ok("orders-valid")
        );
        insta::assert_snapshot!(named("Käse.wasm").expect_err("refused"), @"the module can't be named after its file Käse.wasm: names have 1 to 40 characters out of `a`-`z`, `0`-`9` and `-`");
        let parsed = version("valid@3").expect("a version");
        assert_eq!((parsed.name.as_str(), parsed.version), ("valid", 3));
        for text in [
            "valid", "valid@", "valid@0", "valid@x", "@1", "a/b@1", "..@1",
        ] {
            assert!(version(text).is_err(), "{text}");
        }
    }
}
