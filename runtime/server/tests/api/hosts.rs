//! Several hosts: whichever is asked answers for all, and says whom it could not ask.

use crate::fleet::FakeFleet;
use crate::rig::{NOW_MS, Rig, config, parts, request, spec};
use crate::tls::Authority;
use axum::body::Body;
use futures_util::StreamExt;
use serde_json::{Value, json};
use sluicebox_catalog::{HostRecord, Store};
use sluicebox_host::Level;
use sluicebox_server::peers::Peers;
use sluicebox_server::port::{RunState, ShardStatus, Status};
use sluicebox_server::{LogLine, Parts, Server};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

const JOB: &str = "/v1/tenants/shop/jobs/spend";
const PATIENCE: Duration = Duration::from_secs(20);

/// A host beside the rig's, with the same objects, that listens.
struct Other {
    fleet: Arc<FakeFleet>,
    peers: Arc<Peers>,
    store: Store,
    server: JoinHandle<()>,
    port: u16,
}

impl Other {
    async fn start(rig: &Rig, id: &str, more: &str) -> Self {
        let config = config(more);
        let store = Store::open(rig.objects.clone()).await.expect("a catalog");
        let fleet = Arc::<FakeFleet>::default();
        let peers = Arc::new(Peers::new(&config, id, store.clone(), NOW_MS).expect("a client"));
        let parts = Parts {
            store: store.clone(),
            fleet: fleet.clone(),
            peers: peers.clone(),
            ..parts(&store, rig)
        };
        let server = Server::bind(&config, parts).await.expect("a free port");
        store.announce(&peers.this()).await.expect("it is said");
        let port = server.address().expect("an address").port();
        let server = tokio::spawn(server.run(std::future::pending()));
        Self {
            fleet,
            peers,
            store,
            server,
            port,
        }
    }

    /// It dies without a word.
    async fn die(self) {
        self.server.abort();
        let _ = self.server.await;
    }
}

/// A job that this host and the other run together.
async fn shared(rig: &Rig, other: &Other) {
    rig.push("valid", "a").await.expect(201);
    rig.deploy("spend", "", spec("spend")).await.expect(201);
    for (fleet, shards, version) in [(&rig.fleet, [0, 2], 2), (&other.fleet, [1, 3], 1)] {
        let shard = |number| ShardStatus {
            state: RunState::Running,
            epoch: 7,
            ..ShardStatus::unknown(number)
        };
        let status = Status {
            state: RunState::Running,
            version: Some(version),
            message: None,
            shards: shards.map(shard).into(),
        };
        let mut running = fleet.running.lock().expect("no panic");
        running.insert("shop/spend".to_owned(), status);
    }
    // The other reads the catalog now and then.
    other.store.refresh().await.expect("a catalog");
}

fn placed(job: &Value) -> Vec<(i64, &str)> {
    let shards = job["status"]["shards"].as_array().expect("shards");
    shards
        .iter()
        .map(|shard| {
            let number = shard["shard"].as_i64().expect("a number");
            (number, shard["host"].as_str().unwrap_or_default())
        })
        .collect()
}

fn unreached(job: &Value) -> Vec<&str> {
    let hosts = job["hosts"].as_array().expect("hosts");
    hosts
        .iter()
        .filter_map(|host| host["unreached"].as_str())
        .collect()
}

fn line(at_ms: i64, text: &str) -> LogLine {
    LogLine {
        at_ms,
        shard: None,
        operator: None,
        level: Level::Info,
        text: text.to_owned(),
    }
}

fn texts(lines: &str) -> Vec<(String, String)> {
    let text = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let field = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        (field("host"), field("text"))
    };
    lines.lines().map(text).collect()
}

#[tokio::test]
async fn whichever_host_is_asked_answers_for_all() {
    let rig = Rig::new().await;
    let other = Other::start(&rig, "other", "").await;
    shared(&rig, &other).await;
    let job = rig.get(&rig.admin, JOB).await.expect(200).json();
    let all = [(0, "this"), (1, "other"), (2, "this"), (3, "other")];
    assert_eq!(placed(&job), all);
    assert_eq!(job["status"]["version"], 1, "the other is not that far");
    assert_eq!(unreached(&job), [""; 0]);
    let jobs = rig.get(&rig.admin, "/v1/tenants/shop/jobs").await;
    assert_eq!(placed(&jobs.expect(200).json()[0]), all);
    // Each for itself.
    let own = rig.get(&rig.admin, &format!("{JOB}/status")).await;
    let own = own.expect(200).json();
    assert_eq!(own["shards"].as_array().map(Vec::len), Some(2));
    let hosts = rig.get(&rig.admin, "/v1/hosts").await.expect(200).json();
    let url = other.peers.this().url;
    assert_eq!(
        hosts,
        json!([
            {"id": "other", "url": url, "version": env!("CARGO_PKG_VERSION"), "started_ms": NOW_MS, "this": false},
            {"id": "this", "url": null, "version": env!("CARGO_PKG_VERSION"), "started_ms": NOW_MS, "this": true},
        ])
    );
    // A tenant's token is good for its own jobs on the others, too.
    let token = rig.shop(&[sluicebox_catalog::Scope::View]).await;
    other.store.refresh().await.expect("a catalog");
    let job = rig.get(&token, JOB).await.expect(200).json();
    assert_eq!(placed(&job), all);
    rig.get(&token, "/v1/hosts").await.expect(403);
}

