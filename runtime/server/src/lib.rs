//! The multi-tenant host: an HTTP API over the catalog, and the fleet of jobs that the catalog asks for.
//!
//! The API changes the catalog and nothing else; the data plane watches the catalog and runs what it says. What the API
//! wants to know of running jobs it asks through the port [`port::Fleet`], which tests replace by a fake.
#![forbid(unsafe_code)]

mod api;
pub mod bootstrap;
mod clock;
pub mod config;
mod connection;
mod error;
mod event;
mod exposition;
pub mod fleet;
mod host;
pub mod limits;
mod logs;
mod paced;
pub mod peers;
mod policy;
pub mod port;
mod rate;
mod serve;
mod slots;
mod sweep;
pub mod telemetry;
mod tls;
mod ui;

pub use api::{App, Parts, Problem, ProblemKind, openapi_json, router};
pub use clock::{Clock, SystemClock};
pub use config::Config;
pub use error::{Error, ErrorKind};
pub use event::{ApiEvent, ApiObserver};
pub use host::Host;
pub use logs::{Lines, LogLine, LogReader, Logs};
pub use serve::{Server, serve};
