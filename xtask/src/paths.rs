//! Where things are. Everything heavy lives outside the repository, in one folder that demo, tests, bench and checks
//! share: the first build takes many minutes and must happen once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folders that tasks work with.
pub struct Paths {
    /// Root of the repository.
    pub root: PathBuf,
    /// The one target folder.
    pub target: PathBuf,
    /// What is fetched: jars, tools.
    pub cache: PathBuf,
    /// Kafka's jars.
    pub jars: PathBuf,
}

impl Paths {
    /// From the environment, with the defaults that `--help` names.
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let home = std::env::var_os("HOME").context("HOME is not set")?;
        let cache = PathBuf::from(home).join(".cache/sluicebox");
        let target = variable("CARGO_TARGET_DIR").or_else(|| variable("SLUICEBOX_TARGET_DIR"));
        let jars = variable("SLUICEBOX_KAFKA_JARS");
        Ok(Self {
            root: root.context("xtask is not in a repository")?.to_owned(),
            target: match target {
                // Children run in other folders: a relative path would mean several.
                Some(folder) => std::path::absolute(folder)?,
                None => cache.join("target"),
            },
            jars: jars.map_or_else(|| cache.join("kafka-4.1.0"), PathBuf::from),
            cache,
        })
    }

    /// A built program.
    pub fn binary(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// Where built modules go.
    pub fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// Whether a library has been built here already.
    pub fn built(&self, library: &str) -> bool {
        let prefix = format!("lib{library}-");
        let built = std::fs::read_dir(self.target.join("release/deps"));
        built.is_ok_and(|entries| {
            let mut names = entries.flatten().map(|entry| entry.file_name());
            names.any(|name| {
                let name = name.to_string_lossy();
                name.starts_with(&prefix) && name.ends_with(".rlib")
            })
        })
    }
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
