//! What an installation has: tenants, tokens, modules and jobs.
//!
//! The [`Catalog`] is plain state with rules. It changes only by [`Revision`]s, numbered from 1 and written one object each,
//! create-if-absent, to an object store: that is the whole coordination between hosts. Two writers can't both write
//! revision 7, so whoever lost reads it and decides again; whoever reads all revisions has the same catalog. No
//! database runs beside it. A single host keeps the objects in a folder, several in a bucket.
//!
//! | object | what it is |
//! |---|---|
//! | `catalog/log/{revision:020}.json` | a [`Revision`], never changed nor deleted |
//! | `catalog/checkpoint/{revision:020}.json` | `{"format": 1, "catalog": …}`: the [`Catalog`] after that revision; the newest few, each of which may be deleted |
//! | `catalog/created-once` | nothing: each start tries whether it can be created again |
//! | `hosts/{id}.json` | a [`HostRecord`]: a host that is there; nothing depends on it |
//! | `modules/{digest}.wasm` | the bytes of a module; written before the revision that names them |
//! | `removing/{digest}.{random}` | nothing: somebody removes these bytes, which nothing refers to |
//!
//! All of it is kept by [`FORMAT`]; what has another one, or anything unknown in it, is refused by name.
//!
//! [`Store`] reads and writes the log; everything else here is pure. Time comes from callers, randomness enters in
//! one place (`random.rs`).
#![forbid(unsafe_code)]

mod access;
mod apply;
mod bucket;
mod calls;
mod change;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod digest;
mod error;
mod fault;
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
pub use bucket::{Bucket, Keys};
pub use change::{Change, FORMAT, Revision};
pub use digest::{hex, sha256_hex};
pub use error::{Error, Kind, Refused};
pub use location::objects;
pub use object_store::ObjectStore;
pub use policy::{Pattern, Policy};
pub use quotas::Quotas;
pub use random::random;
pub use state::{Catalog, Desired, Job, JobVersion, Module, ModuleVersion, Tenant};
pub use store::{HostRecord, Store, Unused};
