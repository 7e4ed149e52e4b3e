//! Around every request: it is counted, what its sender must not see is told to whoever runs the host, and a handler that
//! panics costs its own request only.

use super::app::App;
use super::problem::{Cause, Kind as ProblemKind, Problem};
use crate::event::ApiEvent;
use crate::telemetry::{Attributes, Context, Kind, Span, Value};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// What is shown of a path, in characters.
const PATH_CHARS_MAX: usize = 200;

/// Run a request.
pub async fn watch(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let span = RequestSpan::begin(&app, &request);
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    // Nothing of the handler is used again after a panic; what it shares is whole at any time.
    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => Problem::internal("a handler panicked: please report it").into_response(),
    };
    let status = response.status();
    if let Some(span) = span {
        span.end(&app, &method, &route, &path, status);
    }
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
    let path: String = uri.path().chars().take(PATH_CHARS_MAX).collect();
    Problem::missing(format!("there is no resource `{path}`"))
        .help("GET /openapi.json lists what there is")
}

/// A route has this path, but not this method.
pub async fn no_such_method(method: Method) -> Problem {
    let method: String = method.as_str().chars().take(20).collect();
    Problem::new(
        ProblemKind::Method,
        format!("this resource does not do {method}"),
    )
    .help("GET /openapi.json lists what it does")
}

/// A request whose trace is kept.
struct RequestSpan {
    context: Context,
    parent: Option<Context>,
    began: Duration,
}

impl RequestSpan {
    /// Of requests to the API itself: probes, metrics and the page's files would only hide those.
    fn begin(app: &App, request: &Request) -> Option<Self> {
        if !request.uri().path().starts_with("/v1/") {
            return None;
        }
        let parent = request.headers().get("traceparent");
        let parent = parent.and_then(|value| value.to_str().ok());
        let (context, parent) = app.tracer.take_up(parent)?;
        Some(Self {
            context,
            parent,
            began: app.clock.elapsed(),
        })
    }

    fn end(self, app: &App, method: &Method, route: &str, path: &str, status: StatusCode) {
        let method = standard(method);
        let mut attributes = vec![
            ("http.request.method", method),
            ("http.route", route),
            ("url.path", path),
        ];
        let mut parts = path.split('/').skip(2);
        if let (Some("tenants"), Some(tenant)) = (parts.next(), parts.next()) {
            attributes.push(("sluicebox.tenant", tenant));
        }
        let short = |text: &str| text.chars().take(PATH_CHARS_MAX).collect();
        let texts = attributes.into_iter();
        let mut attributes: Attributes = texts
            .map(|(key, text)| (key.to_owned(), Value::Text(short(text))))
            .collect();
        let code = i64::from(status.as_u16());
        attributes.push(("http.response.status_code".to_owned(), Value::Int(code)));
        let took = app.clock.elapsed().saturating_sub(self.began);
        app.tracer.ended(Span {
            context: self.context,
            parent: self.parent.map(|parent| parent.span),
            name: format!("{method} {route}"),
            kind: Kind::Server,
            interval: app.tracer.interval(took),
            attributes,
            error: status.is_server_error().then(|| status.to_string()),
        });
    }
}
