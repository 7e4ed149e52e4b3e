//! The job spec: one YAML file that says what a job reads, does and writes. [`JobSpec::parse`] turns its text into a
//! [`JobSpec`] in which everything is resolved and checked, so that whoever runs it has no case left to refuse for
//! its form; what only the world can tell (a topic is missing, a module lacks an interface) is checked where it runs.

mod model;
mod plan;

pub use model::{
    Connection, Epoch, Input, JobSpec, LateSpec, ModuleRef, OnError, OnInvalid, Operator,
    OperatorKind, Output, Sink, Source, StartSpec, State, TimestampFrom, TimestampPolicy, Upstream,
    Verdict, WatermarkSpec, Window,
};
pub use plan::operator_number;
