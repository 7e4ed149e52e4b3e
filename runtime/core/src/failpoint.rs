//! Named steps at which a test may end the process, to prove that ending there loses and doubles nothing. Without a
//! hook a step costs one load.

use std::sync::OnceLock;

static HOOK: OnceLock<fn(&str)> = OnceLock::new();

/// All steps, in the order in which a shard comes past them.
pub const STEPS: [&str; 12] = [
    "after-init",
    "mid-restore",
    "after-restore",
    "after-claim",
    "mid-epoch",
    "before-changelog",
    "after-changelog",
    "after-flush",
    "after-offsets",
    "after-commit",
    "after-apply",
    "after-switch",
];

/// Set what happens at each step. Only the first call counts.
pub fn install(hook: fn(&str)) {
    // A second hook would be a mistake of the caller without any effect on data; the first one stays.
    let _ = HOOK.set(hook);
}

/// The process has come to this step.
pub fn reach(step: &str) {
    if let Some(hook) = HOOK.get() {
        hook(step);
    }
}
