//! The folder of a store: `LOCK` (one process at a time), `FORMAT` (which version wrote it), `db` (RocksDB's files), and
//! `DAMAGED` once a read has found corruption, so that the next open refuses or discards it.

use crate::OpenError;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// What `FORMAT` holds. Another number is refused: state is cheap to restore, and dear to misread.
pub(crate) const FORMAT: &str = "sluicebox-state 1";

const LOCK_FILE: &str = "LOCK";
const FORMAT_FILE: &str = "FORMAT";
const FORMAT_NEW: &str = "FORMAT.new";
const DAMAGED_FILE: &str = "DAMAGED";
const DATABASE: &str = "db";
/// A database on its way out: renamed first, so that a half-deleted one is never opened.
const DISCARDED: &str = "db.discarded";

/// A folder that is ours as long as this lives.
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Make the folder if there is none, and take its lock.
    pub fn lock(path: &Path) -> Result<Self, OpenError> {
        let failed = |error: io::Error| OpenError::Io {
            folder: path.to_owned(),
            message: error.to_string(),
        };
        fs::create_dir_all(path).map_err(failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK_FILE))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where RocksDB's files go.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    pub fn io_error(&self, error: impl ToString) -> OpenError {
        OpenError::Io {
            folder: self.path.clone(),
            message: error.to_string(),
        }
    }

    /// Check that this version wrote the content; a folder without any becomes one of this version.
    pub fn check_format(&self) -> Result<(), OpenError> {
        self.remove(DISCARDED).map_err(|e| self.io_error(e))?;
        let found = match fs::read(self.path.join(FORMAT_FILE)) {
            Ok(found) => String::from_utf8_lossy(&found).trim_end().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.database().exists() {
                    return Err(self.version("none"));
                }
                return self.write_format().map_err(|e| self.io_error(e));
            }
            Err(error) => return Err(self.io_error(error)),
        };
        if found != FORMAT {
            // A foreign file may be anything: quote no more than a line of it.
            return Err(self.version(&found.chars().take(40).collect::<String>()));
        }
        match fs::read(self.path.join(DAMAGED_FILE)) {
            Ok(message) => Err(self.damaged(String::from_utf8_lossy(&message))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.io_error(error)),
        }
    }

    pub fn damaged(&self, message: impl ToString) -> OpenError {
        OpenError::Damaged {
            folder: self.path.clone(),
            message: message.to_string(),
        }
    }

    /// Remember that a read found corruption. Best effort: if this fails, the next read finds it again.
    pub fn mark_damaged(&self, message: &str) {
        let _ = fs::write(self.path.join(DAMAGED_FILE), message);
    }

    fn version(&self, found: &str) -> OpenError {
        OpenError::Version {
            folder: self.path.clone(),
            found: found.to_owned(),
            expected: FORMAT,
        }
    }

    fn write_format(&self) -> io::Result<()> {
        let new = self.path.join(FORMAT_NEW);
        fs::write(&new, format!("{FORMAT}\n"))?;
        fs::rename(new, self.path.join(FORMAT_FILE))
    }

    /// Throw the content away. Stopped at any point, what is left is the old content, or none.
    pub fn discard(&self) -> Result<(), OpenError> {
        let discard = || {
            self.remove(DISCARDED)?;
            match fs::rename(self.database(), self.path.join(DISCARDED)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.write_format()?,
            }
            self.remove(DISCARDED)?;
            match fs::remove_file(self.path.join(DAMAGED_FILE)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        };
        discard().map_err(|error: io::Error| self.io_error(error))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
