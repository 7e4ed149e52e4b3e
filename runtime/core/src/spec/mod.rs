//! The job spec: one YAML file that says what a job reads, does and writes. [`JobSpec::parse`] turns its text into a
//! [`JobSpec`] in which everything is resolved and checked, so that whoever runs it has no case left to refuse for
//! its form; what only the world can tell (a topic is missing, a module lacks an interface) is checked where it runs.
//!
//! ```
//! # use sluicebox_core::spec::{JobSpec, Upstream};
//! let text = "
//! apiVersion: sluicebox/v1
//! job: orders
//! source: { kafka: { topic: orders, start: earliest } }
//! operators:
//!   - id: valid
//!     filter: { module: ./orders-valid.wasm }
//! sink: { kafka: { topic: valid-orders } }
//! kafka: { bootstrap_servers: '${KAFKA:-localhost:9092}' }
//! ";
//! let job = JobSpec::parse(text, &|_| None)?;
//! assert_eq!(job.sinks[0].from, Upstream::Operator(0));
//! # Ok::<(), sluicebox_core::spec::Problems>(())
//! ```

mod check;
mod cursor;
pub mod document;
mod expand;
mod fields;
pub mod limits;
mod model;
mod names;
mod network;
mod plan;
mod problem;
mod properties;
mod read;
mod read_operators;
mod read_sinks;
mod read_source;
mod time;
mod timestamp;
mod units;
mod variables;
mod yaml;

pub use document::API_VERSION;
pub use model::{
    Connection, Epoch, Input, JobSpec, LateSpec, ModuleRef, OnError, Operator, OperatorKind,
    Output, Sink, Source, StartSpec, State, Upstream, WatermarkSpec, Window,
};
pub use names::{RESERVED_PREFIX, name_problem};
pub use network::is_clear_text;
pub use plan::operator_number;
pub use problem::{Place, Problem, Problems};
pub use time::{format_time_ms, parse_time_ms};
pub use timestamp::{OnInvalid, TimestampFrom, TimestampPolicy, Verdict};
pub use units::{parse_duration_ms, parse_size_bytes};
pub use variables::Lookup;

use std::path::{Path, PathBuf};

impl JobSpec {
    /// Read a spec. `lookup` finds the value of `${NAME}`; the error has all problems that could be found at once.
    pub fn parse(text: &str, lookup: &Lookup<'_>) -> Result<Self, Problems> {
        document::read(text, &read::FORM, lookup, read::job)
    }

    /// Read a spec that is to be sent elsewhere, and its text with the variables replaced, so that whoever gets the
    /// text needs none of them. Lines stay where they are: places in the one are places in the other.
    pub fn parse_expanded(text: &str, lookup: &Lookup<'_>) -> Result<(Self, String), Problems> {
        let spec = Self::parse(text, lookup)?;
        let expanded = expand::expand(text, lookup)?;
        match Self::parse(&expanded, &|_| None) {
            Ok(same) if same == spec => Ok((spec, expanded)),
            _ => Err(expand::impossible().into()),
        }
    }

    /// Make the paths of modules, input and outputs relative to `folder` (that of the spec's file), as their author
    /// meant them, instead of to wherever the program was started.
    pub fn resolve_paths(&mut self, folder: &Path) {
        let resolve = |path: &mut PathBuf| *path = folder.join(&*path);
        if let Input::File { path, .. } = &mut self.source.input {
            resolve(path);
        }
        for operator in &mut self.operators {
            if let ModuleRef::Path(path) = &mut operator.module {
                resolve(path);
            }
        }
        for sink in &mut self.sinks {
            if let Output::File { path } = &mut sink.output {
                resolve(path);
            }
        }
    }
}
