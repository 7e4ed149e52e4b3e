//! The engines' configuration: one engine for all calls, and one that counts instructions for verdicts. The same
//! module behaves the same on both; only how it is stopped differs.

use crate::error::SandboxError;
use crate::limits::Limits;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy,
    WasmBacktraceDetails, WasmFeatures,
};

/// What modules may use: WebAssembly 2.0 without garbage-collected references, constant expressions as linkers write
/// them, and components; several memories, because the code that wasmtime makes between a component and one inside of it (an engine of
/// JavaScript and the stubs of its WASI) has those of both. All of it is deterministic once NaNs are made canonical. The default of the validator and
/// of both engines is this set and nothing else.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::COMPONENT_MODEL)
    .difference(WasmFeatures::GC_TYPES);

/// Frames kept of a trap's backtrace.
const FRAMES_MAX: usize = 16;

/// How a call is stopped that does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// By its CPU time: cheap, differs from machine to machine.
    Deadline,
    /// By a budget of instructions: slower, the same everywhere.
    Fuel,
}

impl Stop {
    /// Its name on a command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Fuel => "fuel",
        }
    }
}

/// An engine for calls that are stopped this way.
pub(crate) fn engine(limits: &Limits, stop: Stop) -> Result<Engine, SandboxError> {
    Engine::new(&config(limits, stop)).map_err(|error| SandboxError::Engine(format!("{error:#}")))
}

/// An engine that only compiles, for engines of this kind: the same code, no room for instances.
pub(crate) fn compiling_engine(stop: Stop) -> wasmtime::Result<Engine> {
    Engine::new(&code(stop))
}

fn config(limits: &Limits, stop: Stop) -> Config {
    let mut config = code(stop);
    config.max_wasm_stack(limits.stack_bytes_max);
    if stop == Stop::Deadline {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    }
    config
}

/// Everything that shapes the compiled code.
fn code(stop: Stop) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .wasm_features(FEATURES, true)
        .wasm_features(FEATURES.complement(), false)
        // Deadlines also guard the engine under fuel: bulk instructions cost one unit, however much they move.
        .epoch_interruption(true)
        .consume_fuel(stop == Stop::Fuel)
        // Function names are in the backtrace without it; debug information of strangers is better left unparsed.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(FRAMES_MAX));
    config
}

/// Slots for every instance there may be. wit-component makes about 4.4 core instances and 3.3 tables a component (measured), an engine of
/// JavaScript a dozen and, with the empty ones of its stubs, three memories; one of Python 38. A third of all instances may be such.
fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let instances = limits.instances_max;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(16))
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(5))
        .total_gc_heaps(0)
        .max_core_instances_per_component(limits.core_instances_max)
        .max_memories_per_component(limits.memories_max)
        .max_tables_per_component(limits.tables_max)
        .table_elements(limits.table_elements_max)
        .max_memory_size(limits.memory_bytes_max);
    pool
}
