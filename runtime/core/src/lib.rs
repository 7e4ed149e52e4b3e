//! Pure stream semantics: batches, event time, windows, keyed state, epochs, the job spec, the ports and the
//! shard loop. No I/O, no threads, no ambient clock: what runs here runs the same in production, in tests and
//! in simulation.
#![forbid(unsafe_code)]

pub mod batch;
pub mod embedded;
pub mod epoch;
pub mod failpoint;
pub mod ledger;
pub mod log;
pub mod overlay;
pub mod pipeline;
pub mod shard;
pub mod spec;
pub mod state;
pub mod time;
pub mod udf;

pub use batch::Batch;
