//! Who gets in, and who sees what: no token, wrong token, wrong scope, another tenant.

use crate::fleet::module;
use crate::rig::{NOW_MS, Rig, request, spec};
use axum::body::Body;
use axum::http::header;
use serde_json::json;
use sluicebox_catalog::Scope::{self, Admin, Deploy, Push, View};
use std::time::Duration;

/// Every operation of the API, on tenant `shop`: method, path, needed scope. `None`: for everyone.
pub const OPERATIONS: [(&str, &str, Option<Scope>); 37] = [
    ("GET", "/healthz", None),
    ("GET", "/readyz", None),
    ("GET", "/openapi.json", None),
    ("GET", "/metrics", Some(View)),
    ("GET", "/v1/whoami", Some(View)),
    ("GET", "/v1/hosts", Some(View)),
    ("GET", "/v1/tenants", Some(View)),
    ("POST", "/v1/tenants", Some(Admin)),
    ("GET", "/v1/tenants/shop", Some(View)),
    ("PATCH", "/v1/tenants/shop", Some(Admin)),
    ("GET", "/v1/tokens", Some(Admin)),
    ("POST", "/v1/tokens", Some(Admin)),
    ("DELETE", "/v1/tokens/0123456789", Some(Admin)),
    ("GET", "/v1/tenants/shop/tokens", Some(Admin)),
    ("POST", "/v1/tenants/shop/tokens", Some(Admin)),
    ("DELETE", "/v1/tenants/shop/tokens/0123456789", Some(Admin)),
    ("GET", "/v1/tenants/shop/modules", Some(View)),
    ("PUT", "/v1/tenants/shop/modules/valid", Some(Push)),
    ("GET", "/v1/tenants/shop/modules/valid", Some(View)),
    ("GET", "/v1/tenants/shop/modules/valid/1", Some(View)),
    (
        "GET",
        "/v1/tenants/shop/modules/valid/1/content",
        Some(View),
    ),
    ("DELETE", "/v1/tenants/shop/modules/valid/1", Some(Push)),
    ("GET", "/v1/tenants/shop/status", Some(View)),
    ("GET", "/v1/tenants/shop/jobs", Some(View)),
    ("PUT", "/v1/tenants/shop/jobs/spend", Some(Deploy)),
    ("GET", "/v1/tenants/shop/jobs/spend", Some(View)),
    ("POST", "/v1/tenants/shop/jobs/spend/pause", Some(Deploy)),
    ("POST", "/v1/tenants/shop/jobs/spend/resume", Some(Deploy)),
    ("POST", "/v1/tenants/shop/jobs/spend/stop", Some(Deploy)),
    ("POST", "/v1/tenants/shop/jobs/spend/rollback", Some(Deploy)),
    ("GET", "/v1/tenants/shop/jobs/spend/versions/1", Some(View)),
    ("GET", "/v1/tenants/shop/jobs/spend/status", Some(View)),
    ("GET", "/v1/tenants/shop/jobs/spend/lag", Some(View)),
    ("GET", "/v1/tenants/shop/jobs/spend/logs", Some(View)),
    (
        "GET",
        "/v1/tenants/shop/jobs/spend/dead-letters",
        Some(View),
    ),
    (
        "POST",
        "/v1/tenants/shop/jobs/spend/dead-letters/requeue",
        Some(Deploy),
    ),
    ("DELETE", "/v1/tenants/shop/jobs/spend", Some(Deploy)),
];

