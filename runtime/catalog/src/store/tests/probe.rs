//! Stores that let an object be created twice are refused; all others are taken, whatever becomes of answers.

use super::faulty::{Call, Faulty, Wrong};
use super::*;
use crate::error::Kind;
use crate::store::probe::OBJECT;

#[tokio::test]
async fn a_store_that_creates_twice_is_refused() {
    let objects = Faulty::memory();
    let again = open(&objects).await;
    assert!(again.is_ok() && open(&objects).await.is_ok());
    delete(&objects, OBJECT).await;
    // Answers as if it had written, twice.
    objects.script(Call::Put, OBJECT, 0, 2, Wrong::Ignore);
    assert_eq!(open(&objects).await.err(), Some(Error::Unconditional));
}

#[tokio::test]
async fn lost_answers_are_no_reason_to_refuse() {
    for wrong in [Wrong::Lose, Wrong::Fail, Wrong::FindOwn, Wrong::Hang] {
        for skip in [0, 1] {
            let objects = Faulty::memory();
            objects.script(Call::Put, OBJECT, skip, 1, wrong);
            open(&objects).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let objects = Faulty::memory();
    objects.script(Call::Put, OBJECT, 0, 1, Wrong::Hide);
    let error = open(&objects).await.err().unwrap();
    insta::assert_snapshot!(error, @"the object store gives no access to `catalog/created-once`: there is no such bucket. Check the permissions of the folder or bucket, and the credentials");
    assert_eq!(error.kind(), Kind::Operator);
    objects.script(Call::Put, OBJECT, 0, 4, Wrong::Fail);
    let error = open(&objects).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Retry);
}
