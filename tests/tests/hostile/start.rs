//! Before the first record: loading, the cache of compiled code, and `init`.

use crate::{SANDBOX, guest, rows, start, start_logging, trap};
use sluicebox_core::udf::CallError;
use sluicebox_wasm::{Kind, ModuleError, Sandbox, Settings};
use std::fs;
use std::path::Path;
use std::sync::Arc;

#[test]
fn a_config_is_refused_before_anything_starts() {
    let refused = |mode| match start_logging(Kind::Filter, mode, Arc::new(|_, _| {})).err() {
        Some(CallError::Module(text)) => text,
        other => panic!("{mode}: {other:?}"),
    };
    assert_eq!(
        refused("refuse"),
        "the module refuses its config: no currency\u{fffd}[31m given"
    );
    assert!(
        refused("init loops").starts_with("the module failed in `init`: used more than 200 ms")
    );
    assert!(refused("init panics").starts_with("the module failed in `init`: panicked"));
}

#[test]
fn a_start_that_never_ends_fails_within_its_deadline() {
    let module = SANDBOX.load(&guest("spinner")).unwrap();
    let started = SANDBOX.instantiate(&module, Kind::Filter, "null", Arc::new(|_, _| {}));
    let Err(CallError::Module(text)) = started else {
        panic!("it started");
    };
    assert!(
        text.starts_with("the module does not start: used more than 200 ms"),
        "{text}"
    );
}

#[test]
fn unknown_imports_are_refused_with_what_there_is() {
    match SANDBOX.load(&guest("stranger")) {
        Err(ModuleError::Import { name, .. }) => assert_eq!(name, "tests:stranger/clock"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_module_is_used_only_as_what_it_is() {
    let module = SANDBOX.load(&guest("spinner")).unwrap();
    let refused = SANDBOX
        .instantiate(&module, Kind::Map, "null", Arc::new(|_, _| {}))
        .err();
    let Some(CallError::Module(text)) = refused else {
        panic!("{refused:?}");
    };
    assert!(text.contains("is no map: it exports filter"), "{text}");
    assert!(matches!(
        start(Kind::Filter, "").map(&rows(1)),
        Err(CallError::Module(_))
    ));
}

#[test]
fn a_wrong_type_is_refused_with_both_types() {
    let Err(ModuleError::Export(text)) = SANDBOX.load(&guest("impostor")) else {
        panic!("it loads");
    };
    assert!(
        text.contains("it is func(value: list<u8>) -> bool, and must be func(input: record{"),
        "{text}"
    );
}

#[test]
fn every_cut_and_many_flipped_bits_are_refused_or_harmless() {
    let whole = guest("spinner");
    for cut in (0..whole.len()).step_by(97) {
        assert!(SANDBOX.load(&whole[..cut]).is_err(), "cut at {cut}");
    }
    for at in (0..whole.len()).step_by(211) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x11;
        // Some bits do not matter (names, constants); none may bring the host down.
        let _ = sluicebox_wasm::inspect(&flipped);
    }
}

fn sandbox_with_cache(folder: &Path) -> Arc<Sandbox> {
    Sandbox::new(Settings {
        cache_dir: Some(folder.to_path_buf()),
        ..Settings::default()
    })
    .unwrap()
}

#[test]
fn compiled_code_is_kept_and_never_trusted_when_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = guest("hostile");
    let load = || {
        sandbox_with_cache(folder.path())
            .load(&bytes)
            .unwrap()
            .is_from_cache()
    };
    assert!(!load(), "compiled");
    assert!(load(), "kept");

    let entries: Vec<_> = fs::read_dir(folder.path().join("compiled"))
        .unwrap()
        .collect();
    assert_eq!(entries.len(), 1);
    let entry = entries[0].as_ref().unwrap().path();
    let mut code = fs::read(&entry).unwrap();
    let middle = code.len() / 2;
    code[middle] ^= 1;
    fs::write(&entry, &code).unwrap();
    assert!(!load(), "damaged, so compiled again");
    assert!(load(), "and replaced");
    fs::write(&entry, b"").unwrap();
    assert!(!load());
}

#[test]
fn the_same_module_is_loaded_once_and_works_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = guest("hostile");
    drop(sandbox_with_cache(folder.path()).load(&bytes).unwrap());
    let sandbox = sandbox_with_cache(folder.path());
    let (one, two) = (sandbox.load(&bytes).unwrap(), sandbox.load(&bytes).unwrap());
    assert!(Arc::ptr_eq(&one, &two) && one.is_from_cache());
    let mut udf = sandbox
        .instantiate(&one, Kind::Filter, "null", Arc::new(|_, _| {}))
        .unwrap();
    assert_eq!(udf.filter(&rows(1)).unwrap().bitmap, [1]);
}

#[test]
fn an_instance_outlives_its_sandbox_and_keeps_its_deadline() {
    let sandbox = sandbox_with_cache(tempfile::tempdir().unwrap().path());
    let module = sandbox.load(&guest("hostile")).unwrap();
    let mut udf = sandbox
        .instantiate(&module, Kind::Filter, "loop", Arc::new(|_, _| {}))
        .unwrap();
    drop((module, sandbox));
    assert!(trap(udf.filter(&rows(1))).contains("1000 ms of CPU time"));
}
