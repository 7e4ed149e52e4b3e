//! The harness of the end-to-end tests: a real broker, a test's view of it, the processes under test, and the truth to
//! compare results with. Failures are `anyhow` errors: a test that returns one has failed and says why.
#![forbid(unsafe_code)]

pub mod api;
pub mod broker;
pub mod browser;
pub mod bucket;
pub mod client;
pub mod clock;
pub mod cluster;
pub mod crash;
pub mod host;
pub mod install;
pub mod issuer;
mod java;
pub mod job;
pub mod kdc;
pub mod process;
pub mod proxy;
pub mod receiver;
pub mod records;
pub mod rights;
pub mod secure;
mod server;
pub mod serving;
pub mod spec;
pub mod truth;
mod wire;
pub mod workload;
