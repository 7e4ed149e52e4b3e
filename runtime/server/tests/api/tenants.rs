//! Tenants.

use crate::rig::Rig;
use serde_json::json;
use sluicebox_catalog::Scope;

#[tokio::test]
async fn a_repeated_create_is_idempotent_and_another_one_conflicts() {
    let rig = Rig::new().await;
    let new = json!({"name": "lab", "policy": {"read": ["lab.*"]}, "quotas": {"jobs_max": 2}});
    let first = rig
        .admin("POST", "/v1/tenants", new.clone())
        .await
        .expect(201);
    insta::assert_snapshot!(first.seen(), @r#"
    201 {
      "created_ms": 1767225600000,
      "disabled": false,
      "jobs": 0,
      "modules": 0,
      "name": "lab",
      "policy": {
        "connections": [],
        "groups": [],
        "read": [
          "lab.*"
        ],
        "write": []
      },
      "quotas": {
        "bytes_per_second_max": null,
        "cpu_percent_max": null,
        "instance_memory_bytes_max": 67108864,
        "jobs_max": 2,
        "memory_bytes_max": null,
        "module_bytes_max": 25165824,
        "modules_max": 100,
        "records_per_second_max": null,
        "state_bytes_max": null
      }
    }
    "#);
    let revision = rig.store.current().revision;
    let again = rig.admin("POST", "/v1/tenants", new).await.expect(200);
    assert_eq!(again.text(), first.text());
    assert_eq!(rig.store.current().revision, revision);
    let other = rig
        .admin("POST", "/v1/tenants", json!({"name": "lab"}))
        .await;
    insta::assert_snapshot!(other.seen(), @r#"
    409 {
      "detail": "there is a tenant `lab` already, with another policy or other quotas: change it (PATCH), or choose another name",
      "status": 409,
      "title": "Not in the present state",
      "type": "/problems/conflict"
    }
    "#);
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let rig = Rig::new().await;
    let path = "/v1/tenants/shop";
    let patch =
        json!({"quotas": {"jobs_max": 7, "state_bytes_max": 1000}, "policy": {"groups": ["g"]}});
    let seen = rig.admin("PATCH", path, patch).await.expect(200).json();
    assert_eq!(
        (
            &seen["quotas"]["jobs_max"],
            &seen["quotas"]["state_bytes_max"]
        ),
        (&json!(7), &json!(1000))
    );
    assert_eq!(
        (&seen["policy"]["read"], &seen["policy"]["groups"]),
        (&json!(["*"]), &json!(["g"]))
    );
    let patch = json!({"quotas": {"jobs_max": null, "state_bytes_max": null}});
    let seen = rig
        .admin("PATCH", path, patch.clone())
        .await
        .expect(200)
        .json();
    assert_eq!(
        (
            &seen["quotas"]["jobs_max"],
            &seen["quotas"]["state_bytes_max"]
        ),
        (&json!(100), &json!(null))
    );
    let revision = rig.store.current().revision;
    rig.admin("PATCH", path, patch).await.expect(200);
    assert_eq!(rig.store.current().revision, revision, "nothing changed");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let rig = Rig::new().await;
    let mut said = String::new();
    for (method, body) in [
        ("POST", json!({"name": "Lab"})),
        ("POST", json!({"nam": "lab"})),
        (
            "POST",
            json!({"name": "lab", "policy": {"read": ["sluicebox.*"]}}),
        ),
        ("POST", json!({"name": "lab", "quotas": {"jobs": 1}})),
        ("PATCH", json!({"quotas": {"jobs_max": "many"}})),
        (
            "PATCH",
            json!({"quotas": {"module_bytes_max": 1_u64 << 40}}),
        ),
        ("PATCH", json!({"policy": {"read": ["a*b"]}})),
        ("PATCH", json!({"disable": true})),
    ] {
        let path = match method {
            "POST" => "/v1/tenants",
            _ => "/v1/tenants/shop",
        };
        let reply = rig.admin(method, path, body.clone()).await;
        said.push_str(&format!(
            "{body}\n  {} {}\n",
            reply.status.as_u16(),
            reply.json()["detail"]
        ));
    }
    insta::assert_snapshot!(said, @r#"
    {"name":"Lab"}
      422 "`Lab` is no name for a tenant: names have 1 to 40 characters out of `a`-`z`, `0`-`9` and `-`"
    {"nam":"lab"}
      400 "`nam` is not as expected: unknown field `nam`, expected one of `name`, `policy`, `quotas` at line 1 column 6"
    {"name":"lab","policy":{"read":["sluicebox.*"]}}
      400 "`policy.read[0]` is not as expected: `sluicebox.*` can't be granted: names that begin with `sluicebox.` belong to sluicebox at line 1 column 46"
    {"name":"lab","quotas":{"jobs":1}}
      400 "`quotas.jobs` is not as expected: unknown field `jobs`, expected one of `modules_max`, `jobs_max`, `module_bytes_max`, `instance_memory_bytes_max`, `cpu_percent_max`, `records_per_second_max`, `bytes_per_second_max`, `state_bytes_max`, `memory_bytes_max` at line 1 column 30"
    {"quotas":{"jobs_max":"many"}}
      400 "`jobs_max` is not as expected: invalid type: string \"many\", expected u32"
    {"quotas":{"module_bytes_max":1099511627776}}
      422 "`module_bytes_max` is 1099511627776, and no tenant can be given more than 67108864"
    {"policy":{"read":["a*b"]}}
      400 "`read[0]` is not as expected: `a*b` is no pattern: write a name of up to 249 letters, digits, `.`, `_` and `-`, or a prefix of one followed by a single `*`"
    {"disable":true}
      400 "`disable` is not as expected: unknown field `disable`, expected one of `policy`, `quotas`, `disabled` at line 1 column 10"
    "#);
}

#[tokio::test]
async fn the_installation_sees_all_tenants() {
    let rig = Rig::new().await;
    let view = rig.token(None, "view", &[Scope::View], None).await;
    let seen = rig.get(&view, "/v1/tenants").await.expect(200).json();
    let names: Vec<_> = seen
        .as_array()
        .into_iter()
        .flatten()
        .map(|t| t["name"].clone())
        .collect();
    assert_eq!(names, [json!("bank"), json!("shop")]);
    rig.get(&view, "/v1/tenants/bank").await.expect(200);
    let reply = rig.send(&view, "PATCH", "/v1/tenants/bank", "{}").await;
    assert_eq!(reply.problem(), (403, "scope".to_owned()));
}
