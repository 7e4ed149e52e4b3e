//! Modules: what is refused at upload, what a repeated push does, and versions.

use crate::fleet::module;
use crate::rig::{Rig, spec};
use serde_json::{Value, json};
use sluicebox_host::Error;
use std::sync::atomic::Ordering;

const VALID: &str = "/v1/tenants/shop/modules/valid";

#[tokio::test]
async fn a_push_is_a_version_and_a_repeated_one_is_none() {
    let rig = Rig::new().await;
    let first = rig.push("valid", "a").await.expect(201);
    let id = &rig.admin[4..14];
    insta::assert_snapshot!(first.seen().replace(id, "ID"), @r#"
    201 {
      "digest": "53b794bfc379139279a438f2053a6f2604dffc6063940a1e61711dbad41b8ca3",
      "exports": [
        "sluicebox:udf/filter@0.1.0"
      ],
      "imports": [],
      "name": "valid",
      "pushed_by": "ID",
      "pushed_ms": 1767225600000,
      "size_bytes": 7,
      "version": 1
    }
    "#);
    let revision = rig.store.current().revision;
    assert_eq!(
        rig.push("valid", "a").await.expect(200).text(),
        first.text()
    );
    assert_eq!(rig.store.current().revision, revision);
    assert_eq!(
        rig.push("valid", "b").await.expect(201).json()["version"],
        2
    );
    let content = rig
        .get(&rig.admin, &format!("{VALID}/2/content"))
        .await
        .expect(200);
    assert_eq!(content.body, module(&[], "b"));
    let seen = rig.get(&rig.admin, VALID).await.expect(200).json();
    assert_eq!(
        (
            &seen["versions"][0]["version"],
            &seen["versions"][1]["version"]
        ),
        (&json!(2), &json!(1))
    );
    let one = rig.get(&rig.admin, &format!("{VALID}/1")).await.expect(200);
    assert_eq!(one.text(), first.text());
}

#[tokio::test]
async fn a_push_may_name_its_version() {
    let rig = Rig::new().await;
    let push = async |version: u32, salt: &str| {
        let path = format!("{VALID}?version={version}");
        rig.send(&rig.admin, "PUT", &path, module(&[], salt)).await
    };
    push(3, "a").await.expect(201);
    push(3, "a").await.expect(200);
    let mut said = String::new();
    for reply in [push(3, "b").await, push(2, "b").await, push(4, "a").await] {
        said.push_str(&format!("{}\n", reply.expect(409).json()["detail"]));
    }
    insta::assert_snapshot!(said, @r#"
    "`shop/valid@3` was given before, and a version never means two things: the next is 4"
    "`shop/valid@2` was given before, and a version never means two things: the next is 4"
    "these bytes are `shop/valid@3` already, not version 4"
    "#);
    push(4, "b").await.expect(201);
}

#[tokio::test]
async fn a_number_is_never_given_twice() {
    let rig = Rig::new().await;
    rig.push("valid", "a").await.expect(201);
    rig.admin("DELETE", &format!("{VALID}/1"), Value::Null)
        .await
        .expect(204);
    rig.admin("DELETE", &format!("{VALID}/1"), Value::Null)
        .await
        .expect(404);
    rig.get(&rig.admin, VALID).await.expect(404);
    assert_eq!(
        rig.push("valid", "b").await.expect(201).json()["version"],
        2
    );
}

#[tokio::test]
async fn a_module_that_a_job_needs_stays() {
    let rig = Rig::new().await;
    rig.push("valid", "a").await.expect(201);
    rig.deploy("spend", "", spec("spend")).await.expect(201);
    let reply = rig
        .admin("DELETE", &format!("{VALID}/1"), Value::Null)
        .await;
    insta::assert_snapshot!(reply.seen(), @r#"
    409 {
      "detail": "`shop/valid@1` is needed by job `spend` (version 1): kept versions of a job keep their modules, so that a rollback works. Delete the job first",
      "status": 409,
      "title": "Not in the present state",
      "type": "/problems/conflict"
    }
    "#);
}

#[tokio::test]
async fn new_imports_have_to_be_meant() {
    let rig = Rig::new().await;
    rig.push("valid", "a").await.expect(201);
    let more = module(&["sluicebox:udf/log@0.1.0"], "b");
    let reply = rig.send(&rig.admin, "PUT", VALID, more.clone()).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    409 {
      "detail": "this module imports `sluicebox:udf/log@0.1.0`, which version 1 does not",
      "help": "push it with `allow_new_imports=true` if that is meant",
      "status": 409,
      "title": "Not in the present state",
      "type": "/problems/conflict"
    }
    "#);
    let path = format!("{VALID}?allow_new_imports=true");
    rig.send(&rig.admin, "PUT", &path, more.clone())
        .await
        .expect(201);
    rig.send(&rig.admin, "PUT", VALID, more).await.expect(200);
}

/// As a real data plane would look at them: see the sandbox's own tests for the whole table.
#[tokio::test]
async fn bad_modules_are_refused_with_a_reason() {
    let rig = Rig::new().await;
    let mut said = String::new();
    for body in [
        &b""[..],
        b"(component)",
        b"\x7fELF\x02\x01\x01",
        b"\0asm\x01\0\0\0",
        b"\0asm\x0d\0\x01",
        b"\0asm\x0d\0\x01\0\x01\x99",
        b"\0asm\x0d\0\x01\0",
    ] {
        let reply = rig.send(&rig.admin, "PUT", VALID, body).await;
        assert_eq!(
            reply.problem(),
            (422, "module".to_owned()),
            "{}",
            reply.text()
        );
        said.push_str(&format!("{}\n", reply.json()["detail"]));
    }
    insta::assert_snapshot!(said, @r#"
    "not a WebAssembly component: the file is empty. Build it again with `sluicebox build`"
    "not a WebAssembly component: it is WebAssembly text. Build a binary component, for example with `sluicebox build`"
    "not a WebAssembly component: it is compiled machine code. Upload the component itself (.wasm); the host compiles it, and never accepts compiled code"
    "not a WebAssembly component: it is a core module. Make it a component with `sluicebox build`, or with wasm-tools: `component embed`, then `component new`"
    "not a valid component: unexpected end-of-file (at offset 0x4). Build it again with `sluicebox build`; features beyond WebAssembly 2.0 (threads, 64-bit memories, garbage collection, exceptions, relaxed SIMD) are not available here"
    "not a valid component: unexpected end-of-file (at offset 0xa). Build it again with `sluicebox build`; features beyond WebAssembly 2.0 (threads, 64-bit memories, garbage collection, exceptions, relaxed SIMD) are not available here"
    "exports none of `filter`, `mapper` and `window-aggregate` of sluicebox:udf, so there is nothing to call. Build it against wit/udf.wit of sluicebox:udf@0.1.0, best with an SDK and `sluicebox build`"
    "#);
    assert!(rig.store.current().tenants["shop"].modules.is_empty());
}

#[tokio::test]
async fn quotas_hold() {
    let rig = Rig::new().await;
    let quotas = json!({"quotas": {"modules_max": 1, "module_bytes_max": 100}});
    rig.admin("PATCH", "/v1/tenants/shop", quotas)
        .await
        .expect(200);
    rig.push("valid", "a").await.expect(201);
    let reply = rig.push("other", "b").await;
    insta::assert_snapshot!(reply.seen(), @r#"
    403 {
      "detail": "this tenant has 1 modules, the most it may have: delete one that no job uses, or ask for a larger `modules_max`",
      "status": 403,
      "title": "The tenant's quota is used up",
      "type": "/problems/quota"
    }
    "#);
    let reply = rig.send(&rig.admin, "PUT", VALID, vec![0; 101]).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    413 {
      "detail": "the body has more than 100 bytes, the most there may be",
      "status": 413,
      "title": "The body is too large",
      "type": "/problems/too-large"
    }
    "#);
}

#[tokio::test]
async fn a_host_that_fails_is_not_the_modules_fault() {
    let rig = Rig::new().await;
    *rig.fleet.broken.lock().expect("no panic") =
        Some(Error::failed("the disk is full\nFree some space."));
    let reply = rig.push("valid", "a").await;
    insta::assert_snapshot!(reply.seen(), @r#"
    503 {
      "detail": "the disk is full",
      "help": "Free some space.",
      "status": 503,
      "title": "The host can't answer now",
      "type": "/problems/unavailable"
    }
    "#);
    *rig.fleet.broken.lock().expect("no panic") = None;
    rig.fleet.panics.store(true, Ordering::SeqCst);
    let reply = rig.push("valid", "a").await;
    insta::assert_snapshot!(reply.seen(), @r#"
    500 {
      "detail": "the request failed through no fault of yours",
      "help": "the reason is in the host's log; whoever runs the host can find it there",
      "status": 500,
      "title": "The host failed",
      "type": "/problems/internal"
    }
    "#);
    assert!(
        rig.events.all().contains("the data plane failed"),
        "{}",
        rig.events.all()
    );
}
