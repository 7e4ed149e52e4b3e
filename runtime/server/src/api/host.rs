//! What a host says of itself, and to whoever calls of who they are.

use super::app::App;
use super::call::Call;
use super::documents::ScopeDocument;
use super::openapi;
use super::problem::{Answer, Problem, Problems};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use sluicebox_catalog::Scope;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Who calls.
#[derive(Serialize, ToSchema)]
pub struct Whoami {
    /// Id of the token.
    token_id: String,
    /// What people call the token.
    name: String,
    /// The tenant it is for; none: the whole installation.
    tenant: Option<String>,
    #[schema(value_type = Vec<ScopeDocument>)]
    scopes: BTreeSet<Scope>,
    /// From when on it is refused, in milliseconds since 1970.
    expires_ms: Option<i64>,
}

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "host", operation_id = "healthz", security(()),
    responses((status = 200, description = "It does", content_type = "text/plain", body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether jobs can run here.
#[utoipa::path(get, path = "/readyz", tag = "host", operation_id = "readyz", security(()),
    responses((status = 200, description = "They can", content_type = "text/plain", body = String), Problems))]
pub async fn readyz(State(app): State<App>) -> Answer<&'static str> {
    match !*app.stopping.borrow() && app.ask(|fleet| fleet.ready()).await? {
        true => Ok("ok\n"),
        false => Err(Problem::unavailable(
            "the host is not ready: it starts, or it stops",
        )),
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "host", operation_id = "openapi", security(()),
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = String)))]
pub async fn openapi() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        openapi::json(),
    )
}

/// What the token is and allows.
#[utoipa::path(get, path = "/v1/whoami", tag = "host", operation_id = "whoami",
    responses((status = 200, description = "The token", body = Whoami), Problems))]
pub async fn whoami(call: Call) -> Answer<Json<Whoami>> {
    let id = &call.principal.token_id;
    let token = call.catalog.tokens.get(id);
    let token = token.ok_or_else(|| Problem::internal("a valid token is not in the catalog"))?;
    Ok(Json(Whoami {
        token_id: id.clone(),
        name: token.name.clone(),
        tenant: token.tenant.clone(),
        scopes: token.scopes.clone(),
        expires_ms: token.expires_ms,
    }))
}
