//! kill -9: what is left on disk is the state as of one commit, marker and keys agreeing, whichever commit that is.
#![allow(clippy::unwrap_used)]

use sluicebox_core::state::conformance::scan;
use sluicebox_core::state::{Delta, Marker, MemoryStore, Namespace, StateStore};
use sluicebox_state::{OpenError, Options, Store};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const CHILD: &str = "SLUICEBOX_STATE_TEST_FOLDER";
const ROUNDS: u64 = 8;

/// Buffers so small that they are written out many times a second.
fn options() -> Options {
    Options {
        write_buffer_bytes: 64 << 10,
        ..Options::default()
    }
}

/// What epoch `n` changes: a counter, some larger values, and a whole window dropped now and then.
fn delta(epoch: u64) -> Delta {
    let mut delta = Delta::default();
    let window = |n: u64| Namespace::new(1, 0, (n / 10) as i64);
    if epoch.is_multiple_of(10) && epoch >= 30 {
        delta.drop_namespace(&window(epoch - 30));
    }
    delta.put(&Namespace::new(0, 0, 0), b"count", &epoch.to_le_bytes());
    for n in 0..20u64 {
        // Poorly compressible, so that the buffers fill.
        let seed = (epoch * 31 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let value: Vec<u8> = (0..50)
            .flat_map(|i| (seed.rotate_left(i)).to_le_bytes())
            .collect();
        delta.put(&window(epoch), &(seed % 97).to_be_bytes(), &value);
    }
    delta.delete(&window(epoch), &(epoch % 97).to_be_bytes());
    delta
}

fn marker(epoch: u64) -> Marker {
    Marker {
        lineage: 5,
        epoch,
        generation: 2,
        changelog_next: epoch as i64,
    }
}

/// The process that is killed: applies epochs from where the store is, for ever. Does nothing unless it is told to.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let mut store = Store::open(Path::new(&folder), &options()).unwrap();
    let done = store.marker().unwrap().map_or(0, |marker| marker.epoch);
    for epoch in done + 1.. {
        store.apply(&delta(epoch), marker(epoch)).unwrap();
    }
}

#[test]
fn after_kill_9_the_store_is_a_consistent_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = MemoryStore::new();
    let mut modelled = 0;
    let mut moved = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child"])
            .env(CHILD, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(150 + round * 70));
        let twice = Store::open(folder.path(), &options());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(
            matches!(twice, Err(OpenError::InUse(_))),
            "a second process was let in"
        );

        let store = Store::open(folder.path(), &options()).unwrap();
        let at = store.marker().unwrap().map_or(0, |marker| marker.epoch);
        assert!(at >= modelled, "epoch {at} after {modelled}: went back");
        moved += u64::from(at > modelled);
        for epoch in modelled + 1..=at {
            model.apply(&delta(epoch), marker(epoch)).unwrap();
        }
        modelled = at;
        let (got, want) = (scan(&store, &[], usize::MAX), scan(&model, &[], usize::MAX));
        assert!(got == want, "keys are not those of epoch {at}");
        // Closed without a clean stop of its own: reading alone must not move it.
    }
    assert!(
        moved > ROUNDS / 2,
        "the child was killed too early to matter"
    );
}
