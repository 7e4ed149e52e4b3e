//! Requests that are too large, too slow, too often or too many.

use crate::fleet::module;
use crate::rig::{Rig, request};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use sluicebox_catalog::Scope;
use sluicebox_server::limits::{WORK_PER_TENANT_MAX, WORK_WAITING_MAX};
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::timeout;

/// A body of unknown length.
fn chunks(count: usize, bytes: usize) -> Body {
    let chunk = Bytes::from(vec![b' '; bytes]);
    Body::from_stream(stream::iter(
        (0..count).map(move |_| Ok::<_, Infallible>(chunk.clone())),
    ))
}

#[tokio::test]
async fn a_body_over_its_limit_is_refused() {
    let rig = Rig::new().await;
    for (method, path, bytes) in [
        ("POST", "/v1/tenants", 64 << 10),
        ("PUT", "/v1/tenants/shop/jobs/spend", 1 << 20),
        ("PUT", "/v1/tenants/shop/modules/valid", 24 << 20),
    ] {
        let over = vec![b' '; bytes + 1];
        let reply = rig.send(&rig.admin, method, path, over).await;
        assert_eq!(reply.problem(), (413, "too-large".to_owned()), "{path}");
        // Announced or not.
        let reply = rig
            .send(&rig.admin, method, path, chunks(bytes / 1_024 + 1, 1_024))
            .await;
        assert_eq!(reply.problem(), (413, "too-large".to_owned()), "{path}");
        let within = vec![b' '; bytes];
        let reply = rig.send(&rig.admin, method, path, within).await;
        assert_ne!(reply.status, 413, "{path}");
    }
    // One that is announced as too large is not even waited for.
    let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let mut announced = request(&rig.admin, "POST", "/v1/tenants", never);
    let length = HeaderValue::from_static("1000000000000");
    announced
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);
    let reply = timeout(Duration::from_secs(5), rig.request(announced)).await;
    let reply = reply.expect("at once");
    assert_eq!(reply.problem(), (413, "too-large".to_owned()));
    let reply = rig
        .send(&rig.admin, "POST", "/v1/tenants", vec![b' '; 1 << 20])
        .await;
    insta::assert_snapshot!(reply.seen(), @r#"
    413 {
      "detail": "the body has more than 64 KiB, the most there may be",
      "status": 413,
      "title": "The body is too large",
      "type": "/problems/too-large"
    }
    "#);
}

