//! Jobs as they are: what is wanted of them, their status, lag, and end.

use crate::fleet::running;
use crate::rig::{Rig, spec};
use serde_json::{Value, json};
use sluicebox_host::Error;

const SPEND: &str = "/v1/tenants/shop/jobs/spend";

async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.push("valid", "a").await.expect(201);
    rig.deploy("spend", "", spec("spend")).await.expect(201);
    rig
}

#[tokio::test]
async fn a_job_shows_what_is_wanted_and_what_runs() {
    let rig = rig().await;
    rig.fleet
        .running
        .lock()
        .expect("no panic")
        .insert("shop/spend".to_owned(), running());
    let reply = rig.get(&rig.admin, SPEND).await;
    let id = &rig.admin[4..14];
    insta::assert_snapshot!(reply.seen().replace(id, "ID"), @r#"
    200 {
      "desired": "running",
      "hosts": [
        {
          "host": "this",
          "state": "running",
          "url": null,
          "version": 1
        }
      ],
      "job": "spend",
      "status": {
        "shards": [
          {
            "ends": {},
            "epoch": 7,
            "epochs": 0,
            "host": "this",
            "hot_keys": [],
            "last_epoch": {
              "commit_ms": 0,
              "delta_bytes": 0,
              "duration_ms": 0,
              "records": 0
            },
            "ledger": {
              "valid": {
                "absorbed": 0,
                "assigned": 0,
                "dead_lettered": 0,
                "filtered": 0,
                "forwarded": 3,
                "held": 0,
                "in": 3,
                "late": 0,
                "released": 0,
                "skipped": 0
              }
            },
            "operators": {},
            "positions": {
              "0": 90
            },
            "shard": 0,
            "state": "running",
            "state_bytes": 0,
            "times": {
              "back_pressured_ms": 0,
              "busy_ms": 0,
              "cpu_ms": 0,
              "idle_ms": 0,
              "throttled_ms": 0
            },
            "watermarks": {
              "0": 1000
            }
          }
        ],
        "state": "running",
        "version": 1
      },
      "uid": 5,
      "version": 1,
      "versions": [
        {
          "deployed_by": "ID",
          "deployed_ms": 1767225600000,
          "modules": {
            "shop/valid@1": "53b794bfc379139279a438f2053a6f2604dffc6063940a1e61711dbad41b8ca3"
          },
          "plan_hash": "89172c5ae01f289a",
          "version": 1
        }
      ]
    }
    "#);
    let list = rig
        .get(&rig.admin, "/v1/tenants/shop/jobs")
        .await
        .expect(200)
        .json();
    assert_eq!(list, json!([reply.json()]));
}

#[tokio::test]
async fn pause_resume_and_stop_may_be_repeated() {
    let rig = rig().await;
    for (action, desired) in [
        ("pause", "paused"),
        ("resume", "running"),
        ("stop", "stopped"),
    ] {
        let path = format!("{SPEND}/{action}");
        let seen = rig
            .admin("POST", &path, Value::Null)
            .await
            .expect(200)
            .json();
        assert_eq!(seen["desired"], desired);
        let revision = rig.store.current().revision;
        rig.admin("POST", &path, Value::Null).await.expect(200);
        // Only a repeated wish to run is written down: it starts a job that has halted, on every host.
        let written = u64::from(action == "resume");
        assert_eq!(rig.store.current().revision, revision + written);
    }
    rig.admin("POST", "/v1/tenants/shop/jobs/nothing/pause", Value::Null)
        .await
        .expect(404);
}

#[tokio::test]
async fn only_a_stopped_job_is_deleted_and_another_one_has_another_uid() {
    let rig = rig().await;
    let uid = rig.get(&rig.admin, SPEND).await.json()["uid"].clone();
    let reply = rig.admin("DELETE", SPEND, Value::Null).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    409 {
      "detail": "job `shop/spend` is not stopped: stop it first",
      "status": 409,
      "title": "Not in the present state",
      "type": "/problems/conflict"
    }
    "#);
    rig.admin("POST", &format!("{SPEND}/stop"), Value::Null)
        .await
        .expect(200);
    rig.admin("DELETE", SPEND, Value::Null).await.expect(204);
    let reply = rig.admin("DELETE", SPEND, Value::Null).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    404 {
      "detail": "there is no job `shop/spend`",
      "status": 404,
      "title": "Not found",
      "type": "/problems/missing"
    }
    "#);
    rig.deploy("spend", "", spec("spend")).await.expect(201);
    assert_ne!(rig.get(&rig.admin, SPEND).await.json()["uid"], uid);
}

#[tokio::test]
async fn lag_is_by_partition_and_in_all() {
    let rig = rig().await;
    let path = format!("{SPEND}/lag");
    insta::assert_snapshot!(rig.get(&rig.admin, &path).await.seen(), @r#"
    200 {
      "lag": 110,
      "partitions": [
        {
          "committed": 90,
          "end": 100,
          "lag": 10,
          "partition": 0,
          "start": 0,
          "topic": "spend-in"
        },
        {
          "committed": null,
          "end": 100,
          "lag": 100,
          "partition": 1,
          "start": 0,
          "topic": "spend-in"
        }
      ]
    }
    "#);
    *rig.fleet.broken.lock().expect("no panic") = Some(Error::failed("no broker answers"));
    insta::assert_snapshot!(rig.get(&rig.admin, &path).await.seen(), @r#"
    503 {
      "detail": "no broker answers",
      "status": 503,
      "title": "The host can't answer now",
      "type": "/problems/unavailable"
    }
    "#);
}
