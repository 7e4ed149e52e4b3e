//! An API over a catalog in memory, with a fleet and a clock that tests control.

use crate::fleet::{FakeFleet, module};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use object_store::memory::InMemory;
use serde_json::{Value, json};
use sluicebox_catalog::{Change, Scope, Store, Token, token};
use sluicebox_server::peers::Peers;
use sluicebox_server::telemetry::Tracer;
use sluicebox_server::{ApiEvent, ApiObserver, App, Clock, Config, Parts, router};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tower::ServiceExt;

pub const NOW_MS: i64 = 1_767_225_600_000;

pub const CONFIG: &str = "
apiVersion: sluicebox/v1
data_dir: unused
listen: 127.0.0.1:0
kafka:
  main: { bootstrap_servers: 'kafka:9092', properties: { sasl.password: hunter2 } }
  other: { bootstrap_servers: 'elsewhere:9092' }
  default: { bootstrap_servers: 'default:9092' }
";

#[derive(Default)]
pub struct FakeClock {
    wall_ms: AtomicI64,
    steady_ms: AtomicU64,
}

impl FakeClock {
    pub fn pass(&self, time: Duration) {
        let ms = time.as_millis() as u64;
        self.wall_ms.fetch_add(ms as i64, Ordering::SeqCst);
        self.steady_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now_ms(&self) -> i64 {
        NOW_MS + self.wall_ms.load(Ordering::SeqCst)
    }
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.steady_ms.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
pub struct Events(Mutex<Vec<ApiEvent>>);

impl Events {
    pub fn all(&self) -> String {
        let events = self.0.lock().expect("no panic");
        let lines = events.iter().map(|event| format!("{event}\n"));
        lines.collect()
    }
}

impl ApiObserver for Events {
    fn event(&self, event: ApiEvent) {
        self.0.lock().expect("no panic").push(event);
    }
}

pub struct Rig {
    pub router: Router,
    pub store: Store,
    pub fleet: Arc<FakeFleet>,
    pub clock: Arc<FakeClock>,
    pub events: Arc<Events>,
    pub stop: watch::Sender<bool>,
    pub tracer: Tracer,
    pub peers: Arc<Peers>,
    pub objects: Arc<InMemory>,
    /// A token for everything.
    pub admin: String,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).expect("UTF-8")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn header(&self, name: header::HeaderName) -> &str {
        let value = self.headers.get(&name);
        value.map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// Status and body, for snapshots; a problem has to look like one.
    pub fn seen(&self) -> String {
        let json = match self.body.is_empty() {
            true => String::new(),
            false => serde_json::to_string_pretty(&self.json()).expect("JSON"),
        };
        if self.status.is_client_error() || self.status.is_server_error() {
            let kind = self.header(header::CONTENT_TYPE);
            assert_eq!(kind, "application/problem+json", "{}", self.text());
            assert_eq!(self.json()["status"], self.status.as_u16());
        }
        format!("{} {json}", self.status.as_u16())
    }

    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// Status and last segment of the problem's type.
    pub fn problem(&self) -> (u16, String) {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        let slug = kind.strip_prefix("/problems/").expect("a problem");
        (self.status.as_u16(), slug.to_owned())
    }
}

pub fn parts(store: &Store, rig: &Rig) -> Parts {
    Parts {
        store: store.clone(),
        fleet: rig.fleet.clone(),
        clock: rig.clock.clone(),
        observer: rig.events.clone(),
        tracer: rig.tracer.clone(),
        peers: rig.peers.clone(),
    }
}

pub fn config(more: &str) -> Config {
    match Config::parse(&format!("{CONFIG}{more}"), &|_| None) {
        Ok(config) => config,
        Err(problems) => panic!("{problems}"),
    }
}

impl Rig {
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// With something more in the configuration.
    pub async fn with(more: &str) -> Self {
        Self::build(more, Tracer::default()).await
    }

    /// Requests are traced.
    pub async fn traced(tracer: Tracer) -> Self {
        Self::build("", tracer).await
    }

    async fn build(more: &str, tracer: Tracer) -> Self {
        let objects = Arc::new(InMemory::new());
        let store = Store::open(objects.clone())
            .await
            .expect("an empty catalog");
        let stop = watch::Sender::new(false);
        let peers = Peers::new(&config(more), "this", store.clone(), NOW_MS);
        let mut rig = Self {
            router: Router::new(),
            store: store.clone(),
            fleet: Arc::default(),
            clock: Arc::default(),
            events: Arc::default(),
            admin: String::new(),
            stop,
            tracer,
            peers: Arc::new(peers.expect("a client")),
            objects,
        };
        let stops = rig.stop.subscribe();
        rig.router = router(App::new(&config(more), parts(&store, &rig), stops));
        rig.admin = rig.token(None, "admin", &[Scope::Admin], None).await;
        for name in ["shop", "bank"] {
            let everything = json!({"read": ["*"], "write": ["*"]});
            rig.admin(
                "POST",
                "/v1/tenants",
                json!({"name": name, "policy": everything}),
            )
            .await
            .expect(201);
        }
        rig
    }

    /// A token, made past the API.
    pub async fn token(
        &self,
        tenant: Option<&str>,
        name: &str,
        scopes: &[Scope],
        expires_ms: Option<i64>,
    ) -> String {
        let made = token::generate(sluicebox_catalog::random().expect("randomness"));
        let token = Token {
            tenant: tenant.map(str::to_owned),
            name: name.to_owned(),
            scopes: scopes.iter().copied().collect(),
            hash: made.hash.clone(),
            created_ms: NOW_MS,
            expires_ms,
            revoked: false,
        };
        let create = |_: &_| {
            Ok(Change::TokenCreated {
                id: made.id.clone(),
                token: token.clone(),
            })
        };
        self.store
            .commit("host", NOW_MS, create)
            .await
            .expect("a token");
        made.text
    }

    /// A token of tenant `shop`.
    pub async fn shop(&self, scopes: &[Scope]) -> String {
        let name = format!("t{}", self.store.current().tokens.len());
        self.token(Some("shop"), &name, scopes, None).await
    }

    pub async fn request(&self, request: Request<Body>) -> Reply {
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer");
        let (parts, body) = response.into_parts();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: to_bytes(body, usize::MAX).await.expect("a body"),
        }
    }

    pub async fn send(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: impl Into<Body>,
    ) -> Reply {
        self.request(request(token, method, path, body)).await
    }

    pub async fn get(&self, token: &str, path: &str) -> Reply {
        self.send(token, "GET", path, Body::empty()).await
    }

    pub async fn admin(&self, method: &str, path: &str, body: Value) -> Reply {
        self.send(&self.admin, method, path, body.to_string()).await
    }

    /// Push a module to tenant `shop`.
    pub async fn push(&self, name: &str, salt: &str) -> Reply {
        let path = format!("/v1/tenants/shop/modules/{name}");
        self.send(&self.admin, "PUT", &path, module(&[], salt))
            .await
    }

    /// Deploy to tenant `shop`.
    pub async fn deploy(&self, job: &str, query: &str, spec: impl Into<Body>) -> Reply {
        let path = format!("/v1/tenants/shop/jobs/{job}{query}");
        self.send(&self.admin, "PUT", &path, spec).await
    }
}

pub fn request(token: &str, method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(body.into()).expect("a request")
}

/// A good spec of a job of tenant `shop` that runs `shop/valid@1`.
pub fn spec(job: &str) -> String {
    format!(
        "apiVersion: sluicebox/v1
job: {job}
source: {{ kafka: {{ topic: {job}-in, start: earliest }} }}
operators:
  - {{ id: valid, filter: {{ module: shop/valid@1 }} }}
sink: {{ kafka: {{ topic: {job}-out }} }}
"
    )
}

/// The push of a module, as it goes through a socket.
pub fn module_request(token: &str) -> String {
    let body = module(&[], "socket");
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    format!(
        "PUT /v1/tenants/shop/modules/valid HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