#[tokio::test]
async fn logs_are_of_all_hosts_in_the_order_of_time() {
    let rig = Rig::new().await;
    let other = Other::start(&rig, "other", "").await;
    shared(&rig, &other).await;
    let (here, there) = (rig.fleet.log("shop/spend"), other.fleet.log("shop/spend"));
    [(1, "a"), (4, "d")]
        .iter()
        .for_each(|(at, text)| here.push(line(*at, text)));
    [(2, "b"), (3, "c")]
        .iter()
        .for_each(|(at, text)| there.push(line(*at, text)));
    let own = |host: &str, text: &str| (host.to_owned(), text.to_owned());
    let started = Instant::now();
    let lines = rig.get(&rig.admin, &format!("{JOB}/logs?tail=3")).await;
    assert!(started.elapsed() < Duration::from_secs(2), "it waited");
    let last = [own("other", "b"), own("other", "c"), own("this", "d")];
    assert_eq!(texts(&lines.expect(200).text()), last);
    let path = format!("{JOB}/logs?this_host=true");
    let lines = rig.get(&rig.admin, &path).await.expect(200).text();
    assert_eq!(texts(&lines), [own("this", "a"), own("this", "d")]);

    let path = format!("{JOB}/logs?follow=true&tail=3");
    let request = request(&rig.admin, "GET", &path, Body::empty());
    let answer = rig
        .router
        .clone()
        .oneshot(request)
        .await
        .expect("an answer");
    let mut stream = answer.into_body().into_data_stream();
    let mut next = async || {
        let piece = timeout(PATIENCE, stream.next()).await.expect("in time");
        let piece = piece.expect("it goes on").expect("no error");
        texts(std::str::from_utf8(&piece).expect("UTF-8"))
    };
    assert_eq!(next().await, last);
    there.push(line(5, "e"));
    assert_eq!(next().await, [own("other", "e")]);
    here.push(line(6, "f"));
    assert_eq!(next().await, [own("this", "f")]);
    other.die().await;
    let (host, text) = next().await.swap_remove(0);
    assert_eq!(host, "other");
    assert!(
        text.starts_with("the log of this host can't be read"),
        "{text}"
    );
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_named_and_the_others_are_shown() {
    let rig = Rig::new().await;
    let other = Other::start(&rig, "other", "").await;
    shared(&rig, &other).await;
    other.die().await;
    let host = |id: &str, url: Option<String>| HostRecord {
        id: id.to_owned(),
        url,
        ..HostRecord::default()
    };
    let elsewhere = Other::start(&rig, "elsewhere", "").await;
    let theirs = elsewhere.peers.this().url;
    for host in [
        host("clear", Some("http://192.0.2.1:7070".to_owned())),
        host("moved", theirs),
        host("shy", None),
    ] {
        rig.store.announce(&host).await.expect("it is said");
    }
    elsewhere.store.refresh().await.expect("a catalog");
    // What was listed before is believed for a few seconds.
    let until = Instant::now() + PATIENCE;
    let job = loop {
        let job = rig.get(&rig.admin, JOB).await.expect(200).json();
        if unreached(&job).len() == 4 || Instant::now() > until {
            break job;
        }
        sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(placed(&job), [(0, "this"), (2, "this")]);
    let told: Vec<String> = unreached(&job)
        .into_iter()
        .map(|why| why.replace(&elsewhere.peers.this().url.unwrap_or_default(), "URL"))
        .collect();
    insta::assert_debug_snapshot!(told, @r#"
    [
        "`http://192.0.2.1:7070` would see the token in clear text",
        "something else answers at URL",
        "Connection refused (os error 111)",
        "it does not say how it is reached: set `peers.url` there",
    ]
    "#);
    let lines = rig.get(&rig.admin, &format!("{JOB}/logs")).await;
    assert_eq!(texts(&lines.expect(200).text()).len(), 4);
}

/// Certificates of the installation's own authority, which hosts demand of each other as of everybody.
#[tokio::test]
async fn hosts_know_each_other_by_their_certificates() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let authority = Authority::new();
    authority.sign("localhost").write(folder.path());
    std::fs::write(at("ca.pem"), authority.certificate.pem()).expect("a file");
    let tls = |more: &str| {
        let (certificate, key) = (at("cert.pem"), at("key.pem"));
        format!("tls: {{ certificate: '{certificate}', key: '{key}'{more} }}\n")
    };
    let mutual = tls(&format!(", client_ca: '{}'", at("ca.pem")));
    for (own, theirs, works) in [
        (
            format!("peers: {{ ca: '{}' }}\n", at("ca.pem")),
            tls(""),
            true,
        ),
        (String::new(), tls(""), false),
        (
            format!("peers: {{ ca: '{}' }}\n", at("ca.pem")),
            mutual.clone(),
            false,
        ),
        (
            format!("{mutual}peers: {{ ca: '{}' }}\n", at("ca.pem")),
            mutual.clone(),
            true,
        ),
    ] {
        let rig = Rig::with(&own).await;
        let other = Other::start(&rig, "other", &theirs).await;
        assert_eq!(
            other.peers.this().url,
            None,
            "no certificate names an address"
        );
        let url = format!("https://localhost:{}", other.port);
        let record = HostRecord {
            url: Some(url),
            ..other.peers.this()
        };
        rig.store.announce(&record).await.expect("it is said");
        shared(&rig, &other).await;
        let job = rig.get(&rig.admin, JOB).await.expect(200).json();
        assert_eq!(placed(&job).len() == 4, works, "{own}{theirs}: {job:#}");
    }
}
