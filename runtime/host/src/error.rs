//! What a caller of the host must do about an error.

use sluicebox_core::log;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The job, its modules or the options are wrong: correct them; nothing was started.
    Input,
    /// The job stopped because somebody must act; nothing wrong was committed.
    Halted,
    /// Something outside failed (disk, threads, brokers): try again.
    Failed,
}

/// An error with what to do about it in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What to do.
    pub kind: Kind,
    /// For people.
    pub message: String,
}

/// Result of the host's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Correct the input.
    pub fn input(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Input,
            message: message.into(),
        }
    }
    /// Somebody must act.
    pub fn halted(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Halted,
            message: message.into(),
        }
    }
    /// Try again.
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Failed,
            message: message.into(),
        }
    }
    /// An operation on a file or folder failed.
    pub fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::failed(format!("can't {what} {}: {error}", path.display()))
    }
}

impl From<log::Error> for Error {
    fn from(error: log::Error) -> Self {
        match error.kind {
            log::Kind::Halt => Self::halted(error.message),
            log::Kind::Retriable | log::Kind::Abortable | log::Kind::Fenced => {
                Self::failed(error.message)
            }
        }
    }
}
