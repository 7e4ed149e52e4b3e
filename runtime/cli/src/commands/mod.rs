//! One file a command: its arguments with their help, and what it calls.

pub mod check;
pub mod completions;
pub mod demo;
pub mod job;
pub mod lag;
pub mod run;
#[cfg(feature = "serve")]
pub mod serve;
