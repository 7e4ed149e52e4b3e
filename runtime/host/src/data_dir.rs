//! The data folder: this host's identity, and its shards' local state. All of it can be deleted when no process uses
//! it: identity is made anew, state comes back from the changelog.

use crate::error::{Error, Result};
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

/// A data folder, locked for this process.
pub struct DataDir {
    path: PathBuf,
    host_id: String,
    // The lock lasts as long as the open file.
    _lock: File,
}

impl DataDir {
    /// Open (or make) and lock a folder.
    pub fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(|e| Error::io("make the data folder", path, &e))?;
        let lock_path = path.join("lock");
        let lock = File::create(&lock_path).map_err(|e| Error::io("open", &lock_path, &e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::input(format!(
                    "another process uses the data folder {}; give each its own (`--data-dir`, or `data_dir` of a \
                     host)",
                    path.display()
                )));
            }
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", &lock_path, &e)),
        }
        let host_id = host_id(&path.join("host-id"))?;
        Ok(Self {
            path: path.to_owned(),
            host_id,
            _lock: lock,
        })
    }

    /// Identity of this host, kept over restarts.
    pub fn host_id(&self) -> &str {
        &self.host_id
    }

    /// Folder of compiled modules.
    pub fn cache(&self) -> PathBuf {
        self.path.join("compiled")
    }

    /// Folder of a job's state.
    pub fn state(&self, job: &str) -> PathBuf {
        self.path.join("state").join(job)
    }
}

fn host_id(path: &Path) -> Result<String> {
    if let Ok(id) = fs::read_to_string(path)
        && id.len() == 32
    {
        return Ok(id);
    }
    let id = format!("{:016x}{:016x}", random(), random());
    fs::write(path, &id).map_err(|e| Error::io("write", path, &e))?;
    Ok(id)
}

/// A number nobody else has: the standard library seeds each of these from the system.
pub fn random() -> u64 {
    RandomState::new().hash_one(0)
}
