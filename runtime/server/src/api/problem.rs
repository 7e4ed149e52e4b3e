//! Every error of the API, as RFC 9457 has it: `application/problem+json` with what happened and what to do. Kinds
//! and their statuses are here; which kind the errors of other crates are is in `refusals.rs`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

/// An answer, or a problem.
pub type Answer<T> = Result<T, Problem>;

/// Which kind of problem it is: its type, title and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request is malformed.
    Request,
    /// No token, or none that is valid.
    Token,
    /// The token does not allow it.
    Scope,
    /// The tenant's policy does not allow it.
    Policy,
    /// More than the tenant may have.
    Quota,
    /// It is not there, or not for whoever asks.
    Missing,
    /// The resource does not do that.
    Method,
    /// The client was too slow.
    Slow,
    /// Not in the present state.
    Conflict,
    /// The body is too large.
    TooLarge,
    /// Well-formed, but not acceptable.
    Invalid,
    /// The module is refused.
    Module,
    /// The job spec is refused.
    Spec,
    /// Too many requests.
    Rate,
    /// The host, or something that it needs, can't answer now.
    Unavailable,
    /// A fault of the host.
    Internal,
}

impl Kind {
    fn parts(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::Request => (
                "request",
                "The request is malformed",
                StatusCode::BAD_REQUEST,
            ),
            Self::Token => ("token", "A valid token is needed", StatusCode::UNAUTHORIZED),
            Self::Scope => (
                "scope",
                "The token does not allow this",
                StatusCode::FORBIDDEN,
            ),
            Self::Policy => (
                "policy",
                "The tenant's policy does not allow this",
                StatusCode::FORBIDDEN,
            ),
            Self::Quota => (
                "quota",
                "The tenant's quota is used up",
                StatusCode::FORBIDDEN,
            ),
            Self::Missing => ("missing", "Not found", StatusCode::NOT_FOUND),
            Self::Method => (
                "method",
                "The resource does not do that",
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            Self::Slow => (
                "slow",
                "The request took too long to arrive",
                StatusCode::REQUEST_TIMEOUT,
            ),
            Self::Conflict => ("conflict", "Not in the present state", StatusCode::CONFLICT),
            Self::TooLarge => (
                "too-large",
                "The body is too large",
                StatusCode::PAYLOAD_TOO_LARGE,
            ),
            Self::Invalid => (
                "invalid",
                "Not acceptable as it is",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::Module => (
                "module",
                "The module is refused",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::Spec => (
                "spec",
                "The job spec is refused",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::Rate => ("rate", "Too many requests", StatusCode::TOO_MANY_REQUESTS),
            Self::Unavailable => (
                "unavailable",
                "The host can't answer now",
                StatusCode::SERVICE_UNAVAILABLE,
            ),
            Self::Internal => (
                "internal",
                "The host failed",
                StatusCode::INTERNAL_SERVER_ERROR,
            ),
        }
    }
}

/// Something is wrong with a request, or with the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which kind it is.
    pub kind: Kind,
    /// What happened.
    pub detail: String,
    /// What to do.
    pub help: Option<String>,
    /// Each thing that is wrong with a spec.
    pub problems: Vec<SpecProblem>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// For the host's log only.
    pub cause: Option<String>,
}

/// What a client gets.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Which kind of problem it is: a relative URI, whose last segment is for programs.
    #[serde(rename = "type")]
    kind: String,
    /// The kind, for people.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened.
    detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// Each thing that is wrong with a job spec.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<SpecProblem>,
}

/// One thing that is wrong with a job spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SpecProblem {
    /// Line, from 1; left out where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Character in the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// Where in the structure, such as `operators[1].map.module`; empty for the whole spec.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// For the host's log, on its way from an answer to whoever writes it down.
#[derive(Clone, Debug)]
pub struct Cause(pub String);

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            help: None,
            problems: Vec::new(),
            retry_after: None,
            cause: None,
        }
    }

    /// With what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With when to try again.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// With something for the host's log.
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// A malformed request.
    pub fn request(detail: impl Into<String>) -> Self {
        Self::new(Kind::Request, detail)
    }

    /// Something that is not there.
    pub fn missing(detail: impl Into<String>) -> Self {
        Self::new(Kind::Missing, detail)
    }

    /// A fault of ours; the client learns no more than that.
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::new(
            Kind::Internal,
            "the request failed through no fault of yours",
        )
        .help("the reason is in the host's log; whoever runs the host can find it there")
        .cause(cause)
    }

    /// Something the host needs can't be used now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, detail).retry_after(Duration::from_secs(5))
    }

    /// A spec with these problems.
    pub fn spec(problems: Vec<SpecProblem>) -> Self {
        let detail = match problems.as_slice() {
            [_] => "the job spec has a problem".to_owned(),
            several => format!("the job spec has {} problems", several.len()),
        };
        Self {
            problems,
            ..Self::new(Kind::Spec, detail)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (slug, title, status) = self.kind.parts();
        let body = ProblemBody {
            kind: format!("/problems/{slug}"),
            title,
            status: status.as_u16(),
            detail: self.detail,
            help: self.help,
            problems: self.problems,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if self.kind == Kind::Token {
            let bearer = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_millis().div_ceil(1_000).max(1);
            if let Ok(seconds) = HeaderValue::try_from(seconds.to_string()) {
                headers.insert(header::RETRY_AFTER, seconds);
            }
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(Cause(cause));
        }
        response
    }
}

/// That any operation may answer with a problem, for the OpenAPI document.
pub struct Problems;

impl utoipa::IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let schema = RefOr::Ref(Ref::from_schema_name("Problem"));
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response = ResponseBuilder::new()
            .description("A problem")
            .content("application/problem+json", content)
            .build();
        [("default".to_owned(), response.into())].into()
    }
}
