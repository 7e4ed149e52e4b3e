//! What only a socket shows: slow clients, a bounded number of connections, and an orderly stop.

use crate::rig::{Rig, config, module_request, parts};
use sluicebox_server::Server;
use sluicebox_server::limits::HEADERS_MAX;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

pub struct Running {
    pub rig: Rig,
    pub address: SocketAddr,
    pub stop: oneshot::Sender<()>,
    pub server: JoinHandle<()>,
}

pub async fn run(more: &str) -> Running {
    let rig = Rig::with(more).await;
    let server = Server::bind(&config(more), parts(&rig.store, &rig))
        .await
        .expect("a free port");
    let address = server.address().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    Running {
        rig,
        address,
        stop,
        server,
    }
}

/// All that comes until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .expect("in time");
    // A reset is an end, too.
    let _ = read;
    String::from_utf8(bytes).expect("UTF-8")
}

async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is taken");
    rest(&mut stream).await
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_slow_head_and_a_slow_body_are_told_so() {
    let limits = "limits: { head_timeout: 200ms, body_timeout: 300ms }";
    let running = run(limits).await;
    let seen = exchange(
        running.address,
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx-drip: ",
    )
    .await;
    insta::assert_snapshot!(seen.replace("\r\n", "\n"), @r#"
    HTTP/1.1 408 Request Timeout
    connection: close
    content-type: application/problem+json
    content-length: 140

    {"type":"/problems/slow","title":"The request took too long to arrive","status":408,"detail":"the head of the request did not come in time"}
    "#);
    let seen = exchange(running.address, "").await;
    assert_eq!(seen, "", "nothing was asked, so nothing is answered");
    let head = format!(
        "POST /v1/tenants HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 100\r\n\r\n{{",
        running.rig.admin
    );
    let seen = exchange(running.address, &head).await;
    assert!(
        seen.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{seen}"
    );
    assert!(seen.contains("the body did not come in time"), "{seen}");
}

#[tokio::test]
async fn a_large_head_is_refused() {
    let running = run("").await;
    let request = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n",
        "a".repeat(100_000)
    );
    let seen = exchange(running.address, &request).await;
    assert!(seen.starts_with("HTTP/1.1 431 "), "{seen}");
    // One more than there may be, together with `host`.
    let many = "x-many: 1\r\n".repeat(HEADERS_MAX);
    let request = format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n");
    let seen = exchange(running.address, &request).await;
    assert!(seen.starts_with("HTTP/1.1 431 "), "{seen}");
}

/// A client that still sends must get the answer that says why it should not.
#[tokio::test]
async fn whoever_sends_too_much_learns_why() {
    let running = run("").await;
    let body = vec![b' '; 4 << 20];
    for (token, status) in [(running.rig.admin.as_str(), "413"), ("nobody", "401")] {
        let head = format!(
            "POST /v1/tenants HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(running.address)
            .await
            .expect("a connection");
        stream
            .write_all(head.as_bytes())
            .await
            .expect("it is taken");
        // The host may close before it has read everything.
        let _ = stream.write_all(&body[..1 << 20]).await;
        let seen = rest(&mut stream).await;
        assert!(seen.starts_with(&format!("HTTP/1.1 {status} ")), "{seen}");
    }
}

#[tokio::test]
async fn connections_are_bounded_and_the_next_one_waits() {
    let running = run("limits: { connections_max: 2, head_timeout: 1s }").await;
    let mut idle = Vec::new();
    for _ in 0..2 {
        idle.push(
            TcpStream::connect(running.address)
                .await
                .expect("a connection"),
        );
    }
    // Idle ones are closed after a while, so nobody holds the others up for ever.
    let seen = timeout(PATIENCE, exchange(running.address, HEALTH))
        .await
        .expect("in time");
    assert!(seen.starts_with("HTTP/1.1 200 OK"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_running_requests_end_and_takes_no_new_ones() {
    let running = run("").await;
    let mut kept = TcpStream::connect(running.address)
        .await
        .expect("a connection");
    kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("it is taken");
    let mut first = [0; 15];
    kept.read_exact(&mut first).await.expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    running.rig.fleet.stall();
    let push = module_request(&running.rig.admin);
    let push = tokio::spawn(async move { exchange(running.address, &push).await });
    while running.rig.fleet.begun.load(Ordering::SeqCst) < 1 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    running.stop.send(()).expect("it runs");
    // The idle connection ends at once, long before it would for being idle; and nobody gets in any more.
    let soon = Duration::from_secs(4);
    timeout(soon, rest(&mut kept)).await.expect("at once");
    let refused = TcpStream::connect(running.address).await;
    assert!(refused.is_err(), "it still listens");
    assert!(!running.server.is_finished());
    running.rig.fleet.go_on();
    let seen = push.await.expect("no panic");
    assert!(seen.starts_with("HTTP/1.1 201 Created"), "{seen}");
    timeout(PATIENCE, running.server)
        .await
        .expect("it ends")
        .expect("no panic");
    let events = running.rig.events.all();
    assert!(
        events.contains("the API listens on http://127.0.0.1:"),
        "{events}"
    );
    assert!(events.contains("the API stops"), "{events}");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let running = run("").await;
    let mut taken = config("");
    taken.listen = running.address;
    let error = Server::bind(&taken, parts(&running.rig.store, &running.rig)).await;
    let error = error.err().expect("it is taken").to_string();
    let port = format!(":{}", running.address.port());
    insta::assert_snapshot!(error.replace(&port, ":PORT"), @"can't listen on 127.0.0.1:PORT: Address already in use (os error 98). Stop what uses it, or set another `listen` address");
}
