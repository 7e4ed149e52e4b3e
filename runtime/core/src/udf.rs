//! The UDF port: what the pipeline asks of a module, whatever runs it (the sandbox in production, plain closures
//! in tests). Answers are already checked: nobody behind this port reads unchecked guest data.

use crate::batch::{Batch, Packed};

/// A row that failed inside a module that otherwise worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// Row of the input, from 0.
    pub row: u32,
    /// Why, for people.
    pub message: String,
}

/// Why a call gave no answer. A trap is the guest's fault, a host fault never is; they must not mix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The guest trapped, ran out of a limit, or returned malformed data. Its instance is already gone; fewer rows
    /// may work.
    #[error("{0}")]
    Trap(String),
    /// The module refused its configuration, lacks the interface, or cannot be instantiated: no row will work.
    #[error("{0}")]
    Module(String),
    /// The host failed (out of instances, memory): retry later.
    #[error("{0}")]
    Host(String),
}

/// Answer of a filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// One bit a row, least significant bit first; exactly `ceil(rows / 8)` bytes.
    pub bitmap: Vec<u8>,
    /// Failed rows, ascending, each once.
    pub errors: Vec<RowError>,
}

impl Kept {
    /// Whether row `row` stays.
    pub fn keeps(&self, row: usize) -> bool {
        self.bitmap[row / 8] >> (row % 8) & 1 == 1
    }
}

/// Answer of a map, or of finished windows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emitted {
    /// The outputs.
    pub output: Batch,
    /// For each output its input row, never decreasing.
    pub parents: Vec<u32>,
    /// Failed rows, ascending, each once; none of them is a parent.
    pub errors: Vec<RowError>,
}

/// Answer of an aggregate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accumulated {
    /// As many as were given, each at most the accumulator limit.
    pub accumulators: Packed,
    /// Failed rows, ascending, each once.
    pub errors: Vec<RowError>,
}

impl CallError {
    /// A module with accumulators of format `own` was given some of a format that it does not migrate.
    pub fn no_migration(own: u8, format: u8) -> Self {
        Self::Module(format!(
            "the module has format {own} and does not migrate format {format}"
        ))
    }
}

/// One operator's function, running in one instance at a time. Calls are pure: the same arguments give the same
/// answer on any instance.
pub trait Udf: Send {
    /// Keep or drop each row.
    fn filter(&mut self, input: &Batch) -> Result<Kept, CallError>;
    /// Turn each row into 0..n.
    fn map(&mut self, input: &Batch) -> Result<Emitted, CallError>;
    /// Fold rows into the accumulators of their groups.
    fn accumulate(
        &mut self,
        accumulators: &Packed,
        groups: &[u32],
        input: &Batch,
    ) -> Result<Accumulated, CallError>;
    /// Merge accumulators pairwise.
    fn merge(&mut self, left: &Packed, right: &Packed) -> Result<Accumulated, CallError>;
    /// Results of closed windows; `windows` has start and end (excluded) of each, in milliseconds.
    fn finish(
        &mut self,
        keys: &Packed,
        windows: &[i64],
        accumulators: &Packed,
    ) -> Result<Emitted, CallError>;
    /// Number of the format of the accumulators that it takes and gives.
    fn accumulator_format(&self) -> u8 {
        0
    }
    /// Whether it can migrate accumulators of this format.
    fn migrates(&mut self, format: u8) -> Result<bool, CallError> {
        Ok(format == self.accumulator_format())
    }
    /// Bring accumulators of another format into its own, each for itself.
    fn migrate(&mut self, format: u8, accumulators: &Packed) -> Result<Packed, CallError> {
        let _ = accumulators;
        Err(CallError::no_migration(self.accumulator_format(), format))
    }
    /// Drop the instance: the next call runs on a fresh one.
    fn drop_instance(&mut self);
    /// Run the next call on a fresh instance under a fixed budget of instructions instead of a deadline, so that
    /// its verdict does not depend on how fast this machine is.
    fn next_call_under_fuel(&mut self);
    /// Memory that its instance takes now, in bytes.
    fn memory_bytes(&self) -> usize {
        0
    }
}
