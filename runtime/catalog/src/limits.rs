//! All limits of the catalog, in one place.
//!
//! The rules that use them also read old revisions back. So most limits may be raised but never lowered, and what
//! decides which job versions are forgotten ([`JOB_VERSIONS_MAX`], [`JOB_HISTORY_BYTES_MAX`]) changes only together with
//! the format: hosts that disagree there would hold different catalogs at the same revision.

use std::time::Duration;

/// Most tenants of an installation.
pub const TENANTS_MAX: usize = 10_000;
/// Most usable tokens of one tenant, and of the installation itself.
pub const TOKENS_MAX: usize = 100;
/// Most patterns or connections in one list of a policy.
pub const POLICY_ENTRIES_MAX: usize = 100;
/// Most names of modules a tenant can ever have used: versions of a name are never given twice, so names are kept.
pub const MODULE_NAMES_MAX: usize = 10_000;
/// Most versions of one module at a time.
pub const MODULE_VERSIONS_MAX: usize = 1_000;
/// Most imports, and most exports, of a module.
pub const MODULE_INTERFACES_MAX: usize = 64;
/// Longest name of an import or export, in bytes.
pub const INTERFACE_BYTES_MAX: usize = 256;
/// Most versions of a job that are kept; the oldest are forgotten.
pub const JOB_VERSIONS_MAX: usize = 50;
/// Most bytes of specs that are kept for one job; the oldest versions are forgotten, the current one never.
pub const JOB_HISTORY_BYTES_MAX: usize = 1 << 20;
/// Longest text that says who made a revision, or which writer it was, in bytes.
pub const ACTOR_BYTES_MAX: usize = 64;

/// Largest module that a quota can allow, in bytes.
pub const MODULE_BYTES_MAX: u64 = 64 << 20;
/// Largest memory of an instance that a quota can allow, in bytes.
pub const INSTANCE_MEMORY_BYTES_MAX: u64 = 512 << 20;

/// Largest object of a revision, in bytes.
pub const REVISION_BYTES_MAX: u64 = 16 << 20;
/// Largest checkpoint, in bytes; none is written beyond.
pub const CHECKPOINT_BYTES_MAX: u64 = 1 << 30;
/// A checkpoint is written every so many revisions.
pub const CHECKPOINT_REVISIONS: u64 = 256;
/// How many checkpoints are kept.
pub const CHECKPOINTS_KEPT: usize = 3;

/// How often a host says that it is there.
pub const HOST_ANNOUNCED_EVERY: Duration = Duration::from_secs(20);
/// A host that has not said so for this long is taken for gone.
pub const HOST_GONE: Duration = Duration::from_secs(70);
/// What it has said is removed after this long.
pub const HOST_FORGOTTEN: Duration = Duration::from_secs(24 * 3_600);
/// Most hosts that are listed.
pub const HOSTS_MAX: usize = 100;
/// Largest object of a host, in bytes.
pub const HOST_BYTES_MAX: u64 = 64 << 10;

/// Longest wait for one answer of the object store.
pub const CALL_MAX: Duration = Duration::from_secs(15);
/// How often one call is tried.
pub const CALL_TRIES_MAX: u32 = 4;
/// Pause before the second try; it doubles for each further one.
pub const CALL_PAUSE: Duration = Duration::from_millis(50);
/// How many revisions are read at a time.
pub const READS_AT_ONCE: usize = 16;
/// How often a change is made again because other writers came first.
pub const COMMIT_TRIES_MAX: u32 = 64;

/// Longest wait for a connection to a bucket.
pub const BUCKET_CONNECT_MAX: Duration = Duration::from_secs(5);
/// How often the client of a bucket repeats a request by itself.
pub const BUCKET_RETRIES_MAX: usize = 2;
/// Its pause before that; it grows.
pub const BUCKET_RETRY_PAUSE: Duration = Duration::from_millis(200);

/// A module's bytes are removed when nothing has referred to them for so long, and nobody has written them for so long.
pub const UNUSED_MIN: Duration = Duration::from_secs(24 * 3_600);
/// How long whoever removes a module's bytes may take until the request that does it.
pub const REMOVAL_MAX: Duration = Duration::from_secs(60);
/// When a removal that was begun counts as given up: far longer than any request can be under way.
pub const REMOVAL_ABANDONED: Duration = Duration::from_secs(900);
/// How often a push looks whether a removal of the same bytes is over; the pauses in between double.
pub const REMOVAL_LOOKS_MAX: u32 = 8;
