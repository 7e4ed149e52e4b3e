//! Objects that are damaged, gone, of another version, or half written: refused by name, or passed over where they are
//! none of ours.

use super::*;
use crate::change::FORMAT;
use crate::error::Kind;
use crate::fixtures::{next, shop};
use crate::location;
use crate::store::checkpoint;
use object_store::memory::InMemory;

/// A log of three revisions.
async fn three() -> (Arc<InMemory>, Store) {
    let objects = Arc::new(InMemory::new());
    let store = begin(&objects).await;
    for _ in 0..2 {
        store.commit("host", START_MS, count_up).await.unwrap();
    }
    (objects, store)
}

async fn why(objects: &Arc<InMemory>) -> Error {
    let error = open(objects).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Operator);
    error
}

#[tokio::test]
async fn a_gap_is_found() {
    let (objects, _) = three().await;
    delete(&objects, &log_object(2)).await;
    insta::assert_snapshot!(why(&objects).await, @"`catalog/log/00000000000000000002.json` is damaged: it is not there, but revision 3 is, and nothing can be read past the gap. Restore it from a backup");
}

#[tokio::test]
async fn damaged_revisions_are_refused_by_name() {
    let (objects, _) = three().await;
    let good = bytes_of(&objects, &log_object(2)).await;
    put(&objects, &log_object(2), good[..good.len() / 2].to_vec()).await;
    insta::assert_snapshot!(why(&objects).await, @"`catalog/log/00000000000000000002.json` is damaged: EOF while parsing a string at line 1 column 236. Restore it from a backup");
    put(
        &objects,
        &log_object(2),
        bytes_of(&objects, &log_object(3)).await,
    )
    .await;
    insta::assert_snapshot!(why(&objects).await, @"`catalog/log/00000000000000000002.json` is damaged: it holds revision 3. Restore it from a backup");
    let twice = crate::format::encode_revision(&crate::Revision {
        revision: 2,
        ..next(&Catalog::default(), tenant("shop"))
    });
    put(&objects, &log_object(2), twice.unwrap()).await;
    insta::assert_snapshot!(why(&objects).await, @"`catalog/log/00000000000000000002.json` is damaged: the revisions before it do not allow it (there is a tenant `shop` already). Restore it from a backup");
    put(
        &objects,
        &log_object(2),
        vec![b' '; crate::limits::REVISION_BYTES_MAX as usize + 1],
    )
    .await;
    insta::assert_snapshot!(why(&objects).await, @"`catalog/log/00000000000000000002.json` is damaged: it has 16777217 bytes, and no such object has more than 16777216. Restore it from a backup");
}

#[tokio::test]
async fn a_newer_programs_revision_stops_reading_and_writing() {
    let (objects, store) = three().await;
    put(&objects, &log_object(4), r#"{"format": 2, "revision": 4}"#).await;
    insta::assert_snapshot!(why(&objects).await, @"`catalog/log/00000000000000000004.json` has format 2, and this version of sluicebox knows 1: run the version that wrote it, or a newer one");
    let newer = Error::Format {
        object: log_object(4),
        found: u64::from(FORMAT) + 1,
    };
    assert_eq!(store.refresh().await, Err(newer.clone()));
    assert_eq!(store.commit("host", START_MS, count_up).await, Err(newer));
    assert_eq!(
        store.current().revision,
        3,
        "what was read before stays usable"
    );
}

#[tokio::test]
async fn damaged_checkpoints_are_refused_by_name() {
    let (objects, _) = three().await;
    let object = crate::calls::numbered(checkpoint::FOLDER, 2);
    put(&objects, &object, "{}").await;
    insta::assert_snapshot!(why(&objects).await, @"`catalog/checkpoint/00000000000000000002.json` is damaged: missing field `format` at line 1 column 2. Delete it: the log has everything that is in it");
    put(
        &objects,
        &object,
        crate::format::encode_checkpoint(&shop()).unwrap(),
    )
    .await;
    insta::assert_snapshot!(why(&objects).await, @"`catalog/checkpoint/00000000000000000002.json` is damaged: it holds the catalog of revision 7. Delete it: the log has everything that is in it");
    put(&objects, &object, r#"{"format": 2}"#).await;
    insta::assert_snapshot!(why(&objects).await, @"`catalog/checkpoint/00000000000000000002.json` has format 2, and this version of sluicebox knows 1: run the version that wrote it, or a newer one");
    delete(&objects, &object).await;
    assert_eq!(
        open(&objects).await.unwrap().current().revision,
        3,
        "as the advice says"
    );
}

#[tokio::test]
async fn nothing_is_written_after_a_revision_that_is_gone() {
    let (objects, store) = three().await;
    delete(&objects, &log_object(3)).await;
    let error = store.commit("host", START_MS, count_up).await.unwrap_err();
    insta::assert_snapshot!(error, @"`catalog/log/00000000000000000003.json` is damaged: it is gone since it was read. Nothing was written; restore the objects from a backup, then start again");
    assert_eq!(open(&objects).await.unwrap().current().revision, 2);
}

#[tokio::test]
async fn damaged_modules_are_refused_and_healed_by_pushing_again() {
    let (objects, store) = three().await;
    let bytes = bytes::Bytes::from_static(b"\0asm");
    let digest = crate::sha256_hex(&bytes);
    let object = format!("modules/{digest}.wasm");
    insta::assert_snapshot!(store.module(&digest).await.unwrap_err(), @"`modules/cd5d4935a48c0672cb06407bb443bc0087aff947c6b864bac886982c73b3027f.wasm` is damaged: it is not there. Push the module again");
    put(&objects, &object, "\0as").await;
    insta::assert_snapshot!(store.module(&digest).await.unwrap_err(), @"`modules/cd5d4935a48c0672cb06407bb443bc0087aff947c6b864bac886982c73b3027f.wasm` is damaged: its content does not have this digest. Push the module again");
    store.put_module(&digest, bytes.clone()).await.unwrap();
    assert_eq!(store.module(&digest).await.unwrap(), bytes);
}

/// A process killed while it wrote leaves a temporary file; people leave others.
#[tokio::test]
async fn files_that_are_none_of_ours_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let objects = || location::objects(folder.path().to_str().unwrap()).unwrap();
    let store = Store::open(objects()).await.unwrap();
    commit(&store, tenant("shop")).await.unwrap();
    let log = folder.path().join("catalog/log");
    let checkpoints = folder.path().join("catalog/checkpoint");
    std::fs::create_dir_all(&checkpoints).unwrap();
    let half = &std::fs::read(folder.path().join(log_object(1))).unwrap()[..40];
    for stray in [
        "00000000000000000002.json#1",
        "00000000000000000002.json#2",
        "00000000000000000009.json~",
        "2.json",
        "notes.txt",
    ] {
        std::fs::write(log.join(stray), half).unwrap();
        std::fs::write(checkpoints.join(stray), half).unwrap();
    }
    let again = Store::open(objects()).await.unwrap();
    assert_eq!(again.current(), store.current());
    let committed = again.commit("host", START_MS, count_up).await.unwrap();
    assert_eq!(committed.revision, 2);
    assert_eq!(store.refresh().await.unwrap(), committed);
    assert_eq!(Store::open(objects()).await.unwrap().current(), committed);
}
