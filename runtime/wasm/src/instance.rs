//! One operator's instance behind the UDF port: made when needed, kept from call to call, dropped at the first sign of
//! trouble. Its memory is never state, so a fresh one answers the same.

use crate::abi::Function;
use crate::abi::{Accumulate, Apply, Finish, Format, Init, Keep, Merge, Migrate, Migrates};
use crate::answer::{self, Groups, Wrong};
use crate::engine::Stop;
use crate::limits::Limits;
use crate::log::LogSink;
use crate::module::Module;
use crate::sandbox::Kind;
use crate::store::{self, State};
use crate::text::clean;
use crate::trap;
use sluicebox_core::batch::{Batch, Packed};
use sluicebox_core::udf::{Accumulated, CallError, Emitted, Kept, Udf};
use std::sync::Arc;
use wasmtime::Store;

/// A module at work as one operator.
pub(crate) struct Instance {
    module: Arc<Module>,
    kind: Kind,
    config_json: String,
    log: LogSink,
    memory_bytes_max: usize,
    live: Option<Live>,
    next_under_fuel: bool,
    /// Of its accumulators; 0 for a module that does not say.
    format: u8,
}

/// A guest in memory, initialised.
struct Live {
    store: Store<State>,
    functions: Functions,
    /// What it had when it was fresh, in bytes.
    memory_bytes: usize,
}

/// What an operator of each kind calls.
enum Functions {
    Filter(Function<Keep>),
    Map(Function<Apply>),
    WindowAggregate {
        accumulate: Function<Accumulate>,
        merge: Function<Merge>,
        finish: Function<Finish>,
        versions: Option<Versions>,
    },
}

/// Of a module that says which format its accumulators have.
struct Versions {
    format: Function<Format>,
    migrates: Function<Migrates>,
    migrate: Function<Migrate>,
}

impl Instance {
    /// Makes the guest at once, so that a refused configuration is known before anything starts.
    pub(crate) fn start(
        module: Arc<Module>,
        kind: Kind,
        config_json: &str,
        log: LogSink,
        memory_bytes_max: usize,
    ) -> Result<Self, CallError> {
        let mut instance = Self {
            module,
            kind,
            config_json: config_json.into(),
            log,
            memory_bytes_max,
            live: None,
            next_under_fuel: false,
            format: 0,
        };
        instance.live = Some(instance.fresh(Stop::Deadline)?);
        if instance.versions().is_some() {
            instance.format = instance.run(
                |live| live.versioned(|versions, store| versions.format.call(store, ())),
                |format, _| Ok(format),
            )?;
        }
        Ok(instance)
    }

    fn versions(&self) -> Option<&Versions> {
        match &self.live.as_ref()?.functions {
            Functions::WindowAggregate { versions, .. } => versions.as_ref(),
            _ => None,
        }
    }

