//! Modules: pushed, looked at, fetched, deleted. What a module is stands in its bytes: pushing the same ones again
//! changes nothing, and a version never changes.

use super::call::Call;
use super::documents::{ModulePath, TenantPath, VersionPath};
use super::problem::{Answer, Kind, Problem, Problems};
use crate::port::{InspectError, Inspected};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use sluicebox_catalog::{Catalog, Change, ModuleVersion, Refused, Scope, Tenant};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// A version of a module.
#[derive(Serialize, ToSchema)]
#[schema(as = ModuleVersion)]
pub struct VersionView {
    name: String,
    version: u32,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    digest: String,
    size_bytes: u64,
    /// The interfaces it implements.
    exports: Vec<String>,
    /// The interfaces it asks for.
    imports: Vec<String>,
    /// When it was pushed, in milliseconds since 1970.
    pushed_ms: i64,
    /// Id of the token that pushed it, or `host`.
    pushed_by: String,
}

impl VersionView {
    fn new(name: &str, version: u32, module: &ModuleVersion) -> Self {
        Self {
            name: name.to_owned(),
            version,
            digest: module.digest.clone(),
            size_bytes: module.size_bytes,
            exports: module.exports.clone(),
            imports: module.imports.clone(),
            pushed_ms: module.pushed_ms,
            pushed_by: module.pushed_by.clone(),
        }
    }
}

/// A module.
#[derive(Serialize, ToSchema)]
#[schema(as = Module)]
pub struct ModuleView {
    name: String,
    /// Its versions, the newest first.
    versions: Vec<VersionView>,
}

impl ModuleView {
    fn new(name: &str, versions: &BTreeMap<u32, ModuleVersion>) -> Self {
        let newest_first = versions.iter().rev();
        Self {
            name: name.to_owned(),
            versions: newest_first
                .map(|(number, version)| VersionView::new(name, *number, version))
                .collect(),
        }
    }
}

/// How to push.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Push {
    /// The number it is to have: the next one, a larger one, or that which these bytes have already.
    version: Option<u32>,
    /// Accept imports that the newest version does not have.
    allow_new_imports: bool,
}

/// The modules of a tenant.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/modules", tag = "modules", operation_id = "list-modules",
    params(TenantPath),
    responses((status = 200, description = "By name", body = Vec<ModuleView>), Problems))]
pub async fn list(call: Call) -> Answer<Json<Vec<ModuleView>>> {
    let (_, tenant) = call.tenant(Scope::View)?;
    let modules = tenant.modules.iter();
    let kept = modules.filter(|(_, module)| !module.versions.is_empty());
    Ok(Json(
        kept.map(|(name, module)| ModuleView::new(name, &module.versions))
            .collect(),
    ))
}

/// Push a module: the bytes of a WebAssembly component.
#[utoipa::path(put, path = "/v1/tenants/{tenant}/modules/{name}", tag = "modules", operation_id = "push-module",
    params(TenantPath, ModulePath, Push), request_body(content = String, content_type = "application/wasm"),
    responses((status = 201, description = "A new version", body = VersionView), (status = 200, description = "These bytes were there already", body = VersionView), Problems))]
