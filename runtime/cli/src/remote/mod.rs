//! The client of a host's API: `sluicebox login`, `push`, `deploy` and the like. Which host is meant stands in a profile
//! ([`profiles`]) or in the environment ([`target`]); what goes over the wire is in [`client`]; each command has its
//! own file. Left out of the demo edition, with HTTP and TLS.

mod answers;
mod client;
mod commands;
mod error;
mod names;
mod profiles;
mod roots;
mod spec;
mod target;
mod text;
mod wire;

pub use commands::lag::ask as lag;
pub use commands::{Command, run};
pub use target::HostArgs;
