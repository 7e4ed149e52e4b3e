//! Traces of requests, and what happens where their receiver is in trouble.

use crate::rig::{Events, FakeClock, Reply, Rig, request};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use sluicebox_server::limits::SPANS_QUEUED_MAX;
use sluicebox_server::telemetry::{Attributes, Exporter, Otlp, Tracer, exporter};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A receiver: answers with these statuses in turn, then with 200, and keeps the bodies of those.
#[derive(Clone, Default)]
struct Receiver {
    statuses: Arc<Mutex<Vec<u16>>>,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    /// Listen; answers its URL.
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/v1/traces", post(take));
        let router = router.with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    fn spans(&self) -> Vec<Value> {
        let bodies = self.bodies.lock().expect("no panic");
        let spans = |body: &Value| {
            let spans = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
            spans.as_array().cloned().unwrap_or_default()
        };
        bodies.iter().flat_map(spans).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["x-key"], "hunter2");
    let next = receiver.statuses.lock().expect("no panic").pop();
    if let Some(status) = next {
        return StatusCode::from_u16(status).expect("a status");
    }
    let body = serde_json::from_slice(&body).expect("JSON");
    receiver.bodies.lock().expect("no panic").push(body);
    StatusCode::OK
}

fn traces(endpoint: &str, events: &Arc<Events>) -> (Tracer, Exporter) {
    let otlp = Otlp {
        endpoint: endpoint.to_owned(),
        headers: vec![("x-key".to_owned(), "hunter2".to_owned())],
        sample_percent: 100,
    };
    let debug = format!("{otlp:?}");
    assert!(!debug.contains("hunter2"), "{debug}");
    let resource = vec![("service.name", "sluicebox".to_owned())];
    let clock = Arc::new(FakeClock::default());
    exporter(&otlp, resource, clock, events.clone()).expect("good settings")
}

fn did(tracer: &Tracer, name: &str) {
    tracer.did(name, Duration::from_millis(3), None, Attributes::new);
}

/// Name, trace and parent of each span, and its attributes.
fn seen(span: &Value) -> String {
    let text = |key: &str| span[key].as_str().unwrap_or("none").to_owned();
    let mut attributes = String::new();
    for attribute in span["attributes"].as_array().into_iter().flatten() {
        let (key, value) = (&attribute["key"], &attribute["value"]);
        attributes += &format!(" {}={value}", key.as_str().unwrap_or_default());
    }
    let trace = match text("traceId") == TRACE {
        true => "the caller's",
        false => "its own",
    };
    let (name, parent) = (text("name"), text("parentSpanId"));
    format!(
        "{name}: trace {trace}, parent {parent}, kind {}, status {}:{attributes}",
        span["kind"], span["status"]
    )
}

/// A request in a caller's trace.
async fn get_in(rig: &Rig, traceparent: &str, path: &str) -> Reply {
    let mut request = request(&rig.admin, "GET", path, "");
    let value = traceparent.try_into().expect("ASCII");
    request.headers_mut().insert("traceparent", value);
    rig.request(request).await
}

#[tokio::test]
async fn requests_are_spans_of_the_callers_trace() {
    let receiver = Receiver::default();
    let events = Arc::<Events>::default();
    let (tracer, mut exporter) = traces(&receiver.start().await, &events);
    let rig = Rig::traced(tracer).await;
    exporter.flush().await;
    let before = receiver.spans().len();
    let caller = format!("00-{TRACE}-{CALLER}");
    let kept = format!("{caller}-01");
    let absent = get_in(&rig, &kept, "/v1/tenants/shop/jobs/absent").await;
    absent.expect(404);
    let unkept = format!("{caller}-00");
    get_in(&rig, &unkept, "/v1/tenants/shop").await.expect(200);
    get_in(&rig, &kept, "/healthz").await.expect(200);
    get_in(&rig, "nonsense", "/v1/tenants").await.expect(200);
    exporter.flush().await;
    let spans: Vec<String> = receiver.spans()[before..].iter().map(seen).collect();
    insta::assert_snapshot!(spans.join("\n"), @r#"
    GET /v1/tenants/{tenant}/jobs/{job}: trace the caller's, parent 00f067aa0ba902b7, kind 2, status null: http.request.method={"stringValue":"GET"} http.route={"stringValue":"/v1/tenants/{tenant}/jobs/{job}"} url.path={"stringValue":"/v1/tenants/shop/jobs/absent"} sluicebox.tenant={"stringValue":"shop"} http.response.status_code={"intValue":"404"}
    GET /v1/tenants: trace its own, parent none, kind 2, status null: http.request.method={"stringValue":"GET"} http.route={"stringValue":"/v1/tenants"} url.path={"stringValue":"/v1/tenants"} http.response.status_code={"intValue":"200"}
    "#);
    let metrics = rig.get(&rig.admin, "/metrics").await.expect(200).text();
    let count = before + 2;
    let line = format!("sluicebox_trace_spans_total{{outcome=\"exported\"}} {count}\n");
    assert!(metrics.contains(&line), "{metrics}");
}

#[tokio::test]
async fn a_receiver_that_is_busy_gets_them_later_once() {
    let receiver = Receiver::default();
    *receiver.statuses.lock().expect("no panic") = vec![429, 503];
    let events = Arc::<Events>::default();
    let (tracer, mut exporter) = traces(&receiver.start().await, &events);
    did(&tracer, "one");
    exporter.flush().await;
    did(&tracer, "two");
    exporter.flush().await;
    assert_eq!((receiver.spans().len(), tracer.counts()), (0, (0, 0)));
    exporter.flush().await;
    let names = receiver
        .spans()
        .into_iter()
        .map(|span| span["name"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(tracer.counts(), (2, 0));
    insta::assert_snapshot!(events.all(), @r"
    traces don't arrive (see `telemetry` in host.yaml), and what is too much to keep is dropped: it answers 503 Service Unavailable
    traces arrive again
    ");
}

#[tokio::test]
async fn what_a_receiver_refuses_is_dropped_and_told_once() {
    let receiver = Receiver::default();
    *receiver.statuses.lock().expect("no panic") = vec![401, 401];
    let events = Arc::<Events>::default();
    let (tracer, mut exporter) = traces(&receiver.start().await, &events);
    for _ in 0..2 {
        did(&tracer, "refused");
        exporter.flush().await;
    }
    did(&tracer, "taken");
    exporter.flush().await;
    assert_eq!((receiver.spans().len(), tracer.counts()), (1, (1, 2)));
    insta::assert_snapshot!(events.all(), @r"
    traces don't arrive (see `telemetry` in host.yaml), and what is too much to keep is dropped: it answers 401 Unauthorized
    traces arrive again
    ");
}

/// Nobody listens there: requests are answered, and what doesn't fit into the queue is counted.
#[tokio::test]
async fn an_absent_receiver_costs_spans_and_nothing_else() {
    let events = Arc::<Events>::default();
    let (tracer, mut exporter) = traces("http://127.0.0.1:1", &events);
    let rig = Rig::traced(tracer.clone()).await;
    for _ in 0..SPANS_QUEUED_MAX + 10 {
        did(&tracer, "epoch");
    }
    exporter.flush().await;
    let (exported, dropped) = tracer.counts();
    assert!(exported == 0 && dropped >= 10, "{exported}, {dropped}");
    rig.get(&rig.admin, "/v1/tenants").await.expect(200);
    let told = events.all();
    assert!(told.contains("traces don't arrive"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}
