//! Around every request: it is counted, what its sender must not see is told to whoever runs the host, and a handler that
//! panics costs its own request only.

use super::app::App;
use super::problem::{Cause, Kind, Problem};
use crate::event::ApiEvent;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;

/// Run a request.
pub async fn watch(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    // Nothing of the handler is used again after a panic; what it shares is whole at any time.
    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => Problem::internal("a handler panicked: please report it").into_response(),
    };
    let status = response.status();
    app.requests
        .count(standard(&method), &route, status.as_u16());
    if let Some(Cause(why)) = response.extensions_mut().remove() {
        app.observer.event(match status {
            StatusCode::UNAUTHORIZED => ApiEvent::Denied { why },
            _ => ApiEvent::Failed {
                request: format!("{method} {path}"),
                why,
            },
        });
    }
    let headers = response.headers_mut();
    // Tokens and specs are in answers: nothing on the way may keep them. The page's files say what else is right for them.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// A method as it is counted: clients can make up any number of others.
fn standard(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
}

/// No route has this path.
pub async fn no_such_resource(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::missing(format!("there is no resource `{path}`"))
        .help("GET /openapi.json lists what there is")
}

/// A route has this path, but not this method.
pub async fn no_such_method(method: Method) -> Problem {
    let method: String = method.as_str().chars().take(20).collect();
    Problem::new(Kind::Method, format!("this resource does not do {method}"))
        .help("GET /openapi.json lists what it does")
}
