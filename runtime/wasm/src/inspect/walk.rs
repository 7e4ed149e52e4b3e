//! One pass over a binary: validates it, and counts what could make later steps expensive before that is looked at
//! any closer.

use super::{invalid, under};
use crate::engine::FEATURES;
use crate::error::ModuleError;
use crate::limits::Limits;
use wasmparser::types::Types;
use wasmparser::{
    ComponentInstance, Encoding, FuncToValidate, FuncValidatorAllocations, FunctionBody, Instance,
    Parser, Payload, ValidPayload, Validator, ValidatorResources,
};

const PAGE_BYTES: u64 = 64 << 10;
/// Most instances that nested components may multiply to.
const EXPANSION_MAX: u64 = 1_000;

/// Totals of one pass over the binary.
pub(super) struct Walk<'a> {
    limits: &'a Limits,
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
    pub(super) functions: usize,
    pub(super) code_bytes: usize,
    pub(super) core_modules: usize,
    core_instances: u64,
    memories: u64,
    tables: u64,
    pub(super) memory_bytes: u64,
    /// Encodings of the modules and components around the current position.
    around: Vec<Encoding>,
    /// For each depth the most component instances that one component there makes: their product bounds how many
    /// there are in all.
    instances_at: Vec<u64>,
    instances_here: Vec<u64>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
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

    /// Validate everything and count.
    pub(super) fn walk(&mut self, bytes: &[u8]) -> Result<Types, ModuleError> {
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