    fn fresh(&self, stop: Stop) -> Result<Live, CallError> {
        let sandbox = self.module.limits();
        let limits = &Limits {
            memory_bytes_max: self.memory_bytes_max.min(sandbox.memory_bytes_max),
            ..*sandbox
        };
        let compiled = self.module.compiled(stop)?;
        let cpu_ms_max = match stop {
            Stop::Deadline => limits.call_cpu_ms_max,
            Stop::Fuel => limits.fuel_cpu_ms_max,
        };
        let mut store = store::new(compiled.pre.engine(), limits, self.log.clone(), cpu_ms_max);
        let refuse = |error: wasmtime::Error, store: &Store<State>, what| {
            Err(trap::of_start(&error, store.data(), what))
        };

        begin(&mut store, stop, limits);
        let instance = match compiled.pre.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => return refuse(error, &store, "the module does not start"),
        };
        let functions = Functions::find(&mut store, &instance, compiled, self.kind);
        let (init, functions) = match Function::<Init>::find(&mut store, &instance, &compiled.init)
            .and_then(|init| Ok((init, functions?)))
        {
            Ok(found) => found,
            Err(error) => return refuse(error, &store, "the module lacks a function"),
        };
        begin(&mut store, stop, limits);
        match init.call(&mut store, (&self.config_json,)) {
            Ok((Ok(()),)) => Ok(Live {
                memory_bytes: store::memory_bytes(&store),
                store,
                functions,
            }),
            Ok((Err(message),)) => Err(CallError::Module(format!(
                "the module refuses its config: {}",
                clean(&message, limits.error_message_bytes_max)
            ))),
            Err(error) => refuse(error, &store, "the module failed in `init`"),
        }
    }

    /// Call the guest and check its answer; on any error its instance is gone.
    fn run<Answer, Checked>(
        &mut self,
        call: impl FnOnce(&mut Live) -> Option<wasmtime::Result<(Answer,)>>,
        check: impl FnOnce(Answer, &Limits) -> Result<Checked, Wrong>,
    ) -> Result<Checked, CallError> {
        let stop = match std::mem::take(&mut self.next_under_fuel) {
            true => Stop::Fuel,
            false => Stop::Deadline,
        };
        // Taken out, and put back only after success.
        let mut live = match (stop, self.live.take()) {
            (Stop::Deadline, Some(live)) => live,
            _ => self.fresh(stop)?,
        };
        let limits = self.module.limits();
        begin(&mut live.store, stop, limits);
        match call(&mut live) {
            Some(Ok((answer,))) => match check(answer, limits) {
                Ok(checked) => {
                    let memory_bytes_max = self.memory_bytes_max.min(limits.memory_bytes_max);
                    let keep = stop == Stop::Deadline && !live.is_bloated(memory_bytes_max);
                    self.live = keep.then_some(live);
                    Ok(checked)
                }
                Err(wrong) => Err(CallError::Trap(format!("malformed answer: {wrong}"))),
            },
            Some(Err(error)) => Err(trap::of_call(&error, live.store.data())),
            None => Err(CallError::Module(format!(
                "the module runs as {}, and was called as something else",
                self.kind
            ))),
        }
    }
}

impl Live {
    /// Whether it has grown so far that one of the next calls may find no more memory: some engines leak (each list of bytes that Python returns), and
    /// none gives memory back. A fresh instance answers the same. One that was large from the start stays.
    fn is_bloated(&self, memory_bytes_max: usize) -> bool {
        let now = store::memory_bytes(&self.store);
        now > memory_bytes_max / 4 * 3 && now > self.memory_bytes * 2
    }

    fn versioned<A>(&mut self, call: impl FnOnce(&Versions, &mut Store<State>) -> A) -> Option<A> {
        match &self.functions {
            Functions::WindowAggregate {
                versions: Some(versions),
                ..
            } => Some(call(versions, &mut self.store)),
            _ => None,
        }
    }
}

fn begin(store: &mut Store<State>, stop: Stop, limits: &Limits) {
    store::begin_call(store);
    if stop == Stop::Fuel {
        // Fails only on an engine that does not count, and this one does.
        let counted = store.set_fuel(limits.call_fuel);
        debug_assert!(counted.is_ok());
    }
}

impl Functions {
    fn find(
        store: &mut Store<State>,
        instance: &wasmtime::component::Instance,
        compiled: &crate::module::Compiled,
        kind: Kind,
    ) -> wasmtime::Result<Self> {
        let absent = || wasmtime::Error::msg(format!("not exported: {kind}"));
        Ok(match kind {
            Kind::Filter => {
                let keep = compiled.keep.as_ref().ok_or_else(absent)?;
                Self::Filter(Function::find(store, instance, keep)?)
            }
            Kind::Map => {
                let apply = compiled.apply.as_ref().ok_or_else(absent)?;
                Self::Map(Function::find(store, instance, apply)?)
            }
            Kind::WindowAggregate => {
                let [accumulate, merge, finish] =
                    compiled.window_aggregate.as_ref().ok_or_else(absent)?;
                Self::WindowAggregate {
                    accumulate: Function::find(store, instance, accumulate)?,
                    merge: Function::find(store, instance, merge)?,
                    finish: Function::find(store, instance, finish)?,
                    versions: match &compiled.accumulator_format {
                        Some([format, migrates, migrate]) => Some(Versions {
                            format: Function::find(store, instance, format)?,
                            migrates: Function::find(store, instance, migrates)?,
                            migrate: Function::find(store, instance, migrate)?,
                        }),
                        None => None,
                    },
                }
            }
        })
    }
}

