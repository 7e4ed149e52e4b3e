//! The three kinds of UDF as traits over packed batches. The attributes implement them; what calls them is the
//! component's export (in Wasm) or [`crate::testing`] (natively).

use crate::packed::{Accumulated, Batch, Emitted, Kept, Packed};
use serde::de::DeserializeOwned;
use std::sync::OnceLock;

/// What all kinds have: parameters.
pub trait Udf: 'static {
    /// The operator's `config`.
    type Config: DeserializeOwned + Send + Sync + 'static;

    /// Where an instance keeps its config.
    #[doc(hidden)]
    fn slot() -> &'static OnceLock<Self::Config>;
}

/// Keeps or drops each record. Implemented by [`filter`](macro@crate::filter).
pub trait Filter: Udf {
    /// One verdict a row.
    fn keep(config: &Self::Config, input: &Batch) -> Kept;
}

/// Turns each record into none, one or many. Implemented by [`map`](macro@crate::map).
pub trait Map: Udf {
    /// The outputs of all rows, in order.
    fn apply(config: &Self::Config, input: &Batch) -> Emitted;
}

/// Folds the records of each key and window. Implemented by [`window_aggregate`](macro@crate::window_aggregate).
pub trait WindowAggregate: Udf {
    /// Fold rows into the accumulators of their groups.
    fn accumulate(
        config: &Self::Config,
        accumulators: &Packed,
        groups: &[u32],
        input: &Batch,
    ) -> Accumulated;

    /// Merge accumulators pairwise.
    fn merge(config: &Self::Config, left: &Packed, right: &Packed) -> Accumulated;

    /// Results of closed windows; `windows` has start and end (excluded) of each in milliseconds.
    fn finish(
        config: &Self::Config,
        keys: &Packed,
        windows: &[i64],
        accumulators: &Packed,
    ) -> Emitted;
}

/// Says which format its accumulators have. Implemented by [`window_aggregate`](macro@crate::window_aggregate) with a `format`.
pub trait AccumulatorFormat: WindowAggregate {
    /// The one it writes.
    const FORMAT: u8;
    /// Others that it migrates.
    const MIGRATES: &'static [u8];

    /// Accumulators of another format in its own. An error stops the job.
    fn migrate(config: &Self::Config, format: u8, accumulators: &Packed) -> Result<Packed, String>;
}
