//! What a host is configured with: `host.yaml`. It is read as job specs are, so mistakes are answered in the same way:
//! all at once, with their places, and nothing is started.
//!
//! ```
//! # use sluicebox_server::Config;
//! let config = Config::parse("
//! apiVersion: sluicebox/v1
//! data_dir: ./data
//! kafka:
//!   main: { bootstrap_servers: '${KAFKA:-localhost:9092}' }
//! ", &|_| None)?;
//! assert_eq!(config.listen.to_string(), "127.0.0.1:7070");
//! # Ok::<(), sluicebox_core::spec::Problems>(())
//! ```

mod connections;
mod objects;
mod peers;
mod read;
mod telemetry;

pub use connections::Connections;
pub use peers::Peers;

use crate::limits::Limits;
use crate::telemetry::Otlp;
use sluicebox_catalog::Bucket;
use sluicebox_core::spec::document::{self, Form};
use sluicebox_core::spec::{Lookup, Problems};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A host's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Part of all names in Kafka, so that several installations can share a cluster.
    pub installation: String,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where this host keeps its identity, local state and the first token.
    pub data_dir: ConfigPath,
    /// Where catalog and modules are: a folder, or a URL.
    pub object_store: Objects,
    /// The Kafka clusters that jobs may use, by name.
    pub kafka: Connections,
    /// Certificates; none: plain HTTP.
    pub tls: Option<Tls>,
    /// How hosts ask each other.
    pub peers: Peers,
    /// Limits of the API.
    pub limits: Limits,
    /// A shard without records gives back its thread, clients and memory after this long, in milliseconds.
    pub park_after_ms: u64,
    /// Where traces go, if anywhere.
    pub traces: Option<Otlp>,
}

/// Where catalog and modules are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objects {
    /// A folder of this machine.
    Folder(ConfigPath),
    /// A folder, as a URL.
    Url(String),
    /// A bucket.
    Bucket(Bucket),
}

/// Certificates for the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The host's certificate and those that lead to its root, PEM.
    pub certificate: ConfigPath,
    /// Its private key, PEM.
    pub key: ConfigPath,
    /// Root certificates of clients, PEM; set: a client needs a certificate.
    pub client_ca: Option<ConfigPath>,
}

/// A path, as the configuration has it: messages show that, not where it led to.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigPath {
    written: PathBuf,
    /// Where it is.
    pub at: PathBuf,
}

impl ConfigPath {
    /// A path that is its own place.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let written = path.into();
        let at = written.clone();
        Self { written, at }
    }

    /// A path below this one.
    pub fn join(&self, name: &str) -> Self {
        Self {
            written: self.written.join(name),
            at: self.at.join(name),
        }
    }
}

impl fmt::Display for ConfigPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.written.display())
    }
}

impl fmt::Debug for ConfigPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)
    }
}

impl Config {
    /// Read a configuration. `lookup` finds the value of `${NAME}`; the error has all problems that could be found.
    pub fn parse(text: &str, lookup: &Lookup<'_>) -> Result<Self, Problems> {
        let form = Form {
            what: "host configuration",
            begins_with: "`data_dir` and `kafka`",
        };
        document::read(text, &form, lookup, read::config)
    }

    /// Make relative paths begin at `folder` (that of the configuration's file), as their author meant them.
    pub fn resolve_paths(&mut self, folder: &Path) {
        let resolve = |path: &mut ConfigPath| path.at = folder.join(&path.written);
        resolve(&mut self.data_dir);
        if let Objects::Folder(path) = &mut self.object_store {
            resolve(path);
        }
        if let Some(tls) = &mut self.tls {
            resolve(&mut tls.certificate);
            resolve(&mut tls.key);
            tls.client_ca.iter_mut().for_each(resolve);
        }
        self.peers.ca.iter_mut().for_each(resolve);
    }
}

#[cfg(test)]
mod tests;
