//! Why a store's folder could not be opened, and what to do.

use std::path::PathBuf;

/// A folder that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another store has it open, in this process or another.
    #[error(
        "state folder {} is in use by another process: give each process its own data folder, or stop the other one",
        .0.display()
    )]
    InUse(PathBuf),
    /// Another version of sluicebox wrote it.
    #[error(
        "state folder {} has format {found:?}, this version reads {expected:?}. \
         Deleting the folder is safe: the changelog restores its content",
        .folder.display()
    )]
    Version {
        /// The folder.
        folder: PathBuf,
        /// What its format file says.
        found: String,
        /// What this version writes and reads.
        expected: &'static str,
    },
    /// Files are missing or corrupt.
    #[error(
        "state folder {} is damaged: {message}. \
         Deleting the folder is safe: the changelog restores its content",
        .folder.display()
    )]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// What was found.
        message: String,
    },
    /// The file system refused (no permission, no space, no file handles): not the content's fault, and deleting it
    /// would not help.
    #[error("state folder {}: {message}", .folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What failed.
        message: String,
    },
}

impl OpenError {
    /// Whether emptying the folder cures it.
    pub fn discardable(&self) -> bool {
        matches!(self, Self::Version { .. } | Self::Damaged { .. })
    }
}
