//! Requests that are not what they should be: names, numbers, JSON, addresses.

use crate::rig::{Rig, spec};
use axum::http::header;

#[tokio::test]
async fn names_that_are_none_are_refused_before_they_are_looked_up() {
    let rig = Rig::new().await;
    let mut said = String::new();
    for path in [
        "/v1/tenants/..%2f..%2fetc",
        "/v1/tenants/shop/modules/..%2f..%2fpasswd/1/content",
        "/v1/tenants/shop/modules/%2e%2e",
        "/v1/tenants/shop/jobs/Spend",
        "/v1/tenants/shop/jobs/a%00b",
        "/v1/tenants/shop/jobs/a%1b%5b31mb",
        "/v1/tenants/shop/modules/valid/-1",
        "/v1/tenants/shop/modules/valid/99999999999",
        "/v1/tenants/shop/jobs/%ff",
    ] {
        let reply = rig.get(&rig.admin, path).await;
        let what = reply.json()["detail"].to_string();
        said.push_str(&format!("{path}\n  {} {what}\n", reply.status.as_u16()));
    }
    insta::assert_snapshot!(said, @r#"
    /v1/tenants/..%2f..%2fetc
      400 "`../../etc` is no valid tenant"
    /v1/tenants/shop/modules/..%2f..%2fpasswd/1/content
      400 "`../../passwd` is no valid name"
    /v1/tenants/shop/modules/%2e%2e
      400 "`..` is no valid name"
    /v1/tenants/shop/jobs/Spend
      400 "`Spend` is no valid job"
    /v1/tenants/shop/jobs/a%00b
      400 "`a?b` is no valid job"
    /v1/tenants/shop/jobs/a%1b%5b31mb
      400 "`a?[31mb` is no valid job"
    /v1/tenants/shop/modules/valid/-1
      400 "`-1` is no valid version"
    /v1/tenants/shop/modules/valid/99999999999
      400 "`99999999999` is no valid version"
    /v1/tenants/shop/jobs/%ff
      400 "the path is not UTF-8 once it is decoded"
    "#);
    let long = format!("/v1/tenants/shop/jobs/{}", "a".repeat(10_000));
    let reply = rig.get(&rig.admin, &long).await.expect(400);
    assert!(reply.body.len() < 1_000, "{}", reply.text());
}

#[tokio::test]
async fn json_that_is_deep_or_broken_is_refused() {
    let rig = Rig::new().await;
    let bomb = |open: &str, close: &str| {
        let (open, close) = (open.repeat(10_000), close.repeat(10_000));
        format!("{{\"name\":\"lab\",\"quotas\":{open}1{close}}}")
    };
    let mut said = String::new();
    for body in [
        bomb("[", "]"),
        bomb("{\"a\":", "}"),
        "{\"policy\":".to_owned() + &"{\"x\":[".repeat(5_000),
        "{".to_owned(),
        "{} {}".to_owned(),
        "[]".to_owned(),
        "\u{feff}{}".to_owned(),
        String::new(),
    ] {
        for (method, path) in [("POST", "/v1/tenants"), ("PATCH", "/v1/tenants/shop")] {
            let reply = rig.send(&rig.admin, method, path, body.clone()).await;
            if body == "{} {}" || method == "PATCH" {
                assert_eq!(
                    reply.problem(),
                    (400, "request".to_owned()),
                    "{}",
                    reply.text()
                );
            }
            let start: String = body.chars().take(30).collect();
            said.push_str(&format!(
                "{method} {start}\n  {} {}\n",
                reply.status.as_u16(),
                reply.json()["detail"]
            ));
        }
    }
    insta::assert_snapshot!(said, @r#"
    POST {"name":"lab","quotas":[[[[[[[
      400 "`quotas[0]` is not as expected: invalid type: sequence, expected u32 at line 1 column 24"
    PATCH {"name":"lab","quotas":[[[[[[[
      400 "`name` is not as expected: unknown field `name`, expected one of `policy`, `quotas`, `disabled` at line 1 column 7"
    POST {"name":"lab","quotas":{"a":{"
      400 "`quotas.a` is not as expected: unknown field `a`, expected one of `modules_max`, `jobs_max`, `module_bytes_max`, `instance_memory_bytes_max`, `cpu_percent_max`, `records_per_second_max`, `bytes_per_second_max`, `state_bytes_max`, `memory_bytes_max` at line 1 column 27"
    PATCH {"name":"lab","quotas":{"a":{"
      400 "`name` is not as expected: unknown field `name`, expected one of `policy`, `quotas`, `disabled` at line 1 column 7"
    POST {"policy":{"x":[{"x":[{"x":[{"
      400 "`policy.x` is not as expected: unknown field `x`, expected one of `read`, `write`, `groups`, `connections` at line 1 column 14"
    PATCH {"policy":{"x":[{"x":[{"x":[{"
      400 "`policy.x[0].x[0].x[0].x[0].x[0].x[0].x[0].x[0].x[0].x[0].x[0].x[0].x[0].x[0].x[0` is not as expected: recursion limit exceeded at line 1 column 389"
    POST {
      400 "the body is not as expected: EOF while parsing an object at line 1 column 1"
    PATCH {
      400 "the body is not as expected: EOF while parsing an object at line 1 column 1"
    POST {} {}
      400 "the body is not as expected: missing field `name` at line 1 column 2"
    PATCH {} {}
      400 "the body goes on after its JSON: trailing characters at line 1 column 4"
    POST []
      400 "the body is a list, and not an object"
    PATCH []
      400 "the body is a list, and not an object"
    POST ﻿{}
      400 "the body is not as expected: expected value at line 1 column 1"
    PATCH ﻿{}
      400 "the body is not as expected: expected value at line 1 column 1"
    POST 
      400 "the body is not as expected: EOF while parsing a value at line 1 column 0"
    PATCH 
      400 "the body is not as expected: EOF while parsing a value at line 1 column 0"
    "#);
    // YAML is bounded as well.
    let reply = rig
        .deploy("spend", "", format!("a: {}", "[".repeat(10_000)))
        .await;
    assert_eq!(reply.problem(), (422, "spec".to_owned()));
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let rig = Rig::new().await;
    for (method, path) in [
        ("GET", "/nothing"),
        ("GET", "/v1/tenants/shop/nothing"),
        ("POST", "/admin.php"),
    ] {
        let reply = rig.send(&rig.admin, method, path, "").await;
        assert_eq!(reply.problem(), (404, "missing".to_owned()));
    }
    for (method, path) in [
        ("DELETE", "/v1/tenants/shop"),
        ("POST", "/v1/tenants/shop/jobs"),
        ("PUT", "/healthz"),
    ] {
        let reply = rig.send(&rig.admin, method, path, "").await;
        assert_eq!(reply.problem(), (405, "method".to_owned()), "{path}");
        assert!(!reply.header(header::ALLOW).is_empty(), "{path}");
    }
    let reply = rig.deploy("spend", "?dryrun=true", spec("spend")).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    400 {
      "detail": "Failed to deserialize query string: dryrun: unknown field `dryrun`, expected `dry_run` or `expected_version`",
      "status": 400,
      "title": "The request is malformed",
      "type": "/problems/request"
    }
    "#);
}
