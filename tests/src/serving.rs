//! `sluicebox serve` as a test starts it: a host with a folder of its own, on a free port, that shares a catalog with
//! others.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::api::Api;
use crate::broker::unique;
use crate::bucket::{self, S3};
use crate::host::{Host, binary};
use crate::server::free_port;

/// An installation: a catalog, and hosts that share it.
#[derive(Debug)]
pub struct Installation {
    folder: tempfile::TempDir,
    name: String,
    bootstrap: String,
    /// librdkafka properties of its connection.
    properties: Vec<(String, String)>,
    /// What `object_store` is in the hosts' configurations.
    objects: String,
    /// Further lines of a host's configuration.
    more: String,
}

/// A running host. Killed when dropped.
#[derive(Debug)]
pub struct Served {
    /// The process.
    pub process: Host,
    /// Its API, with the token for everything.
    pub api: Api,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
}

impl Installation {
    /// An installation on the broker at `bootstrap`.
    pub fn new(bootstrap: &str) -> Result<Self> {
        Self::with_objects(bootstrap, "{ path: ./objects }".to_owned())
    }

    /// The same with its catalog in a bucket.
    pub fn in_bucket(bootstrap: &str, s3: &S3) -> Result<Self> {
        let objects = format!(
            "{{ url: '{}', endpoint: '{}', access_key_id: '${{S3_KEY}}', secret_access_key: '${{S3_SECRET}}' }}",
            s3.url("installations/one"),
            s3.endpoint()
        );
        Self::with_objects(bootstrap, objects)
    }

    fn with_objects(bootstrap: &str, objects: String) -> Result<Self> {
        Ok(Self {
            folder: tempfile::Builder::new()
                .prefix("sluicebox-serve-")
                .tempdir()?,
            name: unique("it"),
            bootstrap: bootstrap.to_owned(),
            properties: Vec::new(),
            objects,
            more: String::new(),
        })
    }

    /// With these librdkafka properties.
    pub fn by(self, properties: Vec<(String, String)>) -> Self {
        Self { properties, ..self }
    }

    /// With something more in the configuration of its hosts.
    pub fn with(self, more: impl Into<String>) -> Self {
        let more = more.into();
        Self { more, ..self }
    }

    /// Part of all names of its jobs in Kafka.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where a host keeps its data.
    pub fn data(&self, host: &str) -> PathBuf {
        self.folder.path().join(host)
    }

    /// Where the catalog keeps the bytes of a module.
    pub fn module(&self, digest: &str) -> PathBuf {
        let modules = self.folder.path().join("objects/modules");
        modules.join(format!("{digest}.wasm"))
    }

    /// Start a host and wait until it answers. `failpoint` as for jobs.
    pub fn start(&self, host: &str, failpoint: Option<&str>) -> Result<Served> {
        let port = free_port()?;
        let config = self.folder.path().join(format!("{host}.yaml"));
        fs::write(&config, self.config(host, port))?;
        let mut command = Command::new(binary()?);
        command
            .args(["serve", "--config"])
            .arg(&config)
            .env("S3_KEY", bucket::KEY)
            .env("S3_SECRET", bucket::SECRET)
            .env_remove("SLUICEBOX_FAILPOINT");
        if let Some(failpoint) = failpoint {
            command.env("SLUICEBOX_FAILPOINT", failpoint);
        }
        let log = self.folder.path().join(format!("{}.log", unique(host)));
        let mut process = Host::start(command, log)?;
        wait_for_port(port, &mut process)?;
        let url = format!("http://127.0.0.1:{port}");
        let token = self.token()?;
        let api = Api::new(&url, &token);
        Ok(Served { process, api, url })
    }

    fn config(&self, host: &str, port: u16) -> String {
        let properties = self.properties.iter().cloned();
        let properties: serde_json::Map<_, _> =
            properties.map(|(key, value)| (key, value.into())).collect();
        let properties = serde_json::Value::Object(properties);
        format!(
            "apiVersion: sluicebox/v1
installation: {}
listen: 127.0.0.1:{port}
data_dir: ./{host}
object_store: {}
kafka:
  main: {{ bootstrap_servers: '{}', properties: {properties} }}
{}
",
            self.name, self.objects, self.bootstrap, self.more
        )
    }

    /// The first token, which whichever host came first has written.
    fn token(&self) -> Result<String> {
        let entries = fs::read_dir(self.folder.path())?.flatten();
        let files = entries.map(|entry| entry.path().join("admin-token"));
        let found = files.into_iter().find(|path| Path::is_file(path));
        let path = found.context("no host has written a first token")?;
        Ok(fs::read_to_string(path)?)
    }
}

fn wait_for_port(port: u16, process: &mut Host) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = process.ended()? {
            bail!("sluicebox serve ended with {status}:\n{}", process.log());
        }
        if Instant::now() > deadline {
            bail!("sluicebox serve does not listen:\n{}", process.log());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
