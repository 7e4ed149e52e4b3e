//! One connection: TLS if configured, then HTTP/1.1 under time-outs, and an orderly end.

use crate::api::{Problem, ProblemKind};
use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX, Limits, WRITE_WAIT};
use crate::paced::Paced;
use axum::Router;
use axum::body::Body;
use axum::http::Response;
use axum::response::IntoResponse;
use futures_util::StreamExt;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How long and how much of what a client still sends is read after the last answer. Closing at once would reset the
/// connection, and the client might lose the answer that says why.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 1 << 20;

/// Serve one connection until it ends.
pub async fn serve(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    limits: Limits,
    stopping: watch::Receiver<bool>,
) {
    // Answers are written whole: there is nothing to gather.
    let _ = stream.set_nodelay(true);
    let stream = Paced::new(stream, WRITE_WAIT);
    let Some(tls) = tls else {
        return http(stream, router, limits, stopping).await;
    };
    let handshake = TlsAcceptor::from(tls).accept(stream);
    let wait = Duration::from_millis(limits.handshake_timeout_ms);
    if let Ok(Ok(stream)) = timeout(wait, handshake).await {
        http(stream, router, limits, stopping).await;
    }
}

async fn http<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    router: Router,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| Box::pin(router.call(request)));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.head_timeout_ms))
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let result = {
        let mut run = poll_fn(|cx| connection.poll_without_shutdown(cx));
        tokio::select! {
            result = &mut run => Some(result),
            _ = stopping.wait_for(|stopping| *stopping) => None,
        }
    };
    let result = match result {
        Some(result) => result,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    let slow = result.is_err_and(|error| error.is_timeout());
    // A connection on which nothing was asked just ends.
    if slow && !parts.read_buf.is_empty() && stream.write_all(&too_slow().await).await.is_err() {
        return;
    }
    end(stream).await;
}

async fn end<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let linger = async {
        stream.shutdown().await?;
        let mut sink = [0; 4_096];
        let mut rest = LINGER_BYTES_MAX;
        while rest > 0 {
            match stream.read(&mut sink).await? {
                0 => break,
                read => rest = rest.saturating_sub(read),
            }
        }
        Ok::<_, std::io::Error>(())
    };
    // The connection ends in any case.
    let _ = timeout(LINGER, linger).await;
}

/// The answer to a head that did not come in time, which never reached the router.
async fn too_slow() -> Vec<u8> {
    let problem = Problem::new(
        ProblemKind::Slow,
        "the head of the request did not come in time",
    );
    let (parts, body) = problem.into_response().into_parts();
    let mut text = format!("HTTP/1.1 {}\r\nconnection: close\r\n", parts.status);
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let body = whole(Response::new(body)).await;
    let mut bytes = format!("{text}content-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend(body);
    bytes
}

async fn whole(response: Response<Body>) -> Vec<u8> {
    let mut all = Vec::new();
    let mut stream = response.into_body().into_data_stream();
    while let Some(Ok(chunk)) = stream.next().await {
        all.extend_from_slice(&chunk);
    }
    all
}
