//! Every limit on a module, in one place, with the reasons for the defaults. There is no way to run a guest without
//! them.

/// What a module and one instance of it may use. The defaults suit modules compiled from
/// Rust, C or Go, and engines of JavaScript and Python that are modules (18 MB).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest module that may be loaded, in bytes.
    pub module_bytes_max: usize,
    /// Most functions in a module, over all its core modules: bounds the time to compile.
    pub functions_max: usize,
    /// Largest function body in bytes: compile time can grow faster than linearly with it.
    pub function_bytes_max: usize,
    /// CPU time of compiling a module in seconds, where it has a process of its own.
    pub compile_cpu_s_max: u64,
    /// Address space of the process that compiles, in bytes.
    pub compile_memory_bytes_max: u64,
    /// Most core modules in a component.
    pub core_modules_max: usize,
    /// Deepest nesting of components in components.
    pub nesting_max: usize,
    /// Most imports and exports of a component; tools add some of their own, and nobody needs hundreds.
    pub names_max: usize,
    /// Most core instances of a component; wit-component makes about four, the stubs of an engine of JavaScript
    /// a dozen and those of Python 38.
    pub core_instances_max: u32,
    /// Most linear memories of a component: one, and empty ones of stubs.
    pub memories_max: u32,
    /// Most tables of a component.
    pub tables_max: u32,
    /// Most elements of a table.
    pub table_elements_max: usize,

    /// Linear memory of an instance in bytes, over all its memories. `memory.grow` beyond it is refused.
    pub memory_bytes_max: usize,
    /// Stack of a call in bytes. The calling thread needs twice that.
    pub stack_bytes_max: usize,
    /// CPU time of a call in milliseconds, as the calling thread used it. Exact to one tick of 10 ms.
    pub call_cpu_ms_max: u64,
    /// Budget of a call under fuel; one unit is about one instruction. Some seconds of work at most, and more than
    /// any call gets done within the default CPU time, so that only its own endlessness can condemn a record.
    pub call_fuel: u64,
    /// CPU time of a call under fuel in milliseconds: only against bulk instructions, which cost one unit however
    /// much they move; so far away that no other call comes near it.
    pub fuel_cpu_ms_max: u64,
    /// Everything that one call returns (data, index, parents, error messages), and the sum of its output fields,
    /// in bytes.
    pub output_bytes_max: usize,
    /// Most records that one input row may become.
    pub outputs_per_row_max: usize,
    /// Largest accumulator in bytes.
    pub accumulator_bytes_max: usize,
    /// Kept of the message of a row error, in bytes.
    pub error_message_bytes_max: usize,

    /// Kept of a log line, in bytes.
    pub log_line_bytes_max: usize,
    /// Log lines a second of an instance; what is over is dropped and counted.
    pub log_lines_per_second_max: u32,

    /// Most instances at one time in the whole sandbox: one for each operator of each shard.
    pub instances_max: u32,
    /// Compiled code kept on disk, in bytes; the entries longest unused go first.
    pub cache_bytes_max: u64,
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            module_bytes_max: 24 * MIB,
            functions_max: 50_000,
            function_bytes_max: MIB,
            compile_cpu_s_max: 60,
            compile_memory_bytes_max: 2 << 30,
            core_modules_max: 64,
            nesting_max: 4,
            names_max: 200,
            core_instances_max: 48,
            memories_max: 4,
            tables_max: 8,
            table_elements_max: 20_000,
            memory_bytes_max: 64 * MIB,
            stack_bytes_max: 512 * KIB,
            call_cpu_ms_max: 1_000,
            call_fuel: 10_000_000_000,
            fuel_cpu_ms_max: 30_000,
            output_bytes_max: 64 * MIB,
            outputs_per_row_max: 1_000,
            accumulator_bytes_max: 64 * KIB,
            error_message_bytes_max: KIB,
            log_line_bytes_max: KIB,
            log_lines_per_second_max: 100,
            instances_max: 1_000,
            cache_bytes_max: 1 << 30,
        }
    }
}
