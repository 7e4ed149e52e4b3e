//! The sandbox: runs UDF components of strangers under limits, so that nothing they do reaches past one call.
//!
//! A module goes `bytes → inspect (shape, limits, types) → compile (or the cache) → Module → instance → calls`.
//! What crosses on a call is packed as `wit/udf.wit` says: a few memcpys each way. Every answer is checked before
//! anybody reads it (`answer`), and a call that traps, runs too long or answers nonsense costs its instance, nothing
//! else.
//!
//! Guest errors (`RowError`), guest traps (`CallError::Trap`), refused modules (`ModuleError`) and faults of this host
//! (`CallError::Host`, `SandboxError`) are different types and never mix.
#![deny(unsafe_code)]

mod abi;
mod answer;
mod cache;
mod compile;
mod contract;
mod engine;
mod error;
mod inspect;
mod instance;
mod limits;
mod log;
mod module;
mod sandbox;
mod store;
mod sys;
mod text;
mod ticker;
mod trap;

pub use compile::serve_as_compiler;
pub use error::{ModuleError, SandboxError};
pub use inspect::{Exports, Inspection, inspect, inspect_within};
pub use limits::Limits;
pub use log::{Level, LogSink};
pub use module::Module;
pub use sandbox::{Kind, Sandbox, Settings};
pub use sys::thread_cpu_time;
