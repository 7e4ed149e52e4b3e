//! Versions of a job: the expected one, two people at once, and rollbacks.

use crate::deploying::{SPEND, newer, rig};
use crate::rig::{Reply, spec};
use serde_json::json;
use sluicebox_host::Error;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn an_expected_version_has_to_be_the_one() {
    let rig = rig().await;
    let reply = rig
        .deploy("spend", "?expected_version=1", spec("spend"))
        .await;
    insta::assert_snapshot!(reply.expect(409).json()["detail"], @r#""version 1 was expected, and there is no such job""#);
    rig.deploy("spend", "?expected_version=0", spec("spend"))
        .await
        .expect(201);
    let reply = rig.deploy("spend", "?expected_version=0", newer()).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    409 {
      "detail": "version 0 was expected, and version 1 runs: look at what changed, then deploy again",
      "status": 409,
      "title": "Not in the present state",
      "type": "/problems/conflict"
    }
    "#);
    rig.deploy("spend", "?expected_version=1", newer())
        .await
        .expect(200);
}

/// Two people deploy one job at once: both were told what their change means, so only one may come true.
#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_deploys_one_wins() {
    let rig = rig().await;
    rig.deploy("spend", "", spec("spend")).await.expect(201);
    rig.fleet.stall();
    let begun = rig.fleet.begun.load(Ordering::SeqCst);
    let other = newer().replace("spend-out", "elsewhere");
    let all_have_begun = async {
        while rig.fleet.begun.load(Ordering::SeqCst) < begun + 2 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        rig.fleet.go_on();
    };
    let (one, two, ()) = tokio::join!(
        rig.deploy("spend", "", newer()),
        rig.deploy("spend", "", other),
        all_have_begun,
    );
    let mut replies: [Reply; 2] = [one, two];
    replies.sort_by_key(|reply| reply.status);
    assert_eq!(replies[0].status, 200, "{}", replies[0].text());
    insta::assert_snapshot!(replies[1].seen(), @r#"
    409 {
      "detail": "somebody else deployed or deleted job `shop/spend` meanwhile: look at what changed, then deploy again",
      "status": 409,
      "title": "Not in the present state",
      "type": "/problems/conflict"
    }
    "#);
    let job = rig.get(&rig.admin, SPEND).await.expect(200).json();
    assert_eq!(
        (&job["version"], job["versions"].as_array().map(Vec::len)),
        (&json!(2), Some(2))
    );
}

#[tokio::test]
async fn a_rollback_is_a_new_version_that_repeats_an_old_one() {
    let rig = rig().await;
    rig.deploy("spend", "", spec("spend")).await.expect(201);
    rig.deploy("spend", "", newer()).await.expect(200);
    // It must be possible also while Kafka can't be asked.
    *rig.fleet.refuse.lock().expect("no panic") = Some(Error::failed("no broker answers"));
    let path = format!("{SPEND}/rollback");
    let reply = rig
        .admin(
            "POST",
            &path,
            json!({"to_version": 1, "expected_version": 2}),
        )
        .await;
    insta::assert_snapshot!(reply.seen(), @r#"
    200 {
      "changes": [
        "operator `valid`: module shop/valid@2 (c6d335f49edd) becomes shop/valid@1 (53b794bfc379)"
      ],
      "diff": "@@ -2,5 +2,5 @@\n job: spend\n source: { kafka: { topic: spend-in, start: earliest } }\n operators:\n-  - { id: valid, filter: { module: shop/valid@2 } }\n+  - { id: valid, filter: { module: shop/valid@1 } }\n sink: { kafka: { topic: spend-out } }\n",
      "dry_run": false,
      "job": "spend",
      "version": 3
    }
    "#);
    let again = rig
        .admin("POST", &path, json!({"to_version": 1}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&again["version"], &again["changes"]),
        (&json!(3), &json!([]))
    );
    let version = rig
        .get(&rig.admin, &format!("{SPEND}/versions/3"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&version["rollback_of"], &version["spec"]),
        (&json!(1), &json!(spec("spend")))
    );
    let reply = rig.admin("POST", &path, json!({"to_version": 9})).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    404 {
      "detail": "there is no version 9 of job `shop/spend` (any more)",
      "status": 404,
      "title": "Not found",
      "type": "/problems/missing"
    }
    "#);
    let reply = rig
        .admin(
            "POST",
            &path,
            json!({"to_version": 2, "expected_version": 2}),
        )
        .await;
    assert_eq!(reply.problem(), (409, "conflict".to_owned()));
    // What the tenant may do has changed since.
    let policy = json!({"policy": {"read": [], "write": ["*"]}});
    rig.admin("PATCH", "/v1/tenants/shop", policy)
        .await
        .expect(200);
    let reply = rig.admin("POST", &path, json!({"to_version": 2})).await;
    assert_eq!(reply.problem(), (403, "policy".to_owned()));
}
