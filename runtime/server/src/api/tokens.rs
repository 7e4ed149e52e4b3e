//! Tokens, of a tenant or of the whole installation. A token's text is in one answer, once, and nowhere else.

use super::call::Call;
use super::documents::{ScopeDocument, TenantPath, TokenPath};
use super::problem::{Answer, Problem, Problems};
use crate::limits::TOKEN_LIFE_S_MAX;
use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use sluicebox_catalog::{Catalog, Change, Refused, Scope, Token, token};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// What is known of a token.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenView {
    /// Its public part; revisions and logs name who acted by it.
    id: String,
    /// The tenant it is for; none: the whole installation.
    tenant: Option<String>,
    name: String,
    #[schema(value_type = Vec<ScopeDocument>)]
    scopes: BTreeSet<Scope>,
    /// When it was created, in milliseconds since 1970.
    created_ms: i64,
    /// From when on it is refused, in milliseconds since 1970.
    expires_ms: Option<i64>,
    revoked: bool,
}

impl TokenView {
    fn new(id: &str, token: &Token) -> Self {
        Self {
            id: id.to_owned(),
            tenant: token.tenant.clone(),
            name: token.name.clone(),
            scopes: token.scopes.clone(),
            created_ms: token.created_ms,
            expires_ms: token.expires_ms,
            revoked: token.revoked,
        }
    }
}

/// A token as made.
#[derive(Serialize, ToSchema)]
pub struct CreatedToken {
    /// Its text. It is shown here and never again.
    token: String,
    #[serde(flatten)]
    view: TokenView,
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What people call it; no two usable ones have the same.
    name: String,
    #[schema(value_type = Vec<ScopeDocument>)]
    scopes: BTreeSet<Scope>,
    /// How long it can be used, in seconds; left out: until it is revoked.
    expires_in_s: Option<u64>,
}

/// The tokens of a tenant.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/tokens", tag = "tokens", operation_id = "list-tokens",
    params(TenantPath),
    responses((status = 200, description = "By id", body = Vec<TokenView>), Problems))]
pub async fn list(call: Call) -> Answer<Json<Vec<TokenView>>> {
    let tenant = owner(&call)?;
    Ok(Json(views(&call, tenant)))
}

/// The tokens of the whole installation.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens", operation_id = "list-installation-tokens",
    responses((status = 200, description = "By id", body = Vec<TokenView>), Problems))]
pub async fn list_installation(call: Call) -> Answer<Json<Vec<TokenView>>> {
    call.require_installation(Scope::Admin)?;
    Ok(Json(views(&call, None)))
}

/// Make a token for a tenant.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/tokens", tag = "tokens", operation_id = "create-token",
    params(TenantPath),
    request_body = NewToken,
    responses((status = 201, description = "Made; its text is in this answer only", body = CreatedToken), Problems))]
pub async fn create(call: Call, body: Body) -> Answer<impl IntoResponse + use<>> {
    let tenant = owner(&call)?;
    make(&call, tenant, body).await
}

/// Make a token for the whole installation.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", operation_id = "create-installation-token",
    request_body = NewToken,
    responses((status = 201, description = "Made; its text is in this answer only", body = CreatedToken), Problems))]
pub async fn create_installation(call: Call, body: Body) -> Answer<impl IntoResponse + use<>> {
    call.require_installation(Scope::Admin)?;
    make(&call, None, body).await
}

/// Revoke a token of a tenant, for good.
#[utoipa::path(delete, path = "/v1/tenants/{tenant}/tokens/{id}", tag = "tokens", operation_id = "revoke-token",
    params(TenantPath, TokenPath),
    responses((status = 204, description = "Revoked, now or before"), Problems))]
pub async fn revoke(call: Call) -> Answer<StatusCode> {
    let tenant = owner(&call)?;
    end(&call, tenant).await
}

/// Revoke a token of the whole installation, for good.
#[utoipa::path(delete, path = "/v1/tokens/{id}", tag = "tokens", operation_id = "revoke-installation-token",
    params(TokenPath),
    responses((status = 204, description = "Revoked, now or before"), Problems))]
pub async fn revoke_installation(call: Call) -> Answer<StatusCode> {
    call.require_installation(Scope::Admin)?;
    end(&call, None).await
}

/// The tenant in the path, for those who may deal out tokens.
fn owner(call: &Call) -> Answer<Option<&str>> {
    let (name, _) = call.tenant(Scope::View)?;
    call.require_installation(Scope::Admin)?;
    Ok(Some(name))
}

fn views(call: &Call, tenant: Option<&str>) -> Vec<TokenView> {
    let tokens = call.catalog.tokens.iter();
    let own = tokens.filter(|(_, token)| token.tenant.as_deref() == tenant);
    own.map(|(id, token)| TokenView::new(id, token)).collect()
}

async fn make(call: &Call, tenant: Option<&str>, body: Body) -> Answer<impl IntoResponse + use<>> {
    let wanted: NewToken = call.json(body).await?;
    let now_ms = call.app.clock.now_ms();
    let made = token::generate(sluicebox_catalog::random()?);
    let token = Token {
        tenant: tenant.map(str::to_owned),
        name: wanted.name,
        scopes: wanted.scopes,
        hash: made.hash,
        created_ms: now_ms,
        expires_ms: wanted.expires_in_s.map(|s| expiry(now_ms, s)).transpose()?,
        revoked: false,
    };
    // Whoever repeats a request because the answer was lost must not leave a token behind that nobody knows.
    let change = |catalog: &Catalog| {
        let mut tokens = catalog.tokens.values();
        let same =
            |t: &Token| t.tenant == token.tenant && t.name == token.name && t.is_live(now_ms);
        match tokens.find(|t| same(t)) {
            Some(_) => Err(Refused::conflict(format!(
                "there is a token `{}` already, and its text can't be shown again: revoke it first, or choose another name",
                token.name
            ))),
            None => Ok(Some(Change::TokenCreated {
                id: made.id.clone(),
                token: token.clone(),
            })),
        }
    };
    call.app.commit(call, change).await?;
    let created = CreatedToken {
        token: made.text,
        view: TokenView::new(&made.id, &token),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

fn expiry(now_ms: i64, life_s: u64) -> Answer<i64> {
    match life_s {
        // The largest is far from overflow.
        1..=TOKEN_LIFE_S_MAX => Ok(now_ms.saturating_add(life_s as i64 * 1_000)),
        _ => Err(Problem::request(
            "`expires_in_s` is from one second to ten years; leave it out for a token that does not expire",
        )),
    }
}

async fn end(call: &Call, tenant: Option<&str>) -> Answer<StatusCode> {
    let id = call.name("id")?;
    let change = |catalog: &Catalog| match catalog.tokens.get(id) {
        Some(token) if token.tenant.as_deref() == tenant => {
            Ok((!token.revoked).then(|| Change::TokenRevoked { id: id.to_owned() }))
        }
        _ => Err(Refused::missing(format!("token `{id}`"))),
    };
    call.app.commit(call, change).await?;
    Ok(StatusCode::NO_CONTENT)
}
