//! What an installation has: tenants, tokens, modules and jobs.
//!
//! The [`Catalog`] is plain state with rules. It changes only by [`Revision`]s, numbered from 1 and written one object each,
//! create-if-absent, to an object store: that is the whole coordination between hosts. Two writers can't both write
//! revision 7, so whoever lost reads it and decides again; whoever reads all revisions has the same catalog. No
//! database runs beside it. A single host keeps the objects in a folder, several in a bucket.
//!
//! [`Store`] reads and writes the log; everything else here is pure. Time comes from callers, randomness enters in
//! one place (`random.rs`).
#![forbid(unsafe_code)]

mod access;
mod apply;
mod calls;
mod change;
mod digest;
mod error;
#[cfg(test)]
mod fixtures;
mod format;
mod invariants;
pub mod limits;
mod location;
mod lookup;
mod policy;
mod quotas;
mod random;
mod state;
mod store;
pub mod token;

pub use access::{Denied, Principal, Scope, Token};
pub use change::{Change, FORMAT, Revision};
pub use digest::sha256_hex;
pub use error::{Error, Kind, Refused};
pub use location::objects;
pub use policy::{Pattern, Policy};
pub use quotas::Quotas;
pub use random::random;
pub use state::{Catalog, Desired, Job, JobVersion, Module, ModuleVersion, Tenant};
pub use store::Store;
