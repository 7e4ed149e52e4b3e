//! The door: load modules, make instances. One sandbox serves a whole process; its parts live for as long as anything
//! made from it does.

use crate::cache::Cache;
use crate::engine::{Stop, engine};
use crate::error::{ModuleError, SandboxError};
use crate::inspect::inspect_within;
use crate::instance::Instance;
use crate::limits::Limits;
use crate::log::LogSink;
use crate::module::Module;
use crate::store::{State, define_imports};
use crate::ticker::Ticker;
use sluicebox_core::udf::{CallError, Udf};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use wasmtime::Engine;
use wasmtime::component::Linker;

/// What a sandbox is made with.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Folder for compiled code (a private folder is made in it); none = compile anew in each process.
    pub cache_dir: Option<PathBuf>,
    /// What modules may use.
    pub limits: Limits,
}

/// As what a module is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Keeps or drops records.
    Filter,
    /// Makes 0..n records of each.
    Map,
    /// Folds the records of each key and window.
    WindowAggregate,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Filter => "filter",
            Self::Map => "map",
            Self::WindowAggregate => "window-aggregate",
        })
    }
}

/// Loads and runs modules.
pub struct Sandbox {
    shared: Arc<Shared>,
    /// The same bytes are compiled once, however many jobs use them.
    loaded: Mutex<HashMap<String, Weak<Module>>>,
}

/// What modules and their instances need of the sandbox.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) cache: Option<Cache>,
    pub(crate) deadline: Side,
    /// Few jobs ever need a verdict, so few processes ever need this one.
    fuel: OnceLock<Result<Side, String>>,
    ticker: Ticker,
}

/// An engine with the imports it gives.
pub(crate) struct Side {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) stop: Stop,
}

impl Side {
    fn new(limits: &Limits, stop: Stop, ticker: &Ticker) -> Result<Self, SandboxError> {
        let engine = engine(limits, stop)?;
        let mut linker = Linker::new(&engine);
        define_imports(&mut linker).map_err(|error| SandboxError::Engine(format!("{error:#}")))?;
        ticker.watch(&engine);
        Ok(Self {
            engine,
            linker,
            stop,
        })
    }
}

impl Shared {
    pub(crate) fn fuel(&self) -> Result<&Side, &str> {
        self.fuel
            .get_or_init(|| {
                Side::new(&self.limits, Stop::Fuel, &self.ticker).map_err(|error| error.to_string())
            })
            .as_ref()
            .map_err(String::as_str)
    }
}

impl Sandbox {
    /// A sandbox with these settings.
    pub fn new(settings: Settings) -> Result<Arc<Self>, SandboxError> {
        let Settings { cache_dir, limits } = settings;
        let ticker = Ticker::start().map_err(SandboxError::Thread)?;
        let cache = cache_dir
            .map(|base| Cache::open(&base, limits.cache_bytes_max))
            .transpose()?;
        Ok(Arc::new(Self {
            shared: Arc::new(Shared {
                deadline: Side::new(&limits, Stop::Deadline, &ticker)?,
                fuel: OnceLock::new(),
                limits,
                cache,
                ticker,
            }),
            loaded: Mutex::default(),
        }))
    }

    /// The limits modules run under.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Check and compile a module. Takes up to seconds for a large one that is not in the cache.
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<Module>, ModuleError> {
        let inspection = inspect_within(bytes, &self.shared.limits)?;
        let digest = inspection.digest.clone();
        if let Some(module) = self.loaded().get(&digest).and_then(Weak::upgrade) {
            return Ok(module);
        }
        let module = Arc::new(Module::load(bytes, inspection, self.shared.clone())?);
        let mut loaded = self.loaded();
        loaded.retain(|_, module| module.strong_count() > 0);
        loaded.insert(digest, Arc::downgrade(&module));
        Ok(module)
    }

    fn loaded(&self) -> std::sync::MutexGuard<'_, HashMap<String, Weak<Module>>> {
        // Whoever panicked with it left a map that is whole: entries are inserted at once.
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A module at work as one operator. `config_json` is the operator's config ("null" if there is none); the guest
    /// is made and initialised at once, so a refused config is an error here.
    pub fn instantiate(
        &self,
        module: &Arc<Module>,
        kind: Kind,
        config_json: &str,
        log: LogSink,
    ) -> Result<Box<dyn Udf>, CallError> {
        let memory_bytes_max = self.shared.limits.memory_bytes_max;
        self.instantiate_within(module, kind, config_json, log, memory_bytes_max)
    }

    /// The same with at most this much memory, in bytes, if that is less than the sandbox allows any instance.
    pub fn instantiate_within(
        &self,
        module: &Arc<Module>,
        kind: Kind,
        config_json: &str,
        log: LogSink,
        memory_bytes_max: usize,
    ) -> Result<Box<dyn Udf>, CallError> {
        let exports = module.exports();
        let can = match kind {
            Kind::Filter => exports.filter,
            Kind::Map => exports.map,
            Kind::WindowAggregate => exports.window_aggregate,
        };
        if !can {
            return Err(CallError::Module(format!(
                "the module is no {kind}: it exports {}. Use it as one of these, or build it with a {kind} in it",
                exports
            )));
        }
        Ok(Box::new(Instance::start(
            module.clone(),
            kind,
            config_json,
            log,
            memory_bytes_max,
        )?))
    }
}
