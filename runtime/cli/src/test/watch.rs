//! Again after each change: looks at the times of files, which works on every file system and needs nothing.

use crate::output::stderr_paint;
use anyhow::Result;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Most files that are looked at.
const FILES_MAX: usize = 10_000;
/// Folders of what is built or fetched.
const SKIPPED: [&str; 7] = [
    "target",
    "node_modules",
    "dist",
    "build",
    "__pycache__",
    "venv",
    "data",
];

type Seen = BTreeMap<PathBuf, Option<SystemTime>>;

/// Run, and again whenever a file changes, until somebody stops it.
pub fn run(
    folder: &Path,
    more: &[PathBuf],
    stop: &AtomicBool,
    mut each: impl FnMut(),
) -> Result<()> {
    let look = || {
        let mut seen = Seen::new();
        for path in std::iter::once(folder).chain(more.iter().map(PathBuf::as_path)) {
            collect(path, &mut seen);
        }
        seen
    };
    while !stop.load(Ordering::Relaxed) {
        each();
        // What the run itself has written is no change.
        let before = look();
        eprintln!(
            "{}",
            stderr_paint().dim("waiting for a change; Ctrl-C ends it")
        );
        while !stop.load(Ordering::Relaxed) && look() == before {
            std::thread::sleep(LOOK_EVERY);
        }
    }
    Ok(())
}

fn collect(path: &Path, seen: &mut Seen) {
    if seen.len() >= FILES_MAX {
        return;
    }
    if !path.is_dir() {
        let modified = path.metadata().and_then(|data| data.modified()).ok();
        seen.insert(path.to_owned(), modified);
        return;
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && !SKIPPED.contains(&name.as_ref()) {
            collect(&entry.path(), seen);
        }
    }
}
