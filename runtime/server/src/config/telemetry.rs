//! Where traces go: `telemetry`. Values of headers are never part of a message.

use super::read::bare_url;
use crate::telemetry::Otlp;
use axum::http::{HeaderName, HeaderValue};
use reqwest::Url;
use sluicebox_core::spec::document::Cursor;
use sluicebox_core::spec::is_clear_text;

const HEADERS_MAX: usize = 16;

pub(super) fn telemetry(cursor: &Cursor<'_>) -> Option<Option<Otlp>> {
    let fields = cursor.fields(&["otlp"])?;
    fields.or("otlp", None, |c| otlp(&c).map(Some))
}

fn otlp(cursor: &Cursor<'_>) -> Option<Otlp> {
    let fields = cursor.fields(&["endpoint", "headers", "sample_percent"])?;
    let endpoint = fields
        .require(
            "endpoint",
            "name a receiver of OTLP over HTTP, such as `endpoint: http://127.0.0.1:4318`",
        )
        .and_then(|c| endpoint(&c));
    let headers = fields.or("headers", Vec::new(), |c| headers(&c));
    let sample_percent = fields.or("sample_percent", 100, |c| {
        c.integer(0..=100).map(|percent| percent as u8)
    });
    let ((endpoint, url), headers) = (endpoint?, headers?);
    if !headers.is_empty() && is_clear_text(url.scheme(), url.host_str().unwrap_or_default()) {
        return cursor.wrong_help(
            "would send its headers over the network in clear text",
            "name an endpoint with `https://`, or one on this machine",
        );
    }
    Some(Otlp {
        endpoint: endpoint.to_owned(),
        headers,
        sample_percent: sample_percent?,
    })
}

/// As it is written, and what that means.
fn endpoint<'a>(cursor: &Cursor<'a>) -> Option<(&'a str, Url)> {
    let text = cursor.text()?;
    match bare_url(text) {
        Some(url) => Some((text, url)),
        None => cursor.wrong_help(
            "is no URL that traces can be sent to",
            "write `http://HOST:4318` or `https://HOST`, without user, query or `/v1/traces`; credentials stand in `headers`",
        ),
    }
}

fn headers(cursor: &Cursor<'_>) -> Option<Vec<(String, String)>> {
    let entries = cursor.entries()?;
    if entries.len() > HEADERS_MAX {
        return cursor.wrong(format!("has more than {HEADERS_MAX} headers"));
    }
    let mut all = Vec::new();
    let mut good = true;
    for (name, inner) in entries {
        let Some(value) = inner.text() else {
            good = false;
            continue;
        };
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(_), Ok(_)) => all.push((name.to_owned(), value.to_owned())),
            _ => {
                good = inner
                    .wrong_help(
                        "is no header of HTTP",
                        "write `headers: { authorization: '${NAME}' }`, its value on one line",
                    )
                    .unwrap_or(false);
            }
        }
    }
    good.then_some(all)
}
