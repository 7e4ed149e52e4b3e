//! Why a host can't serve, and what to do about it.

use crate::config::ConfigPath;
use sluicebox_catalog as catalog;
use std::net::SocketAddr;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Correct the configuration or what it names; nothing was started.
    Input,
    /// Something outside failed: try again.
    Retry,
    /// Whoever runs the installation has to act.
    Operator,
    /// A fault of this program: report it.
    Report,
}

/// Why a host can't serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The catalog can't be used.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// The data plane can't be set up.
    #[error(transparent)]
    Host(#[from] sluicebox_host::Error),
    /// A file or folder can't be used.
    #[error("can't {what} `{path}`: {why}")]
    File {
        /// What was tried.
        what: &'static str,
        /// Which.
        path: ConfigPath,
        /// Why not.
        why: String,
    },
    /// The first token is there already, and can't be taken for it.
    #[error(
        "`{path}` is in the way: the catalog has no tokens, so this host would write the first one there, but {why}. Move \
         the file away and start again"
    )]
    FirstToken {
        /// Where it is to be.
        path: ConfigPath,
        /// What is wrong with what is there.
        why: String,
    },
    /// Certificates can't be used.
    #[error("the certificates can't be used: {0}")]
    Certificates(String),
    /// Traces can't be sent.
    #[error("`telemetry` can't be used: {0}")]
    Telemetry(String),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {why}. Stop what uses it, or set another `listen` address")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why not.
        why: String,
    },
}

impl Error {
    /// What to do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Catalog(error) => match error.kind() {
                catalog::Kind::Input => ErrorKind::Input,
                catalog::Kind::Retry => ErrorKind::Retry,
                catalog::Kind::Operator => ErrorKind::Operator,
                catalog::Kind::Report => ErrorKind::Report,
            },
            Self::Host(error) => match error.kind {
                sluicebox_host::Kind::Input => ErrorKind::Input,
                sluicebox_host::Kind::Halted => ErrorKind::Operator,
                sluicebox_host::Kind::Failed => ErrorKind::Retry,
            },
            Self::File { .. }
            | Self::Certificates(_)
            | Self::Telemetry(_)
            | Self::Listen { .. } => ErrorKind::Input,
            Self::FirstToken { .. } => ErrorKind::Operator,
        }
    }
}

/// What is at the bottom of an error of an HTTP client: the rest says only that something was sent.
pub(crate) fn root(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
