//! A module under trial: it can be made to lose its memory before each call, and what it is asked is kept for the laws and the cost.

use sluicebox_core::batch::{Batch, Packed};
use sluicebox_core::pipeline::Call;
use sluicebox_core::udf::{Accumulated, CallError, Emitted, Kept, Udf};
use std::sync::{Arc, Mutex, PoisonError};

/// Most calls of an operator that are kept.
const CALLS_MAX: usize = 256;

/// What operators were asked, by their place in the job.
#[derive(Clone, Debug, Default)]
pub struct Asked(Arc<Mutex<Vec<Vec<Call>>>>);

impl Asked {
    /// For so many operators.
    pub fn of(operators: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![Vec::new(); operators])))
    }

    fn keep(&self, operator: usize, call: Call) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all[operator].len() < CALLS_MAX {
            all[operator].push(call);
        }
    }

    /// All there is.
    pub fn take(&self) -> Vec<Vec<Call>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A module that is looked at.
pub struct Probe {
    /// It.
    pub udf: Box<dyn Udf>,
    /// Run each call on a fresh instance.
    pub fresh: bool,
    /// Where its calls are kept, if they are, and its place in the job.
    pub asked: Option<(Asked, usize)>,
}

impl Probe {
    fn before(&mut self, call: impl FnOnce() -> Call) {
        if self.fresh {
            self.udf.drop_instance();
        }
        if let Some((asked, operator)) = &self.asked {
            asked.keep(*operator, call());
        }
    }
}

impl Udf for Probe {
    fn filter(&mut self, input: &Batch) -> Result<Kept, CallError> {
        self.before(|| Call::Filter(input.clone()));
        self.udf.filter(input)
    }

    fn map(&mut self, input: &Batch) -> Result<Emitted, CallError> {
        self.before(|| Call::Map(input.clone()));
        self.udf.map(input)
    }

    fn accumulate(
        &mut self,
        accumulators: &Packed,
        groups: &[u32],
        input: &Batch,
    ) -> Result<Accumulated, CallError> {
        self.before(|| Call::Accumulate(accumulators.clone(), groups.to_vec(), input.clone()));
        self.udf.accumulate(accumulators, groups, input)
    }

    fn merge(&mut self, left: &Packed, right: &Packed) -> Result<Accumulated, CallError> {
        self.udf.merge(left, right)
    }

    fn finish(
        &mut self,
        keys: &Packed,
        windows: &[i64],
        accumulators: &Packed,
    ) -> Result<Emitted, CallError> {
        self.before(|| Call::Finish(keys.clone(), windows.to_vec(), accumulators.clone()));
        self.udf.finish(keys, windows, accumulators)
    }

    fn accumulator_format(&self) -> u8 {
        self.udf.accumulator_format()
    }

    fn migrates(&mut self, format: u8) -> Result<bool, CallError> {
        self.udf.migrates(format)
    }

    fn migrate(&mut self, format: u8, accumulators: &Packed) -> Result<Packed, CallError> {
        self.udf.migrate(format, accumulators)
    }

    fn drop_instance(&mut self) {
        self.udf.drop_instance();
    }

    fn next_call_under_fuel(&mut self) {
        self.udf.next_call_under_fuel();
    }

    fn memory_bytes(&self) -> usize {
        self.udf.memory_bytes()
    }
}
