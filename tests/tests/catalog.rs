//! The catalog in a bucket: it passes the suite of object stores, and an answer that is lost or refused changes nothing
//! about that.

use anyhow::Result;
use sluicebox_catalog::{Change, Error, Policy, Quotas, Store, conformance, sha256_hex};
use sluicebox_tests::bucket::{How, S3};

#[tokio::test]
async fn a_bucket_conforms() -> Result<()> {
    let s3 = S3::start()?;
    conformance::sharing(s3.objects("sharing")?).await;
    conformance::modules(s3.objects("modules")?).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_race_in_a_bucket() -> Result<()> {
    let s3 = S3::start()?;
    conformance::race([s3.objects("race")?, s3.objects("race")?]).await;
    // The same, while answers are lost.
    s3.fail("PUT", "lossy/catalog/log", 40, How::Lose)?;
    conformance::race([s3.objects("lossy")?, s3.objects("lossy")?]).await;
    Ok(())
}

fn tenant(name: &str) -> Change {
    Change::TenantCreated {
        tenant: name.to_owned(),
        policy: Policy::default(),
        quotas: Quotas::default(),
    }
}

/// What the client repeats by itself finds its own object; with more answers lost it is for us to look.
#[tokio::test]
async fn a_lost_answer_of_a_bucket_is_resolved() -> Result<()> {
    let s3 = S3::start()?;
    let store = Store::open(s3.objects("lost")?).await?;
    for (revision, times) in [(1, 1), (2, 2), (3, 3), (4, 5)] {
        s3.fail("PUT", "catalog/log", times, How::Lose)?;
        let change = tenant(&format!("t-{times}"));
        let made = store.commit("host", 0, |_| Ok(change.clone())).await?;
        assert_eq!(made.revision, revision, "{times} answers lost: made once");
    }
    s3.fail("PUT", "modules", 5, How::Lose)?;
    let (digest, bytes) = (sha256_hex(b"module"), "module".into());
    store.put_module(&digest, bytes).await?;
    assert_eq!(store.module(&digest).await?, "module");
    let again = Store::open(s3.objects("lost")?).await?;
    assert_eq!(again.current().tenants.len(), 4);
    Ok(())
}

#[tokio::test]
async fn a_bucket_that_is_busy_is_asked_again_and_then_given_up() -> Result<()> {
    let s3 = S3::start()?;
    let store = Store::open(s3.objects("busy")?).await?;
    s3.fail("", "catalog/log", 4, How::Refuse)?;
    store.commit("host", 0, |_| Ok(tenant("one"))).await?;
    s3.fail("", "catalog/log", 1_000, How::Refuse)?;
    let error = store.commit("host", 0, |_| Ok(tenant("two"))).await;
    let error = error.expect_err("it does not answer");
    assert!(matches!(error, Error::Objects { .. }), "{error}");
    s3.fail("", "catalog/log", 0, How::Refuse)?;
    let made = store.commit("host", 0, |_| Ok(tenant("two"))).await?;
    assert_eq!(made.revision, 2);
    Ok(())
}

#[tokio::test]
async fn a_bucket_that_ignores_conditions_is_refused() -> Result<()> {
    let s3 = S3::start()?;
    s3.fail("PUT", "", 2, How::Overwrite)?;
    let refused = Store::open(s3.objects("overwriting")?).await;
    assert_eq!(refused.err(), Some(Error::Unconditional));
    Store::open(s3.objects("overwriting")?).await?;
    Ok(())
}
