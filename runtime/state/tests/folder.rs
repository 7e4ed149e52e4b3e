//! What becomes of a folder: kept over a clean stop, refused or discarded when it is damaged, of another version, or
//! in use.
#![allow(clippy::unwrap_used)]

use sluicebox_core::state::conformance::scan;
use sluicebox_core::state::{Delta, Marker, Namespace, StateStore};
use sluicebox_state::{Memory, OpenError, Options, Store};
use std::fs;
use std::path::Path;

fn marker(epoch: u64) -> Marker {
    Marker {
        lineage: 1,
        epoch,
        generation: 1,
        changelog_next: 9,
    }
}

fn filled(folder: &Path) -> Store {
    let mut store = Store::open(folder, &Options::default()).unwrap();
    let mut delta = Delta::default();
    for n in 0..1000u32 {
        delta.put(&Namespace::new(1, 0, 5), &n.to_be_bytes(), &[7; 100]);
    }
    store.apply(&delta, marker(3)).unwrap();
    store
}

fn refused(folder: &Path) -> OpenError {
    match Store::open(folder, &Options::default()) {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

/// Discarding makes an empty store that works, and says why.
fn discarded(folder: &Path) -> String {
    let open = || Store::open_or_discard(folder, &Options::default()).unwrap();
    let mut store = open();
    let why = store.discarded().unwrap().to_string();
    assert_eq!(store.marker(), Ok(None));
    assert_eq!(scan(&store, &[], 9), []);
    store.apply(&Delta::default(), marker(1)).unwrap();
    drop(store);
    let store = open();
    assert!(store.discarded().is_none());
    assert_eq!(store.marker(), Ok(Some(marker(1))));
    why
}

/// RocksDB's table files.
fn tables(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(folder.join("db")).unwrap();
    files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "sst"))
        .collect()
}

#[test]
fn a_clean_stop_keeps_everything() {
    for flush in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path());
        if flush {
            store.flush().unwrap();
            assert!(store.disk_bytes().unwrap() > 0);
        }
        drop(store);
        let store = Store::open(folder.path(), &Options::default()).unwrap();
        assert_eq!(store.marker(), Ok(Some(marker(3))));
        assert_eq!(scan(&store, &[], usize::MAX).len(), 1000);
    }
}

#[test]
fn a_folder_in_use_is_refused_and_not_discarded() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let error = refused(folder.path());
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    assert!(!error.discardable());
    assert!(Store::open_or_discard(folder.path(), &Options::default()).is_err());
    drop(store);
    filled(folder.path());
}

#[test]
fn another_format_is_refused_and_can_be_discarded() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    for format in ["sluicebox-state 2\n", "\u{1b}[31m\u{0}garbage", ""] {
        fs::write(folder.path().join("FORMAT"), format).unwrap();
        let error = refused(folder.path());
        assert!(matches!(error, OpenError::Version { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("Deleting the folder is safe"), "{text}");
        assert!(!text.contains('\u{1b}'), "control characters are escaped");
    }
    discarded(folder.path());
}

#[test]
fn a_database_without_a_format_is_of_another_version() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    fs::remove_file(folder.path().join("FORMAT")).unwrap();
    assert!(matches!(refused(folder.path()), OpenError::Version { .. }));
    discarded(folder.path());
}

#[test]
fn a_missing_table_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    for table in tables(folder.path()) {
        fs::remove_file(table).unwrap();
    }
    let error = refused(folder.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("Deleting the folder is safe"));
    assert!(discarded(folder.path()).contains("is damaged"));
}

#[test]
fn a_manifest_of_garbage_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    for file in fs::read_dir(folder.path().join("db")).unwrap() {
        let path = file.unwrap().path();
        if path.to_string_lossy().contains("MANIFEST") {
            fs::write(path, [0x5a; 300]).unwrap();
        }
    }
    let error = refused(folder.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    discarded(folder.path());
}

#[test]
fn a_flipped_bit_is_an_error_and_never_a_wrong_value() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    for table in tables(folder.path()) {
        let mut bytes = fs::read(&table).unwrap();
        // In the first data block, after the marker's own entry.
        bytes[200] ^= 1;
        fs::write(&table, bytes).unwrap();
    }
    let store = Store::open(folder.path(), &Options::default()).unwrap();
    let key = [&Namespace::new(1, 0, 5).0[..], &3u32.to_be_bytes()].concat();
    let message = store.get(&key).unwrap_err().to_string();
    assert!(message.contains("that is safe"), "{message}");
    drop(store);
    let error = refused(folder.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    discarded(folder.path());
}

#[test]
fn a_discard_that_was_cut_short_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    fs::rename(folder.path().join("db"), folder.path().join("db.discarded")).unwrap();
    let store = Store::open(folder.path(), &Options::default()).unwrap();
    assert_eq!(store.marker(), Ok(None));
    assert!(!folder.path().join("db.discarded").exists());
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_of_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refused(&file);
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
    assert!(!error.discardable());
}

#[test]
fn stores_share_memory() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = Options::default();
    let memory = Memory::new(&options);
    let open = |folder: &Path| Store::open_sharing(folder, &options, &memory).unwrap();
    let (mut one, mut two) = (open(one.path()), open(two.path()));
    let mut delta = Delta::default();
    delta.put(&Namespace::new(1, 0, 5), b"k", &[7; 1_000_000]);
    one.apply(&delta, marker(1)).unwrap();
    let before = memory.write_buffer_usage_bytes();
    two.apply(&delta, marker(1)).unwrap();
    let after = memory.write_buffer_usage_bytes();
    assert!(after >= before + 1_000_000, "{before} then {after}");
}
