//! What the commands on a job have in common: the spec, overridden from the command line, and the installation.

use crate::failure::Usage;
use crate::spec_file;
use anyhow::Result;
use sluicebox_core::spec::{Connection, JobSpec, name_problem};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which job, where.
#[derive(clap::Args)]
pub struct JobArgs {
    /// The job's spec; `${NAME}` in it is taken from the environment
    #[arg(value_name = "JOB.yaml")]
    pub job: PathBuf,
    /// Kafka's brokers, in place of those in the spec
    #[arg(long, value_name = "HOST:PORT,...")]
    pub bootstrap_servers: Option<String>,
    /// Part of the names of topics and groups, so that several installations can share a cluster
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub installation: String,
}

impl JobArgs {
    /// The job as it is meant to run, with paths relative to where the program runs.
    pub fn load(&self) -> Result<JobSpec> {
        if let Some(help) = name_problem(&self.installation) {
            return Err(Usage(format!("--installation: {help}")).into());
        }
        let mut spec = spec_file::read(&self.job)?;
        if let Some(servers) = &self.bootstrap_servers {
            match &mut spec.kafka {
                Some(connection) => connection.bootstrap_servers.clone_from(servers),
                None => {
                    let bootstrap_servers = servers.clone();
                    spec.kafka = Some(Connection {
                        bootstrap_servers,
                        properties: BTreeMap::new(),
                    });
                }
            }
        }
        Ok(spec)
    }
}

/// A folder of this user for what jobs keep between two starts.
pub fn data_dir(name: &str) -> Result<PathBuf> {
    let var = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = var("SLUICEBOX_DATA_DIR")
        .or_else(|| var("XDG_DATA_HOME").map(|dir| dir.join("sluicebox")))
        .or_else(|| var("HOME").map(|dir| dir.join(".local/share/sluicebox")));
    match base {
        Some(base) => Ok(base.join(name)),
        None => {
            let message = "there is no home folder to keep state in: name one with --data-dir";
            Err(Usage(message.to_owned()).into())
        }
    }
}
