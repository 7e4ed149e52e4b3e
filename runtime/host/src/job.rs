//! A job, ready to run: its modules loaded, its plan made.

use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use sluicebox_core::pipeline::Plan;
use sluicebox_core::spec::{JobSpec, ModuleRef, OperatorKind};
use sluicebox_core::udf::{CallError, Udf};
use sluicebox_wasm::{Kind, LogSink, Module, Sandbox, Settings};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A job with its modules.
pub struct Job {
    /// What it is.
    pub spec: JobSpec,
    /// What shards are built of.
    pub plan: Plan,
    /// Most memory of an instance of a module, in bytes, where that is less than the sandbox allows.
    pub instance_memory_bytes_max: usize,
    /// Revision of the catalog that made this version; 0 without a catalog.
    pub revision: u64,
    sandbox: Arc<Sandbox>,
    modules: Vec<Arc<Module>>,
}

impl Job {
    /// A job whose modules are files; relative paths begin at `base`. Compiled code is kept in `cache_dir`.
    pub fn from_files(spec: JobSpec, base: &Path, cache_dir: Option<PathBuf>) -> Result<Self> {
        let settings = Settings {
            cache_dir,
            ..Settings::default()
        };
        let sandbox = Sandbox::new(settings).map_err(|e| Error::failed(e.to_string()))?;
        Self::load(spec, sandbox, &|module| read_file(module, base))
    }

    /// A job in this sandbox; `read` gets the bytes of a module that the spec names.
    pub fn load(
        spec: JobSpec,
        sandbox: Arc<Sandbox>,
        read: &dyn Fn(&ModuleRef) -> Result<Vec<u8>>,
    ) -> Result<Self> {
        let mut modules: Vec<Arc<Module>> = Vec::new();
        for (number, operator) in spec.operators.iter().enumerate() {
            let wrong = |why: String| {
                Error::input(format!(
                    "operator `{}`, module {}: {why}",
                    operator.id, operator.module
                ))
            };
            let before = &spec.operators[..number];
            let module = match before.iter().position(|o| o.module == operator.module) {
                Some(same) => modules[same].clone(),
                None => {
                    let bytes = read(&operator.module).map_err(|e| Error {
                        kind: e.kind,
                        ..wrong(e.message)
                    })?;
                    sandbox.load(&bytes).map_err(|e| wrong(e.to_string()))?
                }
            };
            modules.push(module);
        }
        let digests: Vec<[u8; 32]> = modules.iter().map(|module| digest(module)).collect();
        let plan = Plan::new(&spec, &digests);
        Ok(Self {
            spec,
            plan,
            revision: 0,
            instance_memory_bytes_max: usize::MAX,
            sandbox,
            modules,
        })
    }

    /// An instance of each operator's module, in order. Refuses a module that lacks the operator's interface or
    /// does not take its config.
    pub fn instantiate(&self, observer: &Arc<dyn Observer>) -> Result<Vec<Box<dyn Udf>>> {
        let operators = self.spec.operators.iter().zip(&self.modules);
        operators
            .map(|(operator, module)| {
                let kind = match operator.kind {
                    OperatorKind::Filter => Kind::Filter,
                    OperatorKind::Map => Kind::Map,
                    OperatorKind::WindowAggregate { .. } => Kind::WindowAggregate,
                };
                let (observer, id) = (observer.clone(), operator.id.clone());
                let log: LogSink = Arc::new(move |level, text| {
                    observer.event(Event::ModuleLog {
                        operator: &id,
                        level,
                        text,
                    })
                });
                let config = operator.config.to_string();
                let memory_bytes_max = self.instance_memory_bytes_max;
                self.sandbox
                    .instantiate_within(module, kind, &config, log, memory_bytes_max)
                    .map_err(|error| {
                        let what = format!(
                            "operator `{}`, module {}: {error}",
                            operator.id, operator.module
                        );
                        match error {
                            // Out of instances or memory: others may give some back.
                            CallError::Host(_) => Error::failed(what),
                            CallError::Trap(_) | CallError::Module(_) => Error::input(what),
                        }
                    })
            })
            .collect()
    }

    /// Ids of its operators, in order.
    pub fn operators(&self) -> impl Iterator<Item = &str> {
        self.spec.operators.iter().map(|o| o.id.as_str())
    }

    /// What each operator's module is.
    pub fn modules(&self) -> impl Iterator<Item = (&str, &Module)> {
        self.spec
            .operators
            .iter()
            .zip(&self.modules)
            .map(|(operator, module)| (operator.id.as_str(), module.as_ref()))
    }
}

pub(crate) fn read_file(module: &ModuleRef, base: &Path) -> Result<Vec<u8>> {
    let ModuleRef::Path(path) = module else {
        return Err(Error::input(
            "it is in a registry, which only `sluicebox serve` has: deploy the job there, or give the path of a .wasm file",
        ));
    };
    std::fs::read(base.join(path)).map_err(|e| {
        Error::input(format!(
            "can't read it: {e}. Build it with `sluicebox build`, or correct the path."
        ))
    })
}

fn digest(module: &Module) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = module
            .digest()
            .get(i * 2..i * 2 + 2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .unwrap_or(0);
    }
    bytes
}
