//! A request by somebody: who calls, and what the address says. Extracting it is the gate: no handler that takes a
//! [`Call`] is reached without a valid token, nor beyond the token's rate.

use super::app::App;
use super::body;
use super::problem::{Answer, Kind, Problem};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, OriginalUri, Query, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use serde::de::DeserializeOwned;
use sluicebox_catalog::{Catalog, Principal, Scope, Tenant, token};
use sluicebox_core::spec::name_problem;
use std::sync::Arc;

/// A request with a valid token.
pub struct Call {
    pub(super) app: App,
    /// Who calls.
    pub(super) principal: Principal,
    /// The catalog at the time of the call.
    pub(super) catalog: Arc<Catalog>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    params: Vec<(String, String)>,
}

impl FromRequestParts<App> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let catalog = app.store.current();
        let principal = authenticate(&parts.headers, &catalog, app.clock.now_ms())?;
        let now = app.clock.elapsed();
        app.rates.take(&principal.token_id, now).map_err(|wait| {
            let per_second = app.limits.requests_per_second;
            Problem::new(
                Kind::Rate,
                format!("this token may make {per_second} requests a second"),
            )
            .retry_after(wait)
        })?;
        let params = RawPathParams::from_request_parts(parts, app).await;
        let params =
            params.map_err(|_| Problem::request("the path is not UTF-8 once it is decoded"))?;
        Ok(Self {
            app: app.clone(),
            principal,
            catalog,
            method: parts.method.clone(),
            // Routers that hold others cut their own part off.
            uri: match parts.extensions.get::<OriginalUri>() {
                Some(OriginalUri(whole)) => whole.clone(),
                None => parts.uri.clone(),
            },
            headers: parts.headers.clone(),
            params: params
                .iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        })
    }
}

fn authenticate(headers: &HeaderMap, catalog: &Catalog, now_ms: i64) -> Answer<Principal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(Problem::new(Kind::Token, "the request has no token")
            .help("send it as `Authorization: Bearer sbx_...`"));
    };
    let text = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(token.trim())
    });
    let Some(text) = text else {
        return Err(
            Problem::new(Kind::Token, "the `Authorization` header has no token in it")
                .help("send it as `Authorization: Bearer sbx_...`"),
        );
    };
    let presented =
        token::parse(text).map_err(|malformed| Problem::new(Kind::Token, malformed.to_string()))?;
    catalog.authenticate(&presented, now_ms).map_err(|denied| {
        let cause = format!("{} ({})", denied.reason(), presented.id);
        Problem::new(Kind::Token, denied.to_string()).cause(cause)
    })
}

impl Call {
    /// Method and path, for the host's log. Queries are left out: whatever stands there is not for logs.
    pub(super) fn request(&self) -> String {
        format!("{} {}", self.method, self.uri.path())
    }

    fn param(&self, key: &str) -> &str {
        let found = self.params.iter().find(|(known, _)| known == key);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Whether the token could still make this call, some time after it did.
    pub(super) fn is_still_valid(&self, catalog: &Catalog) -> bool {
        authenticate(&self.headers, catalog, self.app.clock.now_ms()).is_ok()
    }

    /// What the caller has shown, for other hosts to see.
    pub(super) fn authorization(&self) -> HeaderValue {
        let shown = self.headers.get(header::AUTHORIZATION).cloned();
        // There is one, or there was no call.
        shown.unwrap_or_else(|| HeaderValue::from_static(""))
    }

    /// A name in the path.
    pub(super) fn name(&self, key: &str) -> Answer<&str> {
        let name = self.param(key);
        match name_problem(name) {
            None => Ok(name),
            Some(help) => {
                Err(Problem::request(format!("`{}` is no valid {key}", shown(name))).help(help))
            }
        }
    }

    /// A number in the path.
    pub(super) fn number(&self, key: &str) -> Answer<u32> {
        let text = self.param(key);
        text.parse().map_err(|_| {
            Problem::request(format!("`{}` is no valid {key}", shown(text)))
                .help("write a whole number from 1")
        })
    }

    /// What stands behind the `?`.
    pub(super) fn query<T: DeserializeOwned>(&self) -> Answer<T> {
        match Query::try_from_uri(&self.uri) {
            Ok(Query(query)) => Ok(query),
            Err(rejection) => Err(Problem::request(rejection.body_text())),
        }
    }

    /// Refuse tokens that may not do this.
    pub(super) fn require(&self, scope: Scope) -> Answer<()> {
        if self.principal.allows(scope) {
            return Ok(());
        }
        let has: Vec<_> = self.principal.scopes.iter().copied().map(word).collect();
        let detail = format!("this needs a token with the scope `{}`", word(scope));
        Err(Problem::new(Kind::Scope, detail).help(format!("this one has `{}`", has.join("`, `"))))
    }

    /// Refuse tokens that are not for the whole installation.
    pub(super) fn require_installation(&self, scope: Scope) -> Answer<()> {
        match &self.principal.tenant {
            None => self.require(scope),
            Some(tenant) => Err(Problem::new(
                Kind::Scope,
                format!(
                    "this needs a token of the installation; this one is for tenant `{tenant}`"
                ),
            )),
        }
    }

    /// The tenant in the path. To whoever may not act for it, it does not exist.
    pub(super) fn tenant(&self, scope: Scope) -> Answer<(&str, &Tenant)> {
        let name = self.name("tenant")?;
        let tenant = match self.principal.covers(name) {
            true => self.catalog.tenant(name)?,
            false => return Err(no_tenant(name)),
        };
        self.require(scope)?;
        Ok((name, tenant))
    }

    /// The whole body.
    pub(super) async fn body(&self, body: Body, bytes_max: u64) -> Answer<Bytes> {
        body::read(&self.headers, body, bytes_max, &self.app.limits).await
    }

    /// The body, as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, body: Body) -> Answer<T> {
        body::json(
            &self
                .body(body, crate::limits::JSON_BYTES_MAX as u64)
                .await?,
        )
    }
}

/// The words of the catalog for a tenant that is not there, for one that is none of the caller's business.
fn no_tenant(name: &str) -> Problem {
    sluicebox_catalog::Refused::missing(format!("tenant `{name}`")).into()
}

/// A scope as it is written.
pub(super) fn word(scope: Scope) -> &'static str {
    match scope {
        Scope::Admin => "admin",
        Scope::Deploy => "deploy",
        Scope::Push => "push",
        Scope::View => "view",
    }
}

/// What somebody wrote, short and harmless enough to be shown again.
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let harmless = text.chars().map(|c| if c.is_control() { '?' } else { c });
    harmless.take(CHARS_MAX).collect()
}
