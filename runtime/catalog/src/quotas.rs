//! How much a tenant may have (checked when it is added) and use (enforced where jobs run).

use crate::error::Refused;
use crate::limits::{INSTANCE_MEMORY_BYTES_MAX, MODULE_BYTES_MAX};
use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// A tenant's share. What a request leaves out has its default; revisions always hold all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Modules that have versions.
    pub modules_max: u32,
    /// Jobs, stopped ones too.
    pub jobs_max: u32,
    /// Size of an uploaded module, in bytes.
    pub module_bytes_max: u64,
    /// Memory of one instance of a module, in bytes.
    pub instance_memory_bytes_max: u64,
    /// CPU time of all jobs on one host, in percent of one core.
    pub cpu_percent_max: Option<u32>,
    /// Records that all jobs read on one host.
    pub records_per_second_max: Option<u64>,
    /// Bytes that all jobs read and write on one host.
    pub bytes_per_second_max: Option<u64>,
    /// State of all jobs on one host, in bytes.
    pub state_bytes_max: Option<u64>,
    /// Memory that the specs of all jobs allow their state on one host, in bytes.
    pub memory_bytes_max: Option<u64>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            modules_max: 100,
            jobs_max: 100,
            module_bytes_max: 24 << 20,
            instance_memory_bytes_max: 64 << 20,
            cpu_percent_max: None,
            records_per_second_max: None,
            bytes_per_second_max: None,
            state_bytes_max: None,
            memory_bytes_max: None,
        }
    }
}

impl Quotas {
    /// Whether each value can be granted at all.
    pub(crate) fn check(&self) -> Result<(), Refused> {
        at_most("module_bytes_max", self.module_bytes_max, MODULE_BYTES_MAX)?;
        at_most(
            "instance_memory_bytes_max",
            self.instance_memory_bytes_max,
            INSTANCE_MEMORY_BYTES_MAX,
        )?;
        not_zero("cpu_percent_max", self.cpu_percent_max)?;
        not_zero("records_per_second_max", self.records_per_second_max)?;
        not_zero("bytes_per_second_max", self.bytes_per_second_max)?;
        not_zero("state_bytes_max", self.state_bytes_max)?;
        not_zero("memory_bytes_max", self.memory_bytes_max)
    }
}

fn at_most(what: &str, value: u64, max: u64) -> Result<(), Refused> {
    match value <= max {
        true => Ok(()),
        false => Err(Refused::invalid(format!(
            "`{what}` is {value}, and no tenant can be given more than {max}"
        ))),
    }
}

/// Zero would stop all jobs without saying so.
fn not_zero<T: Default + Display + PartialEq>(what: &str, value: Option<T>) -> Result<(), Refused> {
    match value {
        Some(value) if value == T::default() => Err(Refused::invalid(format!(
            "`{what}` is {value}: leave it out for no limit, or disable the tenant to stop its jobs"
        ))),
        _ => Ok(()),
    }
}