#[tokio::test]
async fn over_the_rate_is_too_much() {
    let rig = Rig::with("limits: { requests_per_second: 2, requests_burst: 3 }").await;
    let token = rig.shop(&[Scope::View]).await;
    for _ in 0..3 {
        rig.get(&token, "/v1/whoami").await.expect(200);
    }
    let reply = rig.get(&token, "/v1/whoami").await;
    assert_eq!(reply.header(header::RETRY_AFTER), "1");
    insta::assert_snapshot!(reply.seen(), @r#"
    429 {
      "detail": "this token may make 2 requests a second",
      "status": 429,
      "title": "Too many requests",
      "type": "/problems/rate"
    }
    "#);
    let other = rig.shop(&[Scope::View]).await;
    rig.get(&other, "/v1/whoami").await.expect(200);
    rig.get("", "/healthz").await.expect(200);
    rig.clock.pass(Duration::from_millis(500));
    rig.get(&token, "/v1/whoami").await.expect(200);
    rig.get(&token, "/v1/whoami").await.expect(429);
    // Whoever guesses at tokens does not use up anybody's rate.
    let mut wrong = token.clone();
    wrong.pop();
    rig.get(&wrong, "/v1/whoami").await.expect(401);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_given_up() {
    let rig = Rig::new().await;
    let drip = |pause| {
        let bytes = stream::repeat(Ok::<_, Infallible>(Bytes::from_static(b" ")));
        Body::from_stream(bytes.then(move |byte| async move {
            tokio::time::sleep(pause).await;
            byte
        }))
    };
    let stuck = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let reply = rig.send(&rig.admin, "POST", "/v1/tenants", stuck).await;
    insta::assert_snapshot!(reply.seen(), @r#"
    408 {
      "detail": "the body did not come in time",
      "help": "send it again, in one go; large ones at 64 KiB a second at least",
      "status": 408,
      "title": "The request took too long to arrive",
      "type": "/problems/slow"
    }
    "#);
    for path in [
        "/v1/tenants/shop/jobs/spend",
        "/v1/tenants/shop/modules/valid",
    ] {
        let reply = rig
            .send(&rig.admin, "PUT", path, drip(Duration::from_secs(1)))
            .await;
        assert_eq!(reply.problem(), (408, "slow".to_owned()), "{path}");
    }
}

/// Two work, some wait, the rest is refused; other tenants don't notice.
#[tokio::test(flavor = "multi_thread")]
async fn no_tenant_takes_all_places_for_work() {
    let rig = Rig::new().await;
    rig.fleet.stall();
    let allowed = WORK_PER_TENANT_MAX + WORK_WAITING_MAX;
    let (names, salts): (Vec<_>, Vec<_>) = (0..=allowed)
        .map(|i| (format!("m{i}"), i.to_string()))
        .unzip();
    let pushes = names
        .iter()
        .zip(&salts)
        .map(|(name, salt)| rig.push(name, salt));
    let mut pushes: FuturesUnordered<_> = pushes.collect();
    let full = pushes.next().await.expect("one is refused at once");
    insta::assert_snapshot!(full.seen(), @r#"
    429 {
      "detail": "this tenant has 2 uploads, deployments and questions to Kafka under way, the most it may have at a time",
      "help": "wait until one of them has ended",
      "status": 429,
      "title": "Too many requests",
      "type": "/problems/rate"
    }
    "#);
    let path = "/v1/tenants/bank/modules/one";
    let theirs = rig.send(&rig.admin, "PUT", path, module(&[], "d"));
    let go_on = async {
        while rig.fleet.begun.load(Ordering::SeqCst) < WORK_PER_TENANT_MAX + 1 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        rig.fleet.go_on();
    };
    let (theirs, ()) = tokio::join!(theirs, go_on);
    theirs.expect(201);
    while let Some(reply) = pushes.next().await {
        reply.expect(201);
    }
}

#[tokio::test]
async fn answers_are_not_kept_on_the_way_and_are_counted() {
    let rig = Rig::new().await;
    let reply = rig.get(&rig.admin, "/v1/whoami").await.expect(200);
    assert_eq!(reply.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(reply.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    rig.send("", "BREW", "/v1/tenants/shop", "")
        .await
        .expect(405);
    rig.admin("GET", "/v1/tenants/shop", Value::Null)
        .await
        .expect(200);
    insta::assert_snapshot!(rig.get(&rig.admin, "/metrics").await.expect(200).text(), @r#"
    # HELP sluicebox_api_requests_total Requests answered by the API.
    # TYPE sluicebox_api_requests_total counter
    sluicebox_api_requests_total{method="GET",route="/v1/tenants/{tenant}",status="200"} 1
    sluicebox_api_requests_total{method="GET",route="/v1/whoami",status="200"} 1
    sluicebox_api_requests_total{method="POST",route="/v1/tenants",status="201"} 2
    sluicebox_api_requests_total{method="other",route="/v1/tenants/{tenant}",status="405"} 1
    # HELP sluicebox_trace_spans_total Spans of traces that arrived at their receiver (`exported`), and that did not (`dropped`).
    # TYPE sluicebox_trace_spans_total counter
    sluicebox_trace_spans_total{outcome="exported"} 0
    sluicebox_trace_spans_total{outcome="dropped"} 0
    # HELP sluicebox_catalog_revision Last revision of the catalog that this host has read.
    # TYPE sluicebox_catalog_revision gauge
    sluicebox_catalog_revision 3
    sluicebox_fake 1
    "#);
}

#[tokio::test]
async fn ready_is_when_jobs_can_run() {
    let rig = Rig::new().await;
    rig.get("", "/readyz").await.expect(200);
    rig.fleet.unready.store(true, Ordering::SeqCst);
    insta::assert_snapshot!(rig.get("", "/readyz").await.seen(), @r#"
    503 {
      "detail": "the host is not ready: it starts, or it stops",
      "status": 503,
      "title": "The host can't answer now",
      "type": "/problems/unavailable"
    }
    "#);
    rig.fleet.unready.store(false, Ordering::SeqCst);
    rig.stop.send_replace(true);
    rig.get("", "/readyz").await.expect(503);
}
