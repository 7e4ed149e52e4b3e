//! Compiled code on disk. It is machine code that the host will run, so nobody else may have written it: the folder
//! and each file belong to this user alone, and an entry names the module, the engine and its own digest. Whatever
//! does not fit is ignored and compiled again; the cache only ever saves time.

use crate::error::SandboxError;
use crate::inspect::hex;
use crate::sys::effective_uid;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Layout of an entry: this, the key, the SHA-256 of the code, the code.
const MAGIC: &[u8; 8] = b"slcode01";
const SHA256_BYTES: usize = 32;
const HEADER_BYTES: usize = MAGIC.len() + 2 * SHA256_BYTES;
const EXTENSION: &str = "code";
/// A temporary file this old was left by a process that died.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// Names compiled code: module, engine version and settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key([u8; SHA256_BYTES]);

impl Key {
    /// The key of a module, given its digest, on this engine.
    pub(crate) fn new(module_digest: &str, engine: &Engine) -> Self {
        let mut hasher = ShaHasher(Sha256::new());
        module_digest.hash(&mut hasher);
        // Covers wasmtime's version, the target with its CPU features, and every setting that shapes code.
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self(hasher.0.finalize().into())
    }
}

/// Standard hashing into SHA-256: the usual 64 bits would make collisions possible to construct.
struct ShaHasher(Sha256);

impl Hasher for ShaHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    fn finish(&self) -> u64 {
        0 // never asked for: `Key::new` takes the whole digest
    }
}

/// A private folder of compiled code.
pub(crate) struct Cache {
    folder: PathBuf,
    bytes_max: u64,
}

impl Cache {
    /// The cache below `base`, made if it does not exist.
    pub(crate) fn open(base: &Path, bytes_max: u64) -> Result<Self, SandboxError> {
        let folder = base.join("compiled");
        let refuse = |reason: String| {
            Err(SandboxError::CacheFolder {
                folder: folder.clone(),
                reason,
            })
        };
        if let Err(error) = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
        {
            return refuse(error.to_string());
        }
        match fs::symlink_metadata(&folder) {
            Err(error) => refuse(error.to_string()),
            Ok(found) if !found.is_dir() => refuse("it is not a folder".into()),
            Ok(found) if !private(&found) => {
                refuse("others than this user can enter or own it".into())
            }
            Ok(_) => Ok(Self { folder, bytes_max }),
        }
    }

    /// The component compiled before, if there is a sound entry.
    #[allow(unsafe_code)]
    pub(crate) fn load(&self, key: Key, engine: &Engine) -> Option<Component> {
        let code = self.read(key).ok().flatten()?;
        // SAFETY: the bytes were produced by `Component::serialize` of this program: they lay in a folder and a file
        // that only this user can write, and carry the digest they were written with. They are in memory now, so
        // nobody can change them any more. The engine itself checks its version and settings.
        unsafe { Component::deserialize(engine, &code) }.ok()
    }

    fn read(&self, key: Key) -> io::Result<Option<Vec<u8>>> {
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(self.path(key))?;
        let found = file.metadata()?;
        if !found.is_file() || !private(&found) || found.len() > self.bytes_max {
            return Ok(None);
        }
        let mut entry = Vec::with_capacity(found.len() as usize);
        file.read_to_end(&mut entry)?;
        if entry.len() < HEADER_BYTES
            || entry[..HEADER_BYTES] != header(key, &entry[HEADER_BYTES..])
        {
            return Ok(None);
        }
        mark_used(&file);
        Ok(Some(entry.split_off(HEADER_BYTES)))
    }

    /// Keep a component for the next time. Failure (disk full, say) costs only that next compilation.
    pub(crate) fn store(&self, key: Key, component: &Component) {
        if let Ok(code) = component.serialize()
            && self.write(key, &code).is_ok()
        {
            let _ = self.prune();
        }
    }

