//! A store with the protocol of S3, for one test: `tests/s3/server.py`, in memory, on a free port. It can be told to fail.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sluicebox_catalog::{Bucket, Keys, ObjectStore};

use crate::install::cache_folder;
use crate::process::{self, Signal, Watcher, wait_until};
use crate::server::free_port;

const BUCKET: &str = "sluicebox-tests";
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The server takes any; they are to be somewhere in what a host does, and in nothing that it says.
pub const KEY: &str = "AKIDTEST";
/// See [`KEY`].
pub const SECRET: &str = "secret-of-the-tests";

/// What goes wrong with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// They are done, and answered with 500.
    Lose,
    /// They are not done, and answered with 503.
    Refuse,
    /// `If-None-Match` is taken no notice of.
    Overwrite,
}

/// A server that runs. Ended when dropped.
#[derive(Debug)]
pub struct S3 {
    port: u16,
    server: Child,
    watcher: Watcher,
    folder: tempfile::TempDir,
}

impl S3 {
    /// Start one, with a bucket.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("sluicebox-s3-").tempdir()?;
        let log = File::create(folder.path().join("s3.log"))?;
        let port = free_port()?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("s3/server.py");
        let server = Command::new(python()?)
            .args(["-I", "-B"])
            .arg(script)
            .args([&port.to_string(), BUCKET])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start python")?;
        let watcher = Watcher::of(server.id(), folder.path())?;
        let mut s3 = Self {
            port,
            server,
            watcher,
            folder,
        };
        wait_until("the S3-compatible server answers", START_TIMEOUT, || {
            if let Some(status) = s3.server.try_wait()? {
                bail!("it ended with {status}:\n{}", s3.log());
            }
            Ok(TcpStream::connect(("127.0.0.1", port)).is_ok())
        })?;
        Ok(s3)
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The URL of a prefix in its bucket.
    pub fn url(&self, prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}")
    }

    /// The objects below a prefix, as a host sees them.
    pub fn objects(&self, prefix: &str) -> Result<Arc<dyn ObjectStore>> {
        let mut bucket: Bucket = self.url(prefix).parse().map_err(anyhow::Error::msg)?;
        bucket.endpoint = Some(self.endpoint());
        bucket.keys = Some(Keys {
            access_key_id: KEY.to_owned(),
            secret_access_key: SECRET.to_owned(),
            session_token: None,
        });
        Ok(bucket.open()?)
    }

    /// Make the next requests of a method (empty: all) to paths with this part go wrong; 0 times: none any more.
    pub fn fail(&self, method: &str, part: &str, times: u32, how: How) -> Result<()> {
        let how = match how {
            How::Lose => "lose",
            How::Refuse => "refuse",
            How::Overwrite => "overwrite",
        };
        let mut url = format!(
            "{}/-/fail?part={part}&times={times}&how={how}",
            self.endpoint()
        );
        if !method.is_empty() {
            url.push_str(&format!("&method={method}"));
        }
        let status = ureq::get(url).call()?.status();
        ensure!(status == 204, "{status}:\n{}", self.log());
        Ok(())
    }

    /// Send a signal to the server.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        process::signal(self.server.id(), signal)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("s3.log")).unwrap_or_default()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        self.watcher.done();
    }
}

/// As `cargo xtask setup` installs it.
fn python() -> Result<PathBuf> {
    let python = cache_folder()?.join("tools/s3/bin/python");
    if !python.is_file() {
        bail!(
            "the S3-compatible server of the tests is not installed ({} is missing): run `cargo xtask setup`",
            python.display()
        );
    }
    Ok(python)
}
