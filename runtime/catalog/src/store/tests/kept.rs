//! What is written is what is read: commits, checkpoints, modules, and being told of news.

use super::*;
use crate::digest::sha256_hex;
use crate::fixtures::digest;
use crate::limits::{CHECKPOINT_REVISIONS, CHECKPOINTS_KEPT};
use crate::store::checkpoint;
use futures_util::TryStreamExt;
use object_store::memory::InMemory;

#[tokio::test]
async fn what_one_commits_another_reads() {
    let objects = Arc::new(InMemory::new());
    let (one, other) = (begin(&objects).await, open(&objects).await.unwrap());
    let mut news = other.watch();
    assert!(!news.has_changed().unwrap());
    let committed = one.commit("host", START_MS, count_up).await.unwrap();
    assert_eq!((committed.revision, count(&committed)), (2, 1));
    assert_eq!(one.current(), committed);
    assert_eq!(other.current().revision, 1, "not before it looks");
    assert_eq!(other.refresh().await.unwrap(), committed);
    assert!(news.has_changed().unwrap());
    assert_eq!(*news.borrow_and_update(), committed);
    other.refresh().await.unwrap();
    assert!(!news.has_changed().unwrap(), "no news is no news");
    assert_eq!(open(&objects).await.unwrap().current(), committed);
}

#[tokio::test]
async fn refused_and_needless_changes_write_nothing() {
    let objects = Arc::new(InMemory::new());
    let store = begin(&objects).await;
    let refused = commit(&store, tenant("shop")).await.unwrap_err();
    assert!(
        matches!(refused, Error::Refused(Refused::Conflict { .. })),
        "{refused}"
    );
    let by_make = store.commit("host", START_MS, |_| {
        Err::<Change, _>(Refused::missing("x"))
    });
    assert!(by_make.await.is_err());
    let nothing = store.commit("host", START_MS, |_| Ok(None)).await.unwrap();
    assert_eq!(nothing.revision, 1);
    assert_eq!(open(&objects).await.unwrap().current().revision, 1);
}

#[tokio::test]
async fn checkpoints_and_the_log_tell_the_same() {
    let objects = Arc::new(InMemory::new());
    let store = begin(&objects).await;
    let revisions = CHECKPOINT_REVISIONS * (CHECKPOINTS_KEPT as u64 + 1) + 3;
    for _ in 1..revisions {
        store.commit("host", START_MS, count_up).await.unwrap();
    }
    let prefix = Path::from(checkpoint::FOLDER);
    let found: Vec<_> = objects.list(Some(&prefix)).try_collect().await.unwrap();
    assert_eq!(found.len(), CHECKPOINTS_KEPT);
    let newest = found.iter().max_by_key(|about| &about.location).unwrap();
    assert!(
        newest
            .location
            .as_ref()
            .contains(&(revisions - 3).to_string())
    );

    let from_checkpoint = open(&objects).await.unwrap().current();
    assert_eq!(from_checkpoint, store.current());
    assert_eq!(from_checkpoint.revision, revisions);
    // What a checkpoint holds is not read again ...
    let held = log_object(revisions - 3);
    let good = bytes_of(&objects, &held).await;
    put(&objects, &held, "{}").await;
    assert_eq!(open(&objects).await.unwrap().current(), from_checkpoint);
    put(&objects, &held, good).await;
    // ... and says the same when there is none.
    for about in found {
        delete(&objects, about.location.as_ref()).await;
    }
    assert_eq!(open(&objects).await.unwrap().current(), from_checkpoint);
}

#[tokio::test]
async fn modules_are_kept_by_their_digest() {
    let objects = Arc::new(InMemory::new());
    let store = open(&objects).await.unwrap();
    let bytes = bytes::Bytes::from_static(b"\0asm");
    let own = sha256_hex(&bytes);
    store.put_module(&own, bytes.clone()).await.unwrap();
    store.put_module(&own, bytes.clone()).await.unwrap();
    assert_eq!(store.module(&own).await.unwrap(), bytes);
    let wrong = store.put_module(&digest(1), bytes).await;
    assert!(matches!(wrong, Err(Error::Refused(_))));
    let outside = store.module("../../catalog/log/1").await;
    assert!(matches!(
        outside,
        Err(Error::Refused(Refused::Missing { .. }))
    ));
    let large = vec![0; crate::limits::MODULE_BYTES_MAX as usize + 1];
    let large_digest = sha256_hex(&large);
    let large = store.put_module(&large_digest, large.into()).await;
    assert!(matches!(large, Err(Error::Refused(_))));
}
