//! Dead letters: who may see them, and who may give their records back.

use crate::rig::{Rig, spec};
use serde_json::json;
use sluicebox_catalog::Scope;

const LETTERS: &str = "/v1/tenants/shop/jobs/spend/dead-letters";
const REQUEUE: &str = "/v1/tenants/shop/jobs/spend/dead-letters/requeue";

async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.push("valid", "a").await.expect(201);
    let spec = spec("spend") + "dead_letter: { topic: spend-dead }\n";
    rig.deploy("spend", "", spec).await.expect(201);
    rig
}

#[tokio::test]
async fn letters_are_shown_to_whoever_may_look() {
    let rig = rig().await;
    let view = rig.shop(&[Scope::View]).await;
    let reply = rig
        .get(&view, &format!("{LETTERS}?limit=1&operator=valid"))
        .await;
    insta::assert_snapshot!(reply.seen(), @r#"
    200 {
      "count": 2,
      "letters": [
        {
          "error": "no user",
          "key": null,
          "offset": 12,
          "operator": "valid",
          "partition": 0,
          "source_offset": 41,
          "source_partition": 3,
          "timestamp_ms": 1767225600000,
          "value": {
            "bytes": 2,
            "text": "{}"
          },
          "whole": true
        }
      ],
      "more": false
    }
    "#);
    let query = rig.get(&view, &format!("{LETTERS}?newest=1")).await;
    assert_eq!(query.problem(), (400, "request".to_owned()));
    let refused = rig.send(&view, "POST", REQUEUE, "{}").await;
    assert_eq!(refused.problem(), (403, "scope".to_owned()));
    let other = rig
        .token(Some("bank"), "other", &[Scope::Deploy], None)
        .await;
    for (method, path) in [("GET", LETTERS), ("POST", REQUEUE)] {
        let reply = rig.send(&other, method, path, "{}").await;
        assert_eq!(reply.problem(), (404, "missing".to_owned()));
    }
}

#[tokio::test]
async fn requeueing_is_told_and_written_down() {
    let rig = rig().await;
    let deploy = rig.shop(&[Scope::Deploy]).await;
    let dry = rig
        .send(&deploy, "POST", REQUEUE, r#"{"dry_run": true}"#)
        .await;
    insta::assert_snapshot!(dry.seen(), @r#"
    200 {
      "done": false,
      "duplicates": 0,
      "foreign": 0,
      "gone": 0,
      "requeued": {
        "valid": 7
      },
      "topic": "orders",
      "until": {
        "0": 13
      },
      "windows": 0
    }
    "#);
    assert!(!rig.events.all().contains("given back"));
    let body = r#"{"until": {"0": 13}}"#;
    let done = rig.send(&deploy, "POST", REQUEUE, body).await.expect(200);
    assert_eq!(done.json()["done"], true);
    let events = rig.events.all().replace(&deploy[4..14], "ID");
    let last = events.lines().last().unwrap_or_default();
    insta::assert_snapshot!(last, @"7 records were given back to topic spend-in by token ID: POST /v1/tenants/shop/jobs/spend/dead-letters/requeue");
    for wrong in [r#"{"untill": {}}"#, r#"{"until": {"a": 1}}"#, "", "[]"] {
        let reply = rig.send(&deploy, "POST", REQUEUE, wrong).await;
        assert_eq!(reply.status.as_u16(), 400, "{wrong}: {}", reply.text());
    }
}

/// A job may read what its tenant may not write, and write what it may not read.
#[tokio::test]
async fn the_policy_is_asked_again() {
    let rig = rig().await;
    let deploy = rig.shop(&[Scope::Deploy]).await;
    let mut seen = String::new();
    for policy in [
        json!({"read": ["spend-in"], "write": ["*"]}),
        json!({"read": ["*"], "write": ["spend-out", "spend-dead"]}),
    ] {
        let body = json!({ "policy": policy });
        rig.admin("PATCH", "/v1/tenants/shop", body)
            .await
            .expect(200);
        for (method, path) in [("GET", LETTERS), ("POST", REQUEUE)] {
            let reply = rig.send(&deploy, method, path, "{}").await;
            let detail = reply.json()["detail"].clone();
            seen.push_str(&format!("{method} {} {detail}\n", reply.status.as_u16()));
        }
    }
    insta::assert_snapshot!(seen, @r#"
    GET 403 "this tenant may not read topic `spend-dead`, which this needs"
    POST 403 "this tenant may not read topic `spend-dead`, which this needs"
    GET 200 null
    POST 403 "this tenant may not write to topic `spend-in`, which this needs"
    "#);
}
