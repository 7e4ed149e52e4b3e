//! A job's log, whole and followed.

use crate::rig::{Rig, request, spec};
use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use serde_json::Value;
use sluicebox_catalog::Scope;
use sluicebox_host::Level;
use sluicebox_server::LogLine;
use std::time::Duration;
use tower::ServiceExt;

const LOGS: &str = "/v1/tenants/shop/jobs/spend/logs";
const PATIENCE: Duration = Duration::from_secs(20);

async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.push("valid", "a").await.expect(201);
    rig.deploy("spend", "", spec("spend")).await.expect(201);
    rig
}

fn line(text: &str) -> LogLine {
    LogLine {
        at_ms: 5,
        shard: Some(0),
        operator: Some("valid".to_owned()),
        level: Level::Warn,
        text: text.to_owned(),
    }
}

async fn follow(rig: &Rig, token: &str) -> BodyDataStream {
    let path = format!("{LOGS}?follow=true&tail=1");
    let request = request(token, "GET", &path, Body::empty());
    let response = rig
        .router
        .clone()
        .oneshot(request)
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200);
    response.into_body().into_data_stream()
}

/// The next piece; `None`: the stream has ended.
async fn next(stream: &mut BodyDataStream) -> Option<String> {
    let piece = tokio::time::timeout(PATIENCE, stream.next())
        .await
        .expect("in time");
    piece.map(|piece| String::from_utf8(piece.expect("no error").to_vec()).expect("UTF-8"))
}

#[tokio::test]
async fn the_last_lines() {
    let rig = rig().await;
    rig.get(&rig.admin, LOGS).await.expect(200);
    let log = rig.fleet.log("shop/spend");
    ["a", "b\u{1b}[0m", "c"]
        .into_iter()
        .for_each(|text| log.push(line(text)));
    let seen = rig
        .get(&rig.admin, &format!("{LOGS}?tail=2"))
        .await
        .expect(200);
    insta::assert_snapshot!(seen.text(), @r#"
    {"at_ms":5,"shard":0,"operator":"valid","level":"warn","text":"b\u001b[0m","host":"this"}
    {"at_ms":5,"shard":0,"operator":"valid","level":"warn","text":"c","host":"this"}
    "#);
    rig.get(&rig.admin, &format!("{LOGS}?tail=x"))
        .await
        .expect(400);
    rig.get(&rig.admin, "/v1/tenants/shop/jobs/other/logs")
        .await
        .expect(404);
}

#[tokio::test]
async fn following_goes_on_until_the_host_stops() {
    let rig = rig().await;
    let log = rig.fleet.log("shop/spend");
    ["a", "b"].into_iter().for_each(|text| log.push(line(text)));
    let mut stream = follow(&rig, &rig.admin).await;
    assert!(
        next(&mut stream)
            .await
            .is_some_and(|p| p.contains("\"b\"") && !p.contains("\"a\""))
    );
    log.push(line("c"));
    assert!(next(&mut stream).await.is_some_and(|p| p.contains("\"c\"")));
    for i in 0..5_000 {
        log.push(line(&i.to_string()));
    }
    let piece = next(&mut stream).await.expect("lines");
    assert!(
        piece.starts_with("{\"missed\":3000}\n"),
        "{}",
        &piece[..100]
    );
    rig.stop.send_replace(true);
    while next(&mut stream).await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn following_ends_with_the_token_and_with_the_job() {
    let rig = rig().await;
    let log = rig.fleet.log("shop/spend");
    log.push(line("a"));
    let token = rig.shop(&[Scope::View]).await;
    let mut revoked = follow(&rig, &token).await;
    let mut deleted = follow(&rig, &rig.admin).await;
    next(&mut revoked).await.expect("a line");
    next(&mut deleted).await.expect("a line");
    let path = format!("/v1/tenants/shop/tokens/{}", &token[4..14]);
    rig.admin("DELETE", &path, Value::Null).await.expect(204);
    log.push(line("secret"));
    assert_eq!(next(&mut revoked).await, None);
    next(&mut deleted).await.expect("a line");
    rig.admin("POST", "/v1/tenants/shop/jobs/spend/stop", Value::Null)
        .await
        .expect(200);
    rig.admin("DELETE", "/v1/tenants/shop/jobs/spend", Value::Null)
        .await
        .expect(204);
    rig.deploy("spend", "", spec("spend")).await.expect(201);
    assert_eq!(
        next(&mut deleted).await,
        None,
        "another job of the same name"
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_without_a_log_yet_can_be_followed() {
    let rig = rig().await;
    let mut stream = follow(&rig, &rig.admin).await;
    let begin = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        rig.fleet.log("shop/spend").push(line("first"));
    };
    let (piece, ()) = tokio::join!(next(&mut stream), begin);
    assert!(piece.is_some_and(|piece| piece.contains("first")));
}

#[tokio::test]
async fn no_tenant_takes_all_streams() {
    let rig = rig().await;
    rig.fleet.log("shop/spend").push(line("a"));
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(follow(&rig, &rig.admin).await);
    }
    let reply = rig.get(&rig.admin, &format!("{LOGS}?follow=true")).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    429 {
      "detail": "this tenant has 8 streams of logs under way, the most it may have at a time",
      "help": "wait until one of them has ended",
      "status": 429,
      "title": "Too many requests",
      "type": "/problems/rate"
    }
    "#);
    streams.pop();
    drop(follow(&rig, &rig.admin).await);
}