#[tokio::test]
async fn without_a_token_nothing_but_health_is_answered() {
    let rig = Rig::new().await;
    for (method, path, needs) in OPERATIONS {
        let reply = rig.send("", method, path, Body::empty()).await;
        match needs {
            None => assert_eq!(reply.status, 200, "{method} {path}"),
            Some(_) => {
                assert_eq!(reply.status, 401, "{method} {path}: {}", reply.text());
                assert_eq!(reply.header(header::WWW_AUTHENTICATE), "Bearer");
            }
        }
    }
    let reply = rig.get("", "/v1/tenants/shop").await;
    insta::assert_snapshot!(reply.seen(), @r#"
    401 {
      "detail": "the request has no token",
      "help": "send it as `Authorization: Bearer sbx_...`",
      "status": 401,
      "title": "A valid token is needed",
      "type": "/problems/token"
    }
    "#);
}

#[tokio::test]
async fn a_token_that_is_none_is_told_apart_only_by_its_form() {
    let rig = Rig::new().await;
    let mut said = String::new();
    let typo = rig.admin.replace("sbx_", "sbx_x");
    for token in ["hello", &rig.admin[..40], &typo[..typo.len() - 1]] {
        let reply = rig.get(token, "/v1/whoami").await.expect(401);
        said.push_str(&format!("{}\n", reply.json()["detail"]));
    }
    insta::assert_snapshot!(said, @r#"
    "this is no sluicebox token: they begin with `sbx_`. Ask whoever runs the installation for one"
    "this token is not complete: copy all of it, from `sbx_` to the end and without spaces"
    "this token is not complete: copy all of it, from `sbx_` to the end and without spaces"
    "#);
    let basic = request("", "GET", "/v1/whoami", Body::empty());
    let (mut parts, body) = basic.into_parts();
    let basic = "Basic aGVsbG8=".parse().expect("a header");
    parts.headers.insert(header::AUTHORIZATION, basic);
    rig.request(axum::http::Request::from_parts(parts, body))
        .await
        .expect(401);
}

#[tokio::test]
async fn refused_tokens_are_all_the_same_outside_and_distinct_in_the_log() {
    let rig = Rig::new().await;
    let unknown = sluicebox_catalog::token::generate([7; 40]).text;
    let expired = rig
        .token(Some("shop"), "old", &[View], Some(NOW_MS + 1_000))
        .await;
    let revoked = rig.shop(&[View]).await;
    let disabled = rig.token(Some("bank"), "b", &[View], None).await;
    for token in [&expired, &revoked, &disabled] {
        rig.get(token, "/v1/whoami").await.expect(200);
    }
    let id = revoked[4..14].to_owned();
    let path = format!("/v1/tenants/shop/tokens/{id}");
    rig.admin("DELETE", &path, json!(null)).await.expect(204);
    rig.admin("PATCH", "/v1/tenants/bank", json!({"disabled": true}))
        .await
        .expect(200);
    rig.clock.pass(Duration::from_secs(1));
    let mut bodies = Vec::new();
    for token in [&unknown, &expired, &revoked, &disabled] {
        bodies.push(rig.get(token, "/v1/whoami").await.expect(401).text());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    insta::assert_snapshot!(bodies[0], @r#"{"type":"/problems/token","title":"A valid token is needed","status":401,"detail":"this token is not valid (any more): ask whoever runs the installation for a new one"}"#);
    let log = rig.events.all();
    for reason in [
        "unknown token",
        "expired token",
        "revoked token",
        "tenant disabled",
    ] {
        assert!(log.contains(reason), "{log}");
    }
    for token in [&unknown, &expired, &revoked, &disabled, &rig.admin] {
        assert!(!log.contains(&token[15..]), "a secret is in the log: {log}");
    }
}

#[tokio::test]
async fn each_operation_needs_its_scope() {
    let rig = Rig::new().await;
    rig.push("valid", "1").await.expect(201);
    rig.deploy("spend", "", spec("spend")).await.expect(201);
    for scope in [View, Push, Deploy] {
        let token = rig.shop(&[scope]).await;
        for (method, path, needs) in OPERATIONS {
            let Some(needs) = needs else { continue };
            let installation = ["/metrics", "/v1/hosts"].contains(&path) || needs == Admin;
            let may = !installation && scope.includes(needs);
            let reply = rig.send(&token, method, path, Body::empty()).await;
            let refused = reply.status == 403 && reply.problem().1 == "scope";
            assert_eq!(refused, !may, "{scope:?} {method} {path}: {}", reply.text());
            rig.clock.pass(Duration::from_secs(1));
        }
        // What it may delete comes back.
        rig.push("valid", "1").await;
    }
    let view = rig.shop(&[View]).await;
    let reply = rig
        .send(&view, "PUT", "/v1/tenants/shop/jobs/spend", "")
        .await;
    insta::assert_snapshot!(reply.seen(), @r#"
    403 {
      "detail": "this needs a token with the scope `deploy`",
      "help": "this one has `view`",
      "status": 403,
      "title": "The token does not allow this",
      "type": "/problems/scope"
    }
    "#);
    let reply = rig.get(&view, "/v1/tokens").await;
    insta::assert_snapshot!(reply.seen(), @r#"
    403 {
      "detail": "this needs a token of the installation; this one is for tenant `shop`",
      "status": 403,
      "title": "The token does not allow this",
      "type": "/problems/scope"
    }
    "#);
}

#[tokio::test]
async fn another_tenants_things_do_not_exist() {
    let rig = Rig::new().await;
    rig.push("valid", "1").await.expect(201);
    rig.deploy("spend", "", spec("spend")).await.expect(201);
    let bank = rig.token(Some("bank"), "all", &[Push, Deploy], None).await;
    for (method, path, _) in OPERATIONS {
        if !path.starts_with("/v1/tenants/shop") {
            continue;
        }
        let foreign = rig
            .send(&bank, method, path, Body::empty())
            .await
            .expect(404);
        let path = path.replace("/shop", "/nobody");
        let missing = rig
            .send(&bank, method, &path, Body::empty())
            .await
            .expect(404);
        let renamed = missing.text().replace("nobody", "shop");
        assert_eq!(foreign.text(), renamed, "{method} {path}");
        rig.clock.pass(Duration::from_secs(1));
    }
    let reply = rig.get(&bank, "/v1/tenants/shop").await;
    insta::assert_snapshot!(reply.seen(), @r#"
    404 {
      "detail": "there is no tenant `shop`",
      "status": 404,
      "title": "Not found",
      "type": "/problems/missing"
    }
    "#);
    let seen = rig.get(&bank, "/v1/tenants").await.expect(200).json();
    assert_eq!(seen.as_array().map(Vec::len), Some(1));
    assert_eq!(seen[0]["name"], "bank");
    // Another tenant's module, in a spec; an own one of that name is not meant.
    let own = module(&[], "own");
    rig.send(&bank, "PUT", "/v1/tenants/bank/modules/valid", own)
        .await
        .expect(201);
    let theirs = spec("spend");
    let reply = rig
        .send(&bank, "PUT", "/v1/tenants/bank/jobs/spend", theirs)
        .await;
    insta::assert_snapshot!(reply.expect(422).seen(), @r#"
    422 {
      "detail": "the job spec has a problem",
      "problems": [
        {
          "help": "push it first (`sluicebox push`), or correct name and version",
          "message": "there is no module `shop/valid@1`",
          "path": "operators[0].filter.module"
        }
      ],
      "status": 422,
      "title": "The job spec is refused",
      "type": "/problems/spec"
    }
    "#);
}

#[tokio::test]
async fn whoami_says_what_a_token_is() {
    let rig = Rig::new().await;
    let token = rig
        .token(Some("shop"), "ci", &[Push, Deploy], Some(NOW_MS + 9))
        .await;
    let reply = rig.get(&token, "/v1/whoami").await;
    let seen = reply.seen().replace(&token[4..14], "ID");
    insta::assert_snapshot!(seen, @r#"
    200 {
      "expires_ms": 1767225600009,
      "name": "ci",
      "scopes": [
        "deploy",
        "push"
      ],
      "tenant": "shop",
      "token_id": "ID"
    }
    "#);
}