    /// Whole or not at all: written aside, then renamed.
    fn write(&self, key: Key, code: &[u8]) -> io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let aside = self.folder.join(format!(
            "{}-{}.tmp",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        ));
        let written = write_new(&aside, &[&header(key, code), code])
            .and_then(|()| fs::rename(&aside, self.path(key)));
        if written.is_err() {
            let _ = fs::remove_file(&aside);
        }
        written
    }

    fn prune(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let file = file?;
            let (path, about) = (file.path(), file.metadata()?);
            let used = about.modified()?;
            let entry = path.extension().is_some_and(|e| e == EXTENSION);
            if entry {
                entries.push((used, about.len(), path));
            } else if used.elapsed().is_ok_and(|age| age > ABANDONED_AFTER) {
                fs::remove_file(path)?;
            }
        }
        entries.sort();
        let mut total: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in entries {
            if total <= self.bytes_max {
                break;
            }
            fs::remove_file(path)?;
            total -= bytes;
        }
        Ok(())
    }

    fn path(&self, key: Key) -> PathBuf {
        self.folder.join(hex(&key.0)).with_extension(EXTENSION)
    }
}

fn write_new(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

fn header(key: Key, code: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (magic, rest) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(MAGIC);
    let (name, digest) = rest.split_at_mut(SHA256_BYTES);
    name.copy_from_slice(&key.0);
    digest.copy_from_slice(&Sha256::digest(code));
    header
}

/// Entries are removed by the age of their last use, and how old a file is has no say in any result.
#[allow(clippy::disallowed_methods)]
fn mark_used(file: &File) {
    let _ = file.set_modified(SystemTime::now());
}

/// Ours, and closed to everyone else.
fn private(about: &fs::Metadata) -> bool {
    about.uid() == effective_uid() && about.mode() & 0o077 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const KEY: Key = Key([7; SHA256_BYTES]);

    fn cache(bytes_max: u64) -> (tempfile::TempDir, Cache) {
        let base = tempfile::tempdir().unwrap();
        let cache = Cache::open(base.path(), bytes_max).unwrap();
        (base, cache)
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let (_base, cache) = cache(1 << 20);
        assert!(cache.read(KEY).is_err(), "nothing there yet");
        cache.write(KEY, b"machine code").unwrap();
        assert_eq!(cache.read(KEY).unwrap().unwrap(), b"machine code");
        assert!(cache.read(Key([8; SHA256_BYTES])).is_err());
    }

    #[test]
    fn damaged_renamed_and_open_entries_are_ignored() {
        let (_base, cache) = cache(1 << 20);
        cache.write(KEY, b"machine code").unwrap();
        let whole = fs::read(cache.path(KEY)).unwrap();

        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for damaged in [&flipped[..], &whole[..whole.len() - 1], &whole[..10], b""] {
            fs::write(cache.path(KEY), damaged).unwrap();
            assert_eq!(cache.read(KEY).unwrap(), None);
        }

        let other = Key([8; SHA256_BYTES]);
        fs::write(cache.path(KEY), &whole).unwrap();
        fs::rename(cache.path(KEY), cache.path(other)).unwrap();
        assert_eq!(
            cache.read(other).unwrap(),
            None,
            "an entry of another module"
        );

        cache.write(KEY, b"machine code").unwrap();
        fs::set_permissions(cache.path(KEY), fs::Permissions::from_mode(0o620)).unwrap();
        assert_eq!(
            cache.read(KEY).unwrap(),
            None,
            "others could have written it"
        );

        fs::remove_file(cache.path(KEY)).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", cache.path(KEY)).unwrap();
        assert!(cache.read(KEY).is_err(), "links are not followed");
    }

    #[test]
    fn the_folder_is_private_or_refused() {
        let (base, cache) = cache(1 << 20);
        let mode = fs::metadata(&cache.folder).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o700);
        fs::set_permissions(&cache.folder, fs::Permissions::from_mode(0o755)).unwrap();
        let refused = Cache::open(base.path(), 1 << 20).err().unwrap();
        assert!(
            refused.to_string().contains("others than this user"),
            "{refused}"
        );
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let (_base, cache) = cache(300);
        let keys = [1, 2, 3, 4].map(|n| Key([n; SHA256_BYTES]));
        for (age, key) in keys.iter().enumerate() {
            cache.write(*key, &[0; 28]).unwrap();
            let used = SystemTime::UNIX_EPOCH + Duration::from_secs(age as u64);
            let file = OpenOptions::new()
                .write(true)
                .open(cache.path(*key))
                .unwrap();
            file.set_modified(used).unwrap();
        }
        cache.read(keys[0]).unwrap();
        cache.prune().unwrap();
        let there = keys.map(|key| cache.path(key).exists());
        assert_eq!(
            there,
            [true, false, true, true],
            "100 bytes each, room for 300, one just used"
        );
    }
}
