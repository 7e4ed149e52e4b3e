//! Deploying: what a spec may say on a host, dry runs and differences.

use crate::rig::{Rig, spec};
use serde_json::{Value, json};
use sluicebox_host::Error;

pub const SPEND: &str = "/v1/tenants/shop/jobs/spend";

pub async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.push("valid", "a").await.expect(201);
    rig.push("valid", "b").await.expect(201);
    rig
}

pub fn newer() -> String {
    spec("spend").replace("valid@1", "valid@2")
}

#[tokio::test]
async fn a_new_job_then_a_new_version_then_nothing() {
    let rig = rig().await;
    let first = rig.deploy("spend", "", spec("spend")).await;
    insta::assert_snapshot!(first.seen(), @r#"
    201 {
      "changes": [
        "the job is new"
      ],
      "diff": "",
      "dry_run": false,
      "job": "spend",
      "version": 1
    }
    "#);
    let checked = rig.fleet.checked.lock().expect("no panic").join("\n");
    assert!(
        checked.contains("tenant: \"shop\", job: \"spend\", uid: None"),
        "{checked}"
    );
    assert!(checked.contains("connection: \"default\""), "{checked}");
    let second = rig.deploy("spend", "", newer()).await;
    insta::assert_snapshot!(second.seen(), @r#"
    200 {
      "changes": [
        "operator `valid`: module shop/valid@1 (53b794bfc379) becomes shop/valid@2 (c6d335f49edd)"
      ],
      "diff": "@@ -2,5 +2,5 @@\n job: spend\n source: { kafka: { topic: spend-in, start: earliest } }\n operators:\n-  - { id: valid, filter: { module: shop/valid@1 } }\n+  - { id: valid, filter: { module: shop/valid@2 } }\n sink: { kafka: { topic: spend-out } }\n",
      "dry_run": false,
      "job": "spend",
      "version": 2
    }
    "#);
    let revision = rig.store.current().revision;
    let third = rig.deploy("spend", "?expected_version=1", newer()).await;
    insta::assert_snapshot!(third.seen(), @r#"
    200 {
      "changes": [],
      "diff": "",
      "dry_run": false,
      "job": "spend",
      "version": 2
    }
    "#);
    assert_eq!(rig.store.current().revision, revision);
    let version = rig
        .get(&rig.admin, &format!("{SPEND}/versions/1"))
        .await
        .expect(200);
    assert_eq!(version.json()["spec"], spec("spend"));
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let rig = rig().await;
    let dry = rig
        .deploy("spend", "?dry_run=true", spec("spend"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&dry["version"], &dry["dry_run"]),
        (&json!(1), &json!(true))
    );
    rig.get(&rig.admin, SPEND).await.expect(404);
    rig.deploy("spend", "", spec("spend")).await.expect(201);
    let revision = rig.store.current().revision;
    let dry = rig
        .deploy("spend", "?dry_run=true", newer())
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&dry["version"], &dry["dry_run"]),
        (&json!(2), &json!(true))
    );
    assert!(
        dry["diff"]
            .as_str()
            .is_some_and(|d| d.contains("+  - { id: valid, filter: { module: shop/valid@2 } }"))
    );
    assert_eq!(rig.store.current().revision, revision);
}

#[tokio::test]
async fn problems_of_a_spec_have_places() {
    let rig = rig().await;
    let bad = spec("spend")
        .replace("sink:", "snik:")
        .replace("earliest", "earlyest");
    let reply = rig.deploy("spend", "", bad).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    422 {
      "detail": "the job spec has 3 problems",
      "problems": [
        {
          "column": 1,
          "help": "say where results go, such as `sink: { kafka: { topic: spend } }` or `sink: stdout`",
          "line": 1,
          "message": "`sink` is missing",
          "path": ""
        },
        {
          "column": 44,
          "help": "did you mean `earliest`?",
          "line": 3,
          "message": "expected `earliest` or `latest`, found `earlyest`",
          "path": "source.kafka.start"
        },
        {
          "column": 1,
          "help": "did you mean `sink`?",
          "line": 6,
          "message": "unknown key `snik`",
          "path": ""
        }
      ],
      "status": 422,
      "title": "The job spec is refused",
      "type": "/problems/spec"
    }
    "#);
    let reply = rig.deploy("spend", "", spec("other")).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    422 {
      "detail": "the job spec has a problem",
      "problems": [
        {
          "help": "a job's name stays; deploy another one under its own name",
          "message": "the spec is of job `other`, and the request of job `spend`",
          "path": "job"
        }
      ],
      "status": 422,
      "title": "The job spec is refused",
      "type": "/problems/spec"
    }
    "#);
    // A host has no variables: whatever its environment holds is not the tenant's.
    let reply = rig
        .deploy("spend", "", spec("spend").replace("spend-in", "'${HOME}'"))
        .await;
    insta::assert_snapshot!(reply.seen(), @r#"
    422 {
      "detail": "the job spec has a problem",
      "problems": [
        {
          "column": 27,
          "help": "set it, or give a default: `${HOME:-...}`",
          "line": 3,
          "message": "the variable `HOME` is not set",
          "path": "source.kafka.topic"
        }
      ],
      "status": 422,
      "title": "The job spec is refused",
      "type": "/problems/spec"
    }
    "#);
    let reply = rig.deploy("spend", "", &b"job: \xff"[..]).await;
    assert_eq!(reply.problem(), (400, "request".to_owned()));
}

#[tokio::test]
async fn a_host_runs_topics_and_pushed_modules_only() {
    let rig = rig().await;
    let text = "
apiVersion: sluicebox/v1
job: spend
source: { file: { path: /etc/passwd } }
operators:
  - { id: a, filter: { module: ./valid.wasm } }
  - { id: b, map: { module: shop/valid@9 } }
sinks:
  - { id: x, from: a, file: { path: /tmp/x } }
  - { id: y, from: b, stdout: {} }
kafka: { bootstrap_servers: '169.254.169.254:80' }
";
    insta::assert_snapshot!(rig.deploy("spend", "", text).await.seen(), @r#"
    422 {
      "detail": "the job spec has 6 problems",
      "problems": [
        {
          "help": "use topics, or run the job with `sluicebox run`",
          "message": "a job on a host reads a topic",
          "path": "source"
        },
        {
          "help": "use topics, or run the job with `sluicebox run`",
          "message": "sink `x`: a job on a host writes to topics",
          "path": "sinks"
        },
        {
          "help": "use topics, or run the job with `sluicebox run`",
          "message": "sink `y`: a job on a host writes to topics",
          "path": "sinks"
        },
        {
          "help": "push it (`sluicebox push`), then write `NAME@VERSION`",
          "message": "`./valid.wasm` is a file, and a job on a host runs pushed modules",
          "path": "operators[0].filter.module"
        },
        {
          "help": "push it first (`sluicebox push`), or correct name and version",
          "message": "there is no module `shop/valid@9`",
          "path": "operators[1].map.module"
        },
        {
          "help": "write `kafka: NAME`; the host's connections: `default`, `main`, `other`",
          "message": "no connection of this host has these `bootstrap_servers`",
          "path": "kafka"
        }
      ],
      "status": 422,
      "title": "The job spec is refused",
      "type": "/problems/spec"
    }
    "#);
}

#[tokio::test]
async fn a_policy_says_which_topics() {
    let rig = rig().await;
    let policy =
        json!({"policy": {"read": ["orders"], "write": ["shop.*"], "connections": ["main"]}});
    rig.admin("PATCH", "/v1/tenants/shop", policy)
        .await
        .expect(200);
    let grouped = format!("{}group: audit\n", spec("spend"));
    let reply = rig.deploy("spend", "", grouped).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    403 {
      "detail": "this tenant's jobs may not read topic `spend-in`, nor write to topic `spend-out`, nor use group `audit`, nor use the Kafka connection `default`",
      "help": "whoever runs the installation can change the tenant's policy",
      "status": 403,
      "title": "The tenant's policy does not allow this",
      "type": "/problems/policy"
    }
    "#);
    // Internal topics are never to be had, whatever a policy says.
    let reading = spec("spend").replace("spend-in", "sluicebox.local.x.1.changelog");
    let policy = json!({"policy": {"read": ["*"], "write": ["*"]}});
    rig.admin("PATCH", "/v1/tenants/shop", policy)
        .await
        .expect(200);
    let reply = rig
        .deploy("spend", "", format!("{reading}kafka: main\n"))
        .await;
    assert_eq!(
        reply.problem(),
        (403, "policy".to_owned()),
        "{}",
        reply.text()
    );
    let writing = spec("spend").replace("spend-out", "sluicebox.local.x.1.changelog");
    let reply = rig.deploy("spend", "", writing).await;
    assert_eq!(
        reply.problem(),
        (422, "spec".to_owned()),
        "{}",
        reply.text()
    );
}

#[tokio::test]
async fn the_data_plane_has_a_say() {
    let rig = rig().await;
    let mut said = String::new();
    for error in [
        Error::input("no such topic: `spend-in`. Create what is missing."),
        Error::halted("the job has 3 shards\nSet `shards: 3`."),
        Error::failed("no broker answers"),
    ] {
        *rig.fleet.refuse.lock().expect("no panic") = Some(error);
        said.push_str(&rig.deploy("spend", "", spec("spend")).await.seen());
        said.push('\n');
    }
    insta::assert_snapshot!(said, @r#"
    422 {
      "detail": "no such topic: `spend-in`. Create what is missing.",
      "status": 422,
      "title": "Not acceptable as it is",
      "type": "/problems/invalid"
    }
    409 {
      "detail": "the job has 3 shards",
      "help": "Set `shards: 3`.",
      "status": 409,
      "title": "Not in the present state",
      "type": "/problems/conflict"
    }
    503 {
      "detail": "no broker answers",
      "status": 503,
      "title": "The host can't answer now",
      "type": "/problems/unavailable"
    }
    "#);
    rig.get(&rig.admin, SPEND).await.expect(404);
}

#[tokio::test]
async fn quotas_hold() {
    let rig = rig().await;
    rig.admin(
        "PATCH",
        "/v1/tenants/shop",
        json!({"quotas": {"jobs_max": 1}}),
    )
    .await
    .expect(200);
    rig.deploy("spend", "", spec("spend")).await.expect(201);
    let reply = rig.deploy("other", "", spec("other")).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    403 {
      "detail": "this tenant has 1 jobs, the most it may have: delete one, or ask for a larger `jobs_max`",
      "status": 403,
      "title": "The tenant's quota is used up",
      "type": "/problems/quota"
    }
    "#);
}

/// What specs allow is counted, that of jobs that stand too; the job's own version before is not.
#[tokio::test]
async fn memory_for_state_is_shared_by_a_tenants_jobs() {
    let rig = rig().await;
    let quotas = json!({"quotas": {"memory_bytes_max": 200u64 << 20}});
    rig.admin("PATCH", "/v1/tenants/shop", quotas)
        .await
        .expect(200);
    let sized = |job: &str, overlay: u32| {
        let spec = spec(job);
        format!(
            "{spec}shards: 2\nepoch: {{ overlay_max: {overlay}MiB }}\nstate: {{ rocksdb: {{ memory: 16MiB }} }}\n"
        )
    };
    let reply = rig.deploy("spend", "", spec("spend")).await.expect(403);
    assert!(reply.text().contains("memory_bytes_max"), "the defaults");
    rig.deploy("spend", "", sized("spend", 10))
        .await
        .expect(201);
    rig.deploy("spend", "", sized("spend", 9)).await.expect(200);
    rig.admin("POST", &format!("{SPEND}/stop"), Value::Null)
        .await
        .expect(200);
    let reply = rig.deploy("other", "", sized("other", 8)).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    403 {
      "detail": "the job's state may take 100663296 bytes of memory by its spec (five times `epoch.overlay_max` for each shard, and what `state` gives RocksDB), that of the tenant's other jobs 111149056, and together they may take 209715200: set them lower, delete jobs that are not needed, or ask for a larger `memory_bytes_max`",
      "status": 403,
      "title": "The tenant's quota is used up",
      "type": "/problems/quota"
    }
    "#);
    rig.deploy("other", "?dry_run=true", sized("other", 8))
        .await
        .expect(403);
    rig.deploy("other", "", sized("other", 7)).await.expect(201);
}

#[tokio::test]
async fn secrets_of_the_host_are_in_no_answer() {
    let rig = rig().await;
    let named = format!("{}kafka: main\n", spec("spend"));
    let mut said = rig.deploy("spend", "", named).await.expect(201).text();
    said.push_str(&rig.fleet.checked.lock().expect("no panic").join("\n"));
    for path in [
        SPEND.to_owned(),
        format!("{SPEND}/versions/1"),
        "/metrics".to_owned(),
    ] {
        said.push_str(&rig.get(&rig.admin, &path).await.expect(200).text());
    }
    let secret = spec("spend")
        + "kafka: { bootstrap_servers: 'kafka:9092', properties: { sasl.password: mine } }\n";
    let reply = rig.deploy("spend", "", secret).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    422 {
      "detail": "the job spec has a problem",
      "problems": [
        {
          "help": "write `kafka: NAME`; the host's connections: `default`, `main`, `other`",
          "message": "credentials and properties of Kafka belong to the host, not to a job's spec",
          "path": "kafka"
        }
      ],
      "status": 422,
      "title": "The job spec is refused",
      "type": "/problems/spec"
    }
    "#);
    said.push_str(&rig.admin("GET", "/v1/tokens", Value::Null).await.text());
    assert!(
        !said.contains("hunter2") && !said.contains(&rig.admin),
        "{said}"
    );
}
