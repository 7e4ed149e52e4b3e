//! What is in a module, found without compiling or running anything of it: the first gate of an upload. Everything
//! that could make later steps expensive (many functions, huge ones, nesting that multiplies) is counted here.

mod walk;

use self::walk::Walk;
use crate::contract::{Interfaces, check_exports, check_imports};
use crate::error::ModuleError;
use crate::limits::Limits;
use crate::text::clean;
use sha2::{Digest, Sha256};
use wasmparser::Parser;

/// Which interfaces a module has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Exports {
    /// It can be a filter.
    pub filter: bool,
    /// It can be a map.
    pub map: bool,
    /// It can be a window-aggregate.
    pub window_aggregate: bool,
}

impl std::fmt::Display for Exports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = [
            (self.filter, "filter"),
            (self.map, "map"),
            (self.window_aggregate, "window-aggregate"),
        ];
        let names: Vec<&str> = names
            .iter()
            .filter(|(has, _)| *has)
            .map(|(_, name)| *name)
            .collect();
        f.write_str(&names.join(", "))
    }
}

/// Names of interfaces are for people too, and the module's author chose them.
const NAME_BYTES_MAX: usize = 256;

/// What is in a module.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Inspection {
    /// SHA-256 of the module in lower-case hex: its name.
    pub digest: String,
    /// Size of the module in bytes.
    pub size_bytes: usize,
    /// Which of our interfaces it exports.
    pub exports: Exports,
    /// Names of all interfaces it exports, others than ours included.
    pub exported: Vec<String>,
    /// Names of all interfaces it imports.
    pub imports: Vec<String>,
    /// Linear memory of a fresh instance in bytes.
    pub memory_bytes_min: u64,
    /// Functions over all core modules.
    pub functions: usize,
    /// Bytes of code over all core modules.
    pub code_bytes: usize,
    /// Core modules in the component.
    pub core_modules: usize,
    /// Full names of our interfaces.
    #[serde(skip)]
    pub(crate) interfaces: Interfaces,
}

/// Inspect and check a module under the default limits.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, ModuleError> {
    inspect_within(bytes, &Limits::default())
}

/// Inspect and check a module under these limits. What passes here is refused later only if the compiler fails.
pub fn inspect_within(bytes: &[u8], limits: &Limits) -> Result<Inspection, ModuleError> {
    if bytes.len() > limits.module_bytes_max {
        return Err(ModuleError::TooLarge {
            bytes: bytes.len(),
            limit: limits.module_bytes_max,
        });
    }
    is_component(bytes)?;
    let mut walk = Walk::new(limits);
    let types = walk.walk(bytes)?;
    let names = walk.imports.len() + walk.exports.len();
    under("imports and exports", names, limits.names_max)?;
    check_imports(&types, &walk.imports)?;
    let interfaces = check_exports(&types, &walk.exports)?;
    let shown = |names: &[String]| {
        names
            .iter()
            .map(|name| clean(name, NAME_BYTES_MAX))
            .collect()
    };
    Ok(Inspection {
        digest: hex(&Sha256::digest(bytes)),
        size_bytes: bytes.len(),
        exports: interfaces.exports(),
        exported: shown(&walk.exports),
        imports: shown(&walk.imports),
        memory_bytes_min: walk.memory_bytes,
        functions: walk.functions,
        code_bytes: walk.code_bytes,
        core_modules: walk.core_modules,
        interfaces,
    })
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn is_component(bytes: &[u8]) -> Result<(), ModuleError> {
    let refuse = |found, advice| Err(ModuleError::NotAComponent { found, advice });
    let text = bytes.trim_ascii_start();
    if bytes.is_empty() {
        return refuse("the file is empty", "Build it again with `sluicebox build`");
    }
    if bytes.starts_with(b"\x7fELF") {
        return refuse(
            "it is compiled machine code",
            "Upload the component itself (.wasm); the host compiles it, and never accepts compiled code",
        );
    }
    if text.starts_with(b"(") || text.starts_with(b";;") {
        return refuse(
            "it is WebAssembly text",
            "Build a binary component, for example with `sluicebox build`",
        );
    }
    if !bytes.starts_with(b"\0asm") {
        return refuse(
            "it does not begin with \\0asm",
            "Build one with `sluicebox build`",
        );
    }
    if Parser::is_core_wasm(bytes) {
        return refuse(
            "it is a core module",
            "Make it a component with `sluicebox build`, or with wasm-tools: `component embed`, then `component new`",
        );
    }
    Ok(())
}

fn invalid(error: wasmparser::Error) -> ModuleError {
    ModuleError::Invalid(clean(&error.to_string(), 512))
}

fn under(
    what: &'static str,
    got: impl TryInto<u64>,
    limit: impl TryInto<u64>,
) -> Result<(), ModuleError> {
    let (got, limit) = (
        got.try_into().unwrap_or(u64::MAX),
        limit.try_into().unwrap_or(u64::MAX),
    );
    if got <= limit {
        return Ok(());
    }
    Err(ModuleError::Limit { what, got, limit })
}

#[cfg(test)]
mod tests;