pub async fn push(call: Call, body: Body) -> Answer<impl IntoResponse + use<>> {
    let (tenant_name, tenant) = call.tenant(Scope::Push)?;
    let name = call.name("name")?;
    let wanted: Push = call.query()?;
    // The place is taken before the body: waiting bodies cost memory.
    let work = call.app.work(tenant_name).await?;
    let bytes = call.body(body, tenant.quotas.module_bytes_max).await?;
    let quotas = tenant.quotas.clone();
    let wasm = bytes.clone();
    let inspected = call.app.ask(move |fleet| {
        let inspected = fleet.inspect(&wasm, &quotas);
        drop(work);
        inspected
    });
    let module = inspected.await?.map_err(|error| match error {
        InspectError::Module(error) => Problem::from(error),
        InspectError::Host(error) => Problem::from(error),
    })?;
    if !wanted.allow_new_imports {
        refuse_new_imports(tenant, name, &module)?;
    }
    call.app.store.put_module(&module.digest, bytes).await?;
    let (catalog, created) = {
        let make = |catalog: &Catalog| pushed(catalog, tenant_name, name, &wanted, &module);
        call.app.commit(&call, make).await?
    };
    let number = catalog.find_digest(tenant_name, name, &module.digest);
    let number = number.ok_or_else(|| Problem::internal("the module that was pushed is gone"))?;
    let version = catalog.module_version(tenant_name, name, number)?;
    let status = match created {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok((status, Json(VersionView::new(name, number, version))))
}

/// More access than before is a decision, not a detail of an upload.
fn refuse_new_imports(tenant: &Tenant, name: &str, module: &Inspected) -> Answer<()> {
    let versions = tenant.modules.get(name).map(|module| &module.versions);
    let Some((number, newest)) = versions.and_then(|versions| versions.last_key_value()) else {
        return Ok(());
    };
    let new = module.imports.iter();
    let new: Vec<_> = new.filter(|i| !newest.imports.contains(i)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let new: Vec<_> = new
        .into_iter()
        .map(|import| format!("`{import}`"))
        .collect();
    Err(Problem::new(
        Kind::Conflict,
        format!(
            "this module imports {}, which version {number} does not",
            new.join(", ")
        ),
    )
    .help("push it with `allow_new_imports=true` if that is meant"))
}

fn pushed(
    catalog: &Catalog,
    tenant: &str,
    name: &str,
    wanted: &Push,
    module: &Inspected,
) -> Result<Option<Change>, Refused> {
    let present = catalog.find_digest(tenant, name, &module.digest);
    match (present, wanted.version) {
        (Some(present), Some(version)) if version != present => {
            return Err(Refused::conflict(format!(
                "these bytes are `{tenant}/{name}@{present}` already, not version {version}"
            )));
        }
        (Some(_), _) => return Ok(None),
        (None, _) => {}
    }
    Ok(Some(Change::ModulePushed {
        tenant: tenant.to_owned(),
        name: name.to_owned(),
        version: match wanted.version {
            Some(version) => version,
            None => catalog.next_version(tenant, name)?,
        },
        digest: module.digest.clone(),
        size_bytes: module.size_bytes,
        exports: module.exports.clone(),
        imports: module.imports.clone(),
    }))
}

/// A module.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/modules/{name}", tag = "modules", operation_id = "get-module",
    params(TenantPath, ModulePath),
    responses((status = 200, description = "The module", body = ModuleView), Problems))]
pub async fn get(call: Call) -> Answer<Json<ModuleView>> {
    let (tenant, _) = call.tenant(Scope::View)?;
    let name = call.name("name")?;
    let module = call.catalog.module(tenant, name)?;
    Ok(Json(ModuleView::new(name, &module.versions)))
}

/// A version of a module.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/modules/{name}/{version}", tag = "modules", operation_id = "get-module-version",
    params(TenantPath, ModulePath, VersionPath),
    responses((status = 200, description = "The version", body = VersionView), Problems))]
pub async fn get_version(call: Call) -> Answer<Json<VersionView>> {
    let (tenant, _) = call.tenant(Scope::View)?;
    let (name, number) = (call.name("name")?, call.number("version")?);
    let version = call.catalog.module_version(tenant, name, number)?;
    Ok(Json(VersionView::new(name, number, version)))
}

/// The bytes of a version.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/modules/{name}/{version}/content", tag = "modules", operation_id = "get-module-content",
    params(TenantPath, ModulePath, VersionPath),
    responses((status = 200, description = "The component", content_type = "application/wasm", body = String), Problems))]
pub async fn content(call: Call) -> Answer<impl IntoResponse + use<>> {
    let (tenant, _) = call.tenant(Scope::View)?;
    let (name, number) = (call.name("name")?, call.number("version")?);
    let version = call.catalog.module_version(tenant, name, number)?;
    // Answers are buffered, so they count as much as uploads do.
    let _work = call.app.work(tenant).await?;
    let bytes: Bytes = call.app.store.module(&version.digest).await?;
    Ok(([(header::CONTENT_TYPE, "application/wasm")], bytes))
}

/// Delete a version that no job needs. Its number is not given again.
#[utoipa::path(delete, path = "/v1/tenants/{tenant}/modules/{name}/{version}", tag = "modules", operation_id = "delete-module-version",
    params(TenantPath, ModulePath, VersionPath),
    responses((status = 204, description = "Deleted"), Problems))]
pub async fn delete(call: Call) -> Answer<StatusCode> {
    let (tenant, _) = call.tenant(Scope::Push)?;
    let (name, version) = (call.name("name")?, call.number("version")?);
    let make = |catalog: &Catalog| {
        catalog.module_version(tenant, name, version)?;
        Ok(Some(Change::ModuleDeleted {
            tenant: tenant.to_owned(),
            name: name.to_owned(),
            version,
        }))
    };
    call.app.commit(&call, make).await?;
    Ok(StatusCode::NO_CONTENT)
}
