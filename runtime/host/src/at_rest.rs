//! Where a shard was parked, in a file beside its state: a host that starts beside a thousand idle jobs needs no client for
//! each of them to know that they have nothing to do.
//!
//! The file is a hint and may be lost. It is written when the shard has committed everything up to these ends, so that it is
//! true for as long as the ends are the same. It is deleted when the shard starts: a topic that was made again may come to
//! the same ends.

use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

const FILE: &str = "parked.json";

/// Where a shard was parked.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtRest {
    /// Revision of the job's version that ran.
    pub revision: u64,
    /// What it reads.
    pub topic: String,
    /// Ends of its partitions, all committed.
    pub ends: Vec<(i32, i64)>,
}

impl AtRest {
    /// Write it into a shard's folder. It is worth no error: without it, the shard starts once to be parked again.
    pub fn write(&self, folder: &Path) {
        let Ok(text) = serde_json::to_vec(self) else {
            return;
        };
        let part = folder.join(format!("{FILE}.part"));
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&part, text))
            .and_then(|()| std::fs::rename(&part, folder.join(FILE)));
        if written.is_err() {
            let _ = std::fs::remove_file(part);
        }
    }

    /// What the file says, if it is there, can be understood, and was not written longer ago than `age_max`.
    pub fn read(folder: &Path, age_max: Duration) -> Option<Self> {
        let path = folder.join(FILE);
        let age = std::fs::metadata(&path).ok()?.modified().ok()?.elapsed();
        if age.ok()? > age_max {
            return None;
        }
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// The shard starts. A file that stays is no worse than one that is true.
    pub fn forget(folder: &Path) {
        let _ = std::fs::remove_file(folder.join(FILE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_until_it_is_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("shard-0");
        let read = || AtRest::read(&folder, Duration::from_secs(3600));
        assert_eq!(read(), None);
        AtRest::forget(&folder);
        let at_rest = AtRest {
            revision: 7,
            topic: "orders".to_owned(),
            ends: vec![(0, 5), (4, 0)],
        };
        at_rest.write(&folder);
        assert_eq!(read(), Some(at_rest));
        assert_eq!(AtRest::read(&folder, Duration::ZERO), None, "too old");
        std::fs::write(folder.join(FILE), "{\"revision\":7").expect("cut short");
        assert_eq!(read(), None);
        AtRest::forget(&folder);
        assert!(!folder.join(FILE).exists());
    }
}