impl Udf for Instance {
    fn filter(&mut self, input: &Batch) -> Result<Kept, CallError> {
        self.run(
            |live| match &live.functions {
                Functions::Filter(keep) => Some(keep.call(&mut live.store, (input.into(),))),
                _ => None,
            },
            |answer, limits| answer::kept(answer, input.len(), limits),
        )
    }

    fn map(&mut self, input: &Batch) -> Result<Emitted, CallError> {
        self.run(
            |live| match &live.functions {
                Functions::Map(apply) => Some(apply.call(&mut live.store, (input.into(),))),
                _ => None,
            },
            |answer, limits| answer::emitted(answer, input, limits),
        )
    }

    fn accumulate(
        &mut self,
        accumulators: &Packed,
        groups: &[u32],
        input: &Batch,
    ) -> Result<Accumulated, CallError> {
        self.run(
            |live| match &live.functions {
                Functions::WindowAggregate { accumulate, .. } => Some(
                    accumulate.call(&mut live.store, (accumulators.into(), groups, input.into())),
                ),
                _ => None,
            },
            |answer, limits| answer::accumulated(answer, accumulators.len(), input.len(), limits),
        )
    }

    fn merge(&mut self, left: &Packed, right: &Packed) -> Result<Accumulated, CallError> {
        self.run(
            |live| match &live.functions {
                Functions::WindowAggregate { merge, .. } => {
                    Some(merge.call(&mut live.store, (left.into(), right.into())))
                }
                _ => None,
            },
            |answer, limits| answer::accumulated(answer, left.len(), left.len(), limits),
        )
    }

    fn finish(
        &mut self,
        keys: &Packed,
        windows: &[i64],
        accumulators: &Packed,
    ) -> Result<Emitted, CallError> {
        self.run(
            |live| match &live.functions {
                Functions::WindowAggregate { finish, .. } => {
                    Some(finish.call(&mut live.store, (keys.into(), windows, accumulators.into())))
                }
                _ => None,
            },
            |answer, limits| answer::finished(answer, &Groups::new(keys, windows), limits),
        )
    }

    fn accumulator_format(&self) -> u8 {
        self.format
    }

    fn migrates(&mut self, format: u8) -> Result<bool, CallError> {
        if format == self.format {
            return Ok(true);
        }
        if self.live.is_none() {
            self.live = Some(self.fresh(Stop::Deadline)?);
        }
        if self.versions().is_none() {
            return Ok(false);
        }
        self.run(
            |live| live.versioned(|versions, store| versions.migrates.call(store, (format,))),
            |migrates, _| Ok(migrates),
        )
    }

    fn migrate(&mut self, format: u8, accumulators: &Packed) -> Result<Packed, CallError> {
        if !self.migrates(format)? {
            return Err(CallError::no_migration(self.format, format));
        }
        let migrated = self.run(
            |live| {
                live.versioned(|versions, store| {
                    let accumulators = accumulators.into();
                    versions.migrate.call(store, (format, accumulators))
                })
            },
            |answer, limits| answer::migrated(answer, accumulators.len(), limits),
        )?;
        migrated.map_err(CallError::Module)
    }

    fn drop_instance(&mut self) {
        self.live = None;
    }

    fn next_call_under_fuel(&mut self) {
        self.next_under_fuel = true;
    }

    fn memory_bytes(&self) -> usize {
        let live = self.live.as_ref();
        live.map_or(0, |live| store::memory_bytes(&live.store))
    }
}
