//! Errors of the sandbox, apart by who has to act: the author of a module (`ModuleError`) or whoever runs the host
//! (`SandboxError`).

use std::path::PathBuf;

/// The sandbox cannot start: the operator of the host has to act.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine refused its configuration: usually too little address space.
    #[error(
        "the WebAssembly engine cannot start: {0}. It reserves (but does not use) 4 GiB of address space for each \
         possible instance: lift limits on virtual memory (`ulimit -v`), or lower `instances_max`"
    )]
    Engine(String),
    /// The folder for compiled code cannot be used.
    #[error(
        "the folder for compiled code {folder} cannot be used: {reason}. Give a folder that only this user can \
         enter, or none"
    )]
    CacheFolder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
    /// No thread for the deadlines.
    #[error("cannot start the thread that watches deadlines: {0}")]
    Thread(std::io::Error),
}

/// A module is refused. The message says why and what its author can do; nothing of it has run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// Over the limit for uploads (HTTP: 413; everything else here is 422).
    #[error(
        "the module has {bytes} bytes, over the limit of {limit}: strip debug information (`strip = true` in the \
         release profile) or leave out large dependencies"
    )]
    TooLarge {
        /// Size of the module in bytes.
        bytes: usize,
        /// Limit in bytes.
        limit: usize,
    },
    /// Not a component at all.
    #[error("not a WebAssembly component: {found}. {advice}")]
    NotAComponent {
        /// What it is instead.
        found: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The binary is damaged, or uses features that are switched off.
    #[error(
        "not a valid component: {0}. Build it again with `sluicebox build`; features beyond WebAssembly 2.0 \
         (threads, 64-bit memories, garbage collection, exceptions, relaxed SIMD) are not available here"
    )]
    Invalid(String),
    /// Imports something that no module gets.
    #[error(
        "imports `{name}`, which modules do not get: {reason}. The only import there is, is `sluicebox:udf/log@0.1.0` \
         (no clock, no randomness, no files, no network); leave out what needs it, or give the data as a record"
    )]
    Import {
        /// Name of the import.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Lacks an export, or has it with another type.
    #[error(
        "{0}. Build it against wit/udf.wit of sluicebox:udf@0.1.0, best with an SDK and `sluicebox build`"
    )]
    Export(String),
    /// Over one of the limits on what is inside.
    #[error("{what}: {got}, over the limit of {limit}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// How much there is.
        got: u64,
        /// How much there may be.
        limit: u64,
    },
    /// Valid, but the compiler could not compile it.
    #[error("cannot be compiled: {0}")]
    Compile(String),
}

impl ModuleError {
    /// True where the body as such is too large (HTTP 413), false where its content is at fault (422).
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::TooLarge { .. })
    }
}
