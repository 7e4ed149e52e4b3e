//! Tenants: created, changed, disabled; never deleted. Whoever acts for the installation sees all, others their own.

use super::body::not_as_expected;
use super::call::Call;
use super::documents::{PolicyDocument, QuotasDocument, TenantPath};
use super::problem::{Answer, Problem, Problems};
use crate::port::Used;
use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sluicebox_catalog::{Catalog, Change, Policy, Quotas, Refused, Scope, Tenant};
use utoipa::ToSchema;

/// A tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub struct TenantView {
    name: String,
    /// When it was created, in milliseconds since 1970.
    created_ms: i64,
    /// Its tokens are refused and its jobs don't run.
    disabled: bool,
    /// What its jobs may touch in Kafka.
    #[schema(value_type = PolicyDocument)]
    policy: Policy,
    /// How much it may have and use.
    #[schema(value_type = QuotasDocument)]
    quotas: Quotas,
    /// Modules that it has.
    modules: usize,
    /// Jobs that it has.
    jobs: usize,
    /// What it has used on this host since the host started.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<Used>,
}

impl TenantView {
    fn new(call: &Call, name: &str, tenant: &Tenant) -> Self {
        let modules = tenant.modules.values().filter(|m| !m.versions.is_empty());
        Self {
            name: name.to_owned(),
            created_ms: tenant.created_ms,
            disabled: tenant.disabled,
            policy: tenant.policy.clone(),
            quotas: tenant.quotas.clone(),
            modules: modules.count(),
            jobs: tenant.jobs.len(),
            used: call.app.used(name),
        }
    }
}

/// A tenant to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    name: String,
    /// What its jobs may touch in Kafka; left out: nothing.
    #[serde(default)]
    #[schema(value_type = PolicyDocument)]
    policy: Policy,
    /// How much it may have and use; what is left out has its default.
    #[serde(default)]
    #[schema(value_type = QuotasDocument)]
    quotas: Quotas,
}

/// What is to change of a tenant. Of policy and quotas, what is left out stays as it is, and `null` stands for the default.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantChange {
    #[schema(value_type = Option<PolicyDocument>)]
    policy: Option<Map<String, Value>>,
    #[schema(value_type = Option<QuotasDocument>)]
    quotas: Option<Map<String, Value>>,
    disabled: Option<bool>,
}

/// The tenants that the token may see.
#[utoipa::path(get, path = "/v1/tenants", tag = "tenants", operation_id = "list-tenants",
    responses((status = 200, description = "By name", body = Vec<TenantView>), Problems))]
pub async fn list(call: Call) -> Answer<Json<Vec<TenantView>>> {
    call.require(Scope::View)?;
    let tenants = call.catalog.tenants.iter();
    let visible = tenants.filter(|(name, _)| call.principal.covers(name));
    Ok(Json(
        visible
            .map(|(name, t)| TenantView::new(&call, name, t))
            .collect(),
    ))
}

/// Create a tenant. To repeat it is no error if nothing differs.
#[utoipa::path(post, path = "/v1/tenants", tag = "tenants", operation_id = "create-tenant",
    request_body = NewTenant,
    responses((status = 201, description = "Created", body = TenantView), (status = 200, description = "It was so already", body = TenantView), Problems))]
pub async fn create(call: Call, body: Body) -> Answer<impl IntoResponse + use<>> {
    call.require_installation(Scope::Admin)?;
    let NewTenant {
        name,
        policy,
        quotas,
    } = call.json(body).await?;
    let make = |catalog: &Catalog| match catalog.tenants.get(&name) {
        Some(present) if present.policy == policy && present.quotas == quotas => Ok(None),
        Some(_) => Err(Refused::conflict(format!(
            "there is a tenant `{name}` already, with another policy or other quotas: change it (PATCH), or choose another name"
        ))),
        None => Ok(Some(Change::TenantCreated {
            tenant: name.clone(),
            policy: policy.clone(),
            quotas: quotas.clone(),
        })),
    };
    let (catalog, created) = call.app.commit(&call, make).await?;
    let status = match created {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok((
        status,
        Json(TenantView::new(&call, &name, catalog.tenant(&name)?)),
    ))
}

/// A tenant.
#[utoipa::path(get, path = "/v1/tenants/{tenant}", tag = "tenants", operation_id = "get-tenant",
    params(TenantPath),
    responses((status = 200, description = "The tenant", body = TenantView), Problems))]
pub async fn get(call: Call) -> Answer<Json<TenantView>> {
    let (name, tenant) = call.tenant(Scope::View)?;
    Ok(Json(TenantView::new(&call, name, tenant)))
}

/// Change a tenant: policy, quotas, or whether it is disabled.
#[utoipa::path(patch, path = "/v1/tenants/{tenant}", tag = "tenants", operation_id = "change-tenant",
    params(TenantPath),
    request_body = TenantChange,
    responses((status = 200, description = "The tenant as it is now", body = TenantView), Problems))]
pub async fn change(call: Call, body: Body) -> Answer<Json<TenantView>> {
    let (name, tenant) = call.tenant(Scope::View)?;
    call.require_installation(Scope::Admin)?;
    let wanted: TenantChange = call.json(body).await?;
    // Once outside of the commit, for a better message than the catalog could give.
    changed(tenant, &wanted)?;
    let make = |catalog: &Catalog| {
        let tenant = catalog.tenant(name)?;
        let next = changed(tenant, &wanted).map_err(|problem| Refused::invalid(problem.detail))?;
        Ok((!next.is(tenant)).then(|| Change::TenantChanged {
            tenant: name.to_owned(),
            policy: next.policy,
            quotas: next.quotas,
            disabled: next.disabled,
        }))
    };
    let (catalog, _) = call.app.commit(&call, make).await?;
    Ok(Json(TenantView::new(&call, name, catalog.tenant(name)?)))
}

struct Changed {
    policy: Policy,
    quotas: Quotas,
    disabled: bool,
}

impl Changed {
    fn is(&self, tenant: &Tenant) -> bool {
        self.policy == tenant.policy
            && self.quotas == tenant.quotas
            && self.disabled == tenant.disabled
    }
}

fn changed(tenant: &Tenant, wanted: &TenantChange) -> Answer<Changed> {
    Ok(Changed {
        policy: merged("policy", &tenant.policy, wanted.policy.as_ref())?,
        quotas: merged("quotas", &tenant.quotas, wanted.quotas.as_ref())?,
        disabled: wanted.disabled.unwrap_or(tenant.disabled),
    })
}

/// RFC 7396, for structures that are one level deep and have a default for everything.
fn merged<T: Clone + Serialize + DeserializeOwned>(
    what: &str,
    present: &T,
    patch: Option<&Map<String, Value>>,
) -> Answer<T> {
    let Some(patch) = patch else {
        return Ok(present.clone());
    };
    let present =
        serde_json::to_value(present).map_err(|error| Problem::internal(error.to_string()))?;
    let Value::Object(mut fields) = present else {
        return Err(Problem::internal(format!("{what} is no JSON object")));
    };
    for (key, value) in patch {
        match value {
            Value::Null => drop(fields.remove(key)),
            value => drop(fields.insert(key.clone(), value.clone())),
        }
    }
    let merged = serde_path_to_error::deserialize(Value::Object(fields));
    merged.map_err(|error| not_as_expected(&format!("`{what}`"), error))
}
