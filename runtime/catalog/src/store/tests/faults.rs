//! Answers that fail, get lost, come late or not at all, and objects that show themselves late.

use super::faulty::{Call, Faulty, Wrong};
use super::*;
use crate::error::Kind;

/// A catalog with `shop` whose object store can be told to fail.
async fn faulty() -> (Arc<Faulty>, Store) {
    let objects = Faulty::memory();
    let store = begin(&objects).await;
    (objects, store)
}

/// The catalog as whoever starts now reads it; nothing more goes wrong.
async fn afresh(objects: &Arc<Faulty>) -> Arc<Catalog> {
    assert_eq!(objects.left(), 0, "all went wrong that should");
    open(objects).await.unwrap().current()
}

#[tokio::test]
async fn a_lost_answer_is_resolved_by_reading_back() {
    for wrong in [
        Wrong::Lose,
        Wrong::FindOwn,
        Wrong::HangDone,
        Wrong::Delay,
        Wrong::Fail,
        Wrong::Hang,
    ] {
        let (objects, store) = faulty().await;
        objects.script(Call::Put, "catalog/log", 0, 1, wrong);
        let committed = store.commit("host", START_MS, count_up).await.unwrap();
        assert_eq!(
            (count(&committed), committed.revision),
            (1, 2),
            "{wrong:?}: made once"
        );
        assert_eq!(afresh(&objects).await, committed, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_resolved_when_the_object_shows_late() {
    let (objects, store) = faulty().await;
    // The first read finds that there is nothing to catch up with.
    objects.script(Call::Get, "00002.json", 1, 2, Wrong::Hide);
    objects.script(Call::Put, "catalog/log", 0, 1, Wrong::Lose);
    let committed = store.commit("host", START_MS, count_up).await.unwrap();
    assert_eq!(committed.revision, 2);
    assert_eq!(afresh(&objects).await, committed);
}

#[tokio::test]
async fn another_writers_object_is_not_mistaken_for_ours() {
    let (objects, store) = faulty().await;
    let other = open(&objects).await.unwrap();
    other.commit("host", START_MS, count_up).await.unwrap();
    // Ours starts without seeing it, and its put is answered by an error that says nothing.
    objects.script(Call::Get, "00002.json", 0, 1, Wrong::Hide);
    objects.script(Call::Put, "catalog/log", 0, 1, Wrong::Fail);
    let committed = store.commit("host", START_MS, count_up).await.unwrap();
    assert_eq!((count(&committed), committed.revision), (2, 3));
    assert_eq!(afresh(&objects).await, committed);
}

#[tokio::test]
async fn what_can_not_be_found_out_is_called_uncertain() {
    let (objects, store) = faulty().await;
    objects.script(Call::Put, "catalog/log", 0, 1, Wrong::Lose);
    objects.script(Call::Put, "catalog/log", 0, 3, Wrong::Fail);
    objects.script(Call::Get, "00002.json", 1, 100, Wrong::Fail);
    let error = store.commit("host", START_MS, count_up).await.unwrap_err();
    insta::assert_snapshot!(error, @"the object store did not confirm `catalog/log/00000000000000000002.json`: Generic Faulty error: connection reset. It is not known whether the change was made: look before you repeat it");
    assert_eq!(error.kind(), Kind::Retry);
    assert_eq!(store.current().revision, 1);
    objects.forget();
    assert_eq!(
        count(&store.refresh().await.unwrap()),
        1,
        "it was made, as it turns out"
    );
}

/// A put that failed for all one could see arrives when its writer has gone on: then it is a change like another's.
#[tokio::test]
async fn a_late_put_is_not_mistaken_for_the_next_one() {
    let (objects, store) = faulty().await;
    objects.script(Call::Put, "catalog/log", 0, 4, Wrong::Delay);
    let error = store.commit("host", START_MS, count_up).await.unwrap_err();
    assert!(matches!(error, Error::Uncertain { .. }), "{error}");
    // The very same change at the same time: only the number of the commit tells them apart.
    let committed = store.commit("host", START_MS, count_up).await.unwrap();
    assert_eq!((count(&committed), committed.revision), (2, 3));
    assert_eq!(afresh(&objects).await, committed);
}

#[tokio::test]
async fn reading_is_tried_again() {
    let (objects, store) = faulty().await;
    store.commit("host", START_MS, count_up).await.unwrap();
    for (call, part) in [
        (Call::Get, "catalog/log"),
        (Call::List, "catalog"),
        (Call::List, "log"),
    ] {
        objects.script(call, part, 0, 3, Wrong::Fail);
        let again = open(&objects).await.unwrap();
        assert_eq!(again.current(), store.current());
    }
    objects.script(Call::Head, "catalog/log", 0, 3, Wrong::Fail);
    store.commit("host", START_MS, count_up).await.unwrap();
    assert_eq!(objects.left(), 0);
}

#[tokio::test]
async fn an_object_store_out_of_reach_is_an_error_that_changes_nothing() {
    let (objects, store) = faulty().await;
    objects.script(Call::Get, "catalog/log", 0, 4, Wrong::Fail);
    let error = store.refresh().await.unwrap_err();
    insta::assert_snapshot!(error, @"the object store failed at `catalog/log/00000000000000000002.json`: Generic Faulty error: connection reset. Nothing was changed; try again");
    assert_eq!(error.kind(), Kind::Retry);
    objects.script(Call::Get, "catalog/log", 0, 1, Wrong::Hang);
    let error = store.refresh().await.unwrap_err();
    insta::assert_snapshot!(error, @"the object store failed at `catalog/log/00000000000000000002.json`: no answer within 100ms. Nothing was changed; try again");
    objects.script(Call::Get, "catalog/log", 0, 1, Wrong::Deny);
    assert_eq!(store.refresh().await.unwrap_err().kind(), Kind::Operator);
    objects.script(Call::Put, "catalog/log", 0, 1, Wrong::Deny);
    let error = store.commit("host", START_MS, count_up).await.unwrap_err();
    insta::assert_snapshot!(error, @"the object store gives no access to `catalog/log/00000000000000000002.json`: The operation lacked the necessary privileges to complete for path catalog/log/00000000000000000002.json: not yours. Check the permissions of the folder or bucket, and the credentials");
    assert_eq!(error.kind(), Kind::Operator);
    assert_eq!(afresh(&objects).await.revision, 1);
    let committed = store.commit("host", START_MS, count_up).await.unwrap();
    assert_eq!(committed.revision, 2, "nothing sticks");
}

/// An answer was lost before access was: the change may be made, and must not be called off.
#[tokio::test]
async fn access_lost_after_an_answer_was_is_uncertain() {
    let (objects, store) = faulty().await;
    objects.script(Call::Put, "catalog/log", 0, 1, Wrong::Lose);
    objects.script(Call::Put, "catalog/log", 0, 3, Wrong::Deny);
    objects.script(Call::Get, "00002.json", 1, 4, Wrong::Deny);
    let error = store.commit("host", START_MS, count_up).await.unwrap_err();
    assert!(matches!(error, Error::Uncertain { .. }), "{error}");
    assert_eq!(afresh(&objects).await.revision, 2);
}

#[tokio::test]
async fn listed_objects_that_show_late_are_waited_for() {
    let (objects, store) = faulty().await;
    store.commit("host", START_MS, count_up).await.unwrap();
    objects.script(Call::Get, "00001.json", 0, 3, Wrong::Hide);
    let again = open(&objects).await.unwrap();
    assert_eq!(again.current(), store.current());
    objects.script(Call::Head, "00002.json", 0, 3, Wrong::Hide);
    store.commit("host", START_MS, count_up).await.unwrap();
    assert_eq!(objects.left(), 0);
}

#[tokio::test]
async fn what_the_listing_does_not_show_yet_is_read_all_the_same() {
    let (objects, store) = faulty().await;
    objects.script(Call::List, "catalog/log", 0, 1, Wrong::Hide);
    let again = open(&objects).await.unwrap();
    assert_eq!((again.current(), objects.left()), (store.current(), 0));
}

#[tokio::test]
async fn a_commit_does_not_depend_on_its_checkpoint() {
    let (objects, store) = faulty().await;
    objects.script(Call::Put, "catalog/checkpoint", 0, 1, Wrong::Fail);
    for _ in 1..crate::limits::CHECKPOINT_REVISIONS {
        store.commit("host", START_MS, count_up).await.unwrap();
    }
    assert_eq!(afresh(&objects).await, store.current());
}

#[tokio::test]
async fn modules_are_put_again_when_that_fails() {
    let (objects, store) = faulty().await;
    let bytes = bytes::Bytes::from_static(b"\0asm");
    let digest = crate::sha256_hex(&bytes);
    for wrong in [Wrong::Fail, Wrong::Lose, Wrong::Hang] {
        objects.script(Call::Put, "modules", 0, 1, wrong);
    }
    store.put_module(&digest, bytes.clone()).await.unwrap();
    assert_eq!(objects.left(), 0);
    assert_eq!(store.module(&digest).await.unwrap(), bytes);
}
