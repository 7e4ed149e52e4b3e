//! Bodies, read under two limits: how large, and how slow.

use super::problem::{Answer, Kind, Problem};
use crate::limits::{BODY_RATE_MIN, Limits};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Read a whole body. One that is announced as too large isn't read at all.
pub async fn read(
    headers: &HeaderMap,
    body: Body,
    bytes_max: u64,
    limits: &Limits,
) -> Answer<Bytes> {
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > bytes_max) {
        return Err(too_large(bytes_max));
    }
    let start = Instant::now();
    let mut stream = body.into_data_stream();
    // Not as much as was announced: memory is for what really came.
    let mut all = Vec::new();
    loop {
        let deadline = start + allowed(all.len() as u64, limits);
        let Ok(next) = timeout_at(deadline, stream.next()).await else {
            return Err(too_slow());
        };
        match next {
            None => return Ok(all.into()),
            Some(Ok(chunk)) if (all.len() + chunk.len()) as u64 > bytes_max => {
                return Err(too_large(bytes_max));
            }
            Some(Ok(chunk)) => all.extend_from_slice(&chunk),
            Some(Err(error)) => {
                return Err(Problem::request("the body ended too early").cause(error.to_string()));
            }
        }
    }
}

/// How long a body may take of which this much has come.
fn allowed(bytes: u64, limits: &Limits) -> Duration {
    let steady = Duration::from_millis(bytes.saturating_mul(1_000) / BODY_RATE_MIN);
    Duration::from_millis(limits.body_timeout_ms) + steady
}

fn too_large(bytes_max: u64) -> Problem {
    let size = match (bytes_max >> 20, bytes_max >> 10) {
        (0, 0) => format!("{bytes_max} bytes"),
        (0, kib) => format!("{kib} KiB"),
        (mib, _) => format!("{mib} MiB"),
    };
    Problem::new(
        Kind::TooLarge,
        format!("the body has more than {size}, the most there may be"),
    )
}

fn too_slow() -> Problem {
    Problem::new(Kind::Slow, "the body did not come in time")
        .help("send it again, in one go; large ones at 64 KiB a second at least")
}

/// What a JSON body says. Its depth is bounded by the parser, its size was before.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Answer<T> {
    // Fields by their place in a list are what the parser would take as well, and nobody means.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::request("the body is a list, and not an object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| not_as_expected("the body", error))?;
    deserializer
        .end()
        .map_err(|error| Problem::request(format!("the body goes on after its JSON: {error}")))?;
    Ok(value)
}

/// What is wrong in a structure, and where. Paths can be as deep as what was sent, so they are cut.
pub fn not_as_expected<E: std::fmt::Display>(
    whole: &str,
    error: serde_path_to_error::Error<E>,
) -> Problem {
    const PATH_CHARS_MAX: usize = 80;
    let path = error.path().to_string();
    let path: String = path.chars().take(PATH_CHARS_MAX).collect();
    let error = error.into_inner();
    match path.as_str() {
        "." | "?" => Problem::request(format!("{whole} is not as expected: {error}")),
        path => Problem::request(format!("`{path}` is not as expected: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_take_longer_while_it_comes() {
        let limits = Limits::default();
        let s = |bytes| allowed(bytes, &limits).as_secs();
        assert_eq!((s(0), s(BODY_RATE_MIN), s(10 << 20)), (30, 31, 190));
    }
}
