//! A loaded module: checked, compiled and linked once, shared by every instance made of it.

use crate::cache::Key;
use crate::compile::compile;
use crate::contract::Interfaces;
use crate::engine::Stop;
use crate::error::ModuleError;
use crate::inspect::{Exports, Inspection};
use crate::limits::Limits;
use crate::sandbox::{Shared, Side};
use crate::store::State;
use crate::text::clean;
use sluicebox_core::udf::CallError;
use std::sync::{Arc, OnceLock};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

/// An immutable component, ready to be instantiated.
pub struct Module {
    inspection: Inspection,
    /// Kept to be compiled once more with fuel, should a verdict need it.
    bytes: Vec<u8>,
    shared: Arc<Shared>,
    compiled: Compiled,
    compiled_with_fuel: OnceLock<Result<Compiled, CallError>>,
    from_cache: bool,
}

/// A component on one engine, its imports resolved and its functions located.
pub(crate) struct Compiled {
    pub(crate) pre: InstancePre<State>,
    pub(crate) init: ComponentExportIndex,
    pub(crate) keep: Option<ComponentExportIndex>,
    pub(crate) apply: Option<ComponentExportIndex>,
    /// `accumulate`, `merge`, `finish`.
    pub(crate) window_aggregate: Option<[ComponentExportIndex; 3]>,
    /// `format`, `migrates`, `migrate`.
    pub(crate) accumulator_format: Option<[ComponentExportIndex; 3]>,
}

impl Module {
    pub(crate) fn load(
        bytes: &[u8],
        inspection: Inspection,
        shared: Arc<Shared>,
    ) -> Result<Self, ModuleError> {
        let (component, from_cache) =
            component(bytes, &inspection.digest, &shared, &shared.deadline)?;
        let compiled = Compiled::new(&component, &shared.deadline, &inspection.interfaces)?;
        Ok(Self {
            inspection,
            bytes: bytes.to_vec(),
            compiled,
            compiled_with_fuel: OnceLock::new(),
            shared,
            from_cache,
        })
    }

    /// SHA-256 of the module in lower-case hex.
    pub fn digest(&self) -> &str {
        &self.inspection.digest
    }

    /// Which kinds of operator it can be.
    pub fn exports(&self) -> Exports {
        self.inspection.exports
    }

    /// Names of the interfaces it imports.
    pub fn imports(&self) -> Vec<String> {
        self.inspection.imports.clone()
    }

    /// Size of the module in bytes.
    pub fn size(&self) -> usize {
        self.inspection.size_bytes
    }

    /// Everything known about it.
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// Whether its compiled code came from the cache.
    pub fn is_from_cache(&self) -> bool {
        self.from_cache
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// The code for calls that are stopped this way; with fuel it is compiled when first asked for.
    pub(crate) fn compiled(&self, stop: Stop) -> Result<&Compiled, CallError> {
        if stop == Stop::Deadline {
            return Ok(&self.compiled);
        }
        let compile = || {
            let side = self
                .shared
                .fuel()
                .map_err(|error| CallError::Host(error.to_string()))?;
            component(&self.bytes, &self.inspection.digest, &self.shared, side)
                .and_then(|(component, _)| {
                    Compiled::new(&component, side, &self.inspection.interfaces)
                })
                .map_err(|error| CallError::Module(error.to_string()))
        };
        self.compiled_with_fuel
            .get_or_init(compile)
            .as_ref()
            .map_err(Clone::clone)
    }
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Module")
            .field(&self.inspection.digest)
            .finish()
    }
}

/// Compile, or take what was compiled before.
fn component(
    bytes: &[u8],
    digest: &str,
    shared: &Shared,
    side: &Side,
) -> Result<(Component, bool), ModuleError> {
    let key = Key::new(digest, &side.engine);
    if let Some(found) = shared
        .cache
        .as_ref()
        .and_then(|cache| cache.load(key, &side.engine))
    {
        return Ok((found, true));
    }
    let component = compile(bytes, &side.engine, side.stop, &shared.limits)?;
    if let Some(cache) = &shared.cache {
        cache.store(key, &component);
    }
    Ok((component, false))
}

impl Compiled {
    fn new(
        component: &Component,
        side: &Side,
        interfaces: &Interfaces,
    ) -> Result<Self, ModuleError> {
        let find = |interface: &str, function: &str| {
            component
                .get_export_index(None, interface)
                .and_then(|interface| component.get_export_index(Some(&interface), function))
                .ok_or_else(|| {
                    ModuleError::Export(format!("exports no `{function}` in `{interface}`"))
                })
        };
        let find_in = |interface: &Option<String>, function: &str| {
            interface
                .as_deref()
                .map(|interface| find(interface, function))
                .transpose()
        };
        let three = |interface: &Option<String>, [a, b, c]: [&str; 3]| {
            let name = interface.as_deref();
            name.map(|name| Ok([find(name, a)?, find(name, b)?, find(name, c)?]))
                .transpose()
        };
        Ok(Self {
            init: find(&interfaces.lifecycle, "init")?,
            keep: find_in(&interfaces.filter, "keep")?,
            apply: find_in(&interfaces.mapper, "apply")?,
            window_aggregate: three(
                &interfaces.window_aggregate,
                ["accumulate", "merge", "finish"],
            )?,
            accumulator_format: three(
                &interfaces.accumulator_format,
                ["format", "migrates", "migrate"],
            )?,
            pre: side
                .linker
                .instantiate_pre(component)
                .map_err(|error| ModuleError::Invalid(clean(&format!("{error:#}"), 1024)))?,
        })
    }
}
