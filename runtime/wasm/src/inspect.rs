//! What is in a module, found without compiling or running anything of it: the first gate of an upload. Everything
//! that could make later steps expensive (many functions, huge ones, nesting that multiplies) is counted here.

use crate::contract::{Interfaces, check_exports, check_imports};
use crate::engine::FEATURES;
use crate::error::ModuleError;
use crate::limits::Limits;
use crate::text::clean;
use sha2::{Digest, Sha256};
use wasmparser::types::Types;
use wasmparser::{
    ComponentInstance, Encoding, FuncToValidate, FuncValidatorAllocations, FunctionBody, Instance,
    Parser, Payload, ValidPayload, Validator, ValidatorResources,
};

const PAGE_BYTES: u64 = 64 << 10;
/// Most instances that nested components may multiply to.
const EXPANSION_MAX: u64 = 1_000;

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

/// Totals of one pass over the binary.
struct Walk<'a> {
    limits: &'a Limits,
    imports: Vec<String>,
    exports: Vec<String>,
    functions: usize,
    code_bytes: usize,
    core_modules: usize,
    core_instances: u64,
    memories: u64,
    tables: u64,
    memory_bytes: u64,
    /// Encodings of the modules and components around the current position.
    around: Vec<Encoding>,
    /// For each depth the most component instances that one component there makes: their product bounds how many
    /// there are in all.
    instances_at: Vec<u64>,
    instances_here: Vec<u64>,
}

impl<'a> Walk<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            imports: Vec::new(),
            exports: Vec::new(),
            functions: 0,
            code_bytes: 0,
            core_modules: 0,
            core_instances: 0,
            memories: 0,
            tables: 0,
            memory_bytes: 0,
            around: Vec::new(),
            instances_at: Vec::new(),
            instances_here: Vec::new(),
        }
    }

    fn walk(&mut self, bytes: &[u8]) -> Result<Types, ModuleError> {
        let mut validator = Validator::new_with_features(FEATURES);
        let mut parser = Parser::new(0);
        parser.set_features(FEATURES);
        let mut bodies: Vec<(FuncToValidate<ValidatorResources>, FunctionBody<'_>)> = Vec::new();
        let mut last = None;
        for payload in parser.parse_all(bytes) {
            let payload = payload.map_err(invalid)?;
            self.count(&payload)?;
            match validator.payload(&payload).map_err(invalid)? {
                ValidPayload::Func(function, body) => bodies.push((function, body)),
                ValidPayload::End(types) => last = Some(types),
                _ => {}
            }
        }
        let mut reused = FuncValidatorAllocations::default();
        for (function, body) in bodies {
            let mut function = function.into_validator(reused);
            function.validate(&body).map_err(invalid)?;
            reused = function.into_allocations();
        }
        last.ok_or_else(|| ModuleError::Invalid("it ends too early".into()))
    }

    fn count(&mut self, payload: &Payload<'_>) -> Result<(), ModuleError> {
        let limits = self.limits;
        match payload {
            Payload::Version { encoding, .. } => self.enter(*encoding)?,
            Payload::End(_) => self.leave(),
            Payload::ModuleSection { .. } => {
                self.core_modules += 1;
                under("core modules", self.core_modules, limits.core_modules_max)?;
            }
            Payload::CodeSectionStart { count, .. } => {
                self.functions += *count as usize;
                under("functions", self.functions, limits.functions_max)?;
            }
            Payload::CodeSectionEntry(body) => {
                let bytes = body.as_bytes().len();
                self.code_bytes += bytes;
                under("bytes of one function", bytes, limits.function_bytes_max)?;
            }
            Payload::MemorySection(memories) => {
                for memory in memories.clone() {
                    let bytes = memory.map_err(invalid)?.initial.saturating_mul(PAGE_BYTES);
                    self.memories += 1;
                    self.memory_bytes = self.memory_bytes.saturating_add(bytes);
                }
                under("memories", self.memories, limits.memories_max)?;
                under(
                    "bytes of memory at the start",
                    self.memory_bytes,
                    limits.memory_bytes_max as u64,
                )?;
            }
            Payload::TableSection(tables) => {
                for table in tables.clone() {
                    let elements = table.map_err(invalid)?.ty.initial;
                    under(
                        "elements of a table",
                        elements,
                        limits.table_elements_max as u64,
                    )?;
                    self.tables += 1;
                }
                under("tables", self.tables, limits.tables_max)?;
            }
            Payload::InstanceSection(instances) => {
                for instance in instances.clone() {
                    if let Instance::Instantiate { .. } = instance.map_err(invalid)? {
                        self.core_instances += 1;
                    }
                }
                under(
                    "core instances",
                    self.core_instances,
                    limits.core_instances_max,
                )?;
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances.clone() {
                    if let ComponentInstance::Instantiate { .. } = instance.map_err(invalid)? {
                        self.instance_made();
                    }
                }
                let product = self
                    .instances_at
                    .iter()
                    .fold(1u64, |all, n| all.saturating_mul((*n).max(1)));
                under("instances of nested components", product, EXPANSION_MAX)?;
            }
            Payload::ComponentImportSection(imports) if self.around.len() == 1 => {
                for import in imports.clone() {
                    self.imports
                        .push(import.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if self.around.len() == 1 => {
                for export in exports.clone() {
                    self.exports
                        .push(export.map_err(invalid)?.name.name.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self, encoding: Encoding) -> Result<(), ModuleError> {
        if self.around.is_empty() && encoding != Encoding::Component {
            return Err(ModuleError::Invalid("it is not a component".into()));
        }
        self.around.push(encoding);
        self.instances_here.push(0);
        under(
            "depth of nested components",
            self.around.len() - 1,
            self.limits.nesting_max,
        )
    }

    fn leave(&mut self) {
        self.around.pop();
        self.instances_here.pop();
    }

    fn instance_made(&mut self) {
        let depth = self.instances_here.len();
        let Some(here) = self.instances_here.last_mut() else {
            return;
        };
        *here += 1;
        if self.instances_at.len() < depth {
            self.instances_at.resize(depth, 0);
        }
        self.instances_at[depth - 1] = self.instances_at[depth - 1].max(*here);
    }
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
