//! The page: a few files that are part of the program, so that a host serves them wherever it runs and they fit its API. They
//! hold no secrets and need no token; what the page shows it gets through the API, with the token of whoever looks.

#[cfg(test)]
mod tests;

use crate::api::no_such_resource;
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use std::hash::{DefaultHasher, Hasher};

/// One of them.
struct File {
    name: &'static str,
    bytes: &'static [u8],
}

macro_rules! files {
    ($($name:literal)*) => {
        &[$(File { name: $name, bytes: include_bytes!(concat!("../ui/", $name)) }),*]
    };
}

const FILES: &[File] = files![
    "api.js" "app.js" "base.css" "charts.js" "dialog.js" "diff.js" "dom.js" "format.js" "graph.js" "history.js" "icon.svg"
    "index.html" "parts.css" "problem.js"
    "views/deploy.js" "views/job-charts.js" "views/job-letters.js" "views/job-logs.js" "views/job-tables.js" "views/job-versions.js"
    "views/job.js" "views/jobs.js" "views/login.js" "views/modules.js" "views/parts.js" "views/tenants.js" "views/tokens.js"
];

/// What a browser lets the page do: its own scripts and styles, its own host's API, and nothing else. Markup that got into
/// a name or a log line could do nothing even if the page showed it as markup, which it has no way to (Trusted Types).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    // Kept, and asked for again: files of two releases never mix.
    (header::CACHE_CONTROL, "no-cache"),
];

/// The page's routes, to be merged into the API's.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let to_page = || async { Redirect::temporary("/ui/") };
    Router::new()
        .route("/", get(to_page))
        .route("/ui", get(to_page))
        .route("/ui/", get(index))
        .route("/ui/{*name}", get(named))
}

async fn index(headers: HeaderMap) -> Response {
    match find("index.html") {
        Some(file) => file.answer(&headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn named(Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    match find(&name) {
        Some(file) => file.answer(&headers),
        None => no_such_resource(uri).await.into_response(),
    }
}

fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

impl File {
    fn answer(&self, asked: &HeaderMap) -> Response {
        let tag = self.tag();
        let known = asked.get(header::IF_NONE_MATCH);
        let mut response = match known.is_some_and(|known| names(known, &tag)) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => {
                let kind = [(header::CONTENT_TYPE, self.kind())];
                (kind, Bytes::from_static(self.bytes)).into_response()
            }
        };
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    fn kind(&self) -> &'static str {
        match self.name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "application/octet-stream",
        }
    }

    /// Differs where the bytes differ. Nobody gains by a collision, so any hash does.
    fn tag(&self) -> String {
        let mut hash = DefaultHasher::new();
        hash.write(self.bytes);
        format!("\"{:016x}\"", hash.finish())
    }
}

/// Whether `If-None-Match` names a tag. Proxies that compress make weak tags of ours.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    let mut tags = known.split(',').map(|t| t.trim().trim_start_matches("W/"));
    tags.any(|known| known == tag || known == "*")
}
