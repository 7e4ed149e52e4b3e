//! Module versions are added under numbers that were never given before, and deleted when no job needs them.

use super::check_name;
use crate::change::{Change, Revision};
use crate::digest::is_digest;
use crate::error::Refused;
use crate::limits::{
    INTERFACE_BYTES_MAX, MODULE_INTERFACES_MAX, MODULE_NAMES_MAX, MODULE_VERSIONS_MAX,
};
use crate::state::{Catalog, Module, ModuleVersion, Tenant};
use std::collections::BTreeMap;

/// How many users of a module a refusal names.
const USERS_NAMED_MAX: usize = 3;

pub(super) fn apply(catalog: &mut Catalog, revision: &Revision) -> Result<(), Refused> {
    match &revision.change {
        Change::ModulePushed {
            tenant,
            name,
            version,
            digest,
            size_bytes,
            exports,
            imports,
        } => {
            let pushed = ModuleVersion {
                digest: digest.clone(),
                size_bytes: *size_bytes,
                exports: exports.clone(),
                imports: imports.clone(),
                pushed_ms: revision.at_ms,
                pushed_by: revision.by.clone(),
            };
            push(catalog, tenant, name, *version, pushed)
        }
        Change::ModuleDeleted {
            tenant,
            name,
            version,
        } => delete(catalog, tenant, name, *version),
        _ => Ok(()),
    }
}

fn push(
    catalog: &mut Catalog,
    tenant_name: &str,
    name: &str,
    version: u32,
    pushed: ModuleVersion,
) -> Result<(), Refused> {
    check_name("module", name)?;
    check_content(&pushed)?;
    let reference = format!("{tenant_name}/{name}@{version}");
    if let Some(present) = catalog.find_digest(tenant_name, name, &pushed.digest) {
        return Err(Refused::conflict(format!(
            "these bytes are `{tenant_name}/{name}@{present}` already"
        )));
    }
    let next_version = catalog.next_version(tenant_name, name)?;
    if version < next_version {
        return Err(Refused::conflict(format!(
            "`{reference}` was given before, and a version never means two things: the next is {next_version}"
        )));
    }
    let after = version.checked_add(1).ok_or_else(|| {
        Refused::invalid(format!(
            "version {version} is too large: the next is {next_version}"
        ))
    })?;
    let tenant = catalog.tenant_mut(tenant_name)?;
    check_quotas(tenant, name, &pushed)?;
    let module = tenant.modules.entry(name.to_owned()).or_insert(Module {
        next_version,
        versions: BTreeMap::new(),
    });
    module.next_version = after;
    module.versions.insert(version, pushed);
    Ok(())
}

fn check_content(pushed: &ModuleVersion) -> Result<(), Refused> {
    if !is_digest(&pushed.digest) {
        return Err(Refused::invalid(
            "a module is named by its SHA-256, 64 characters of lower-case hexadecimal",
        ));
    }
    for (what, names) in [("exports", &pushed.exports), ("imports", &pushed.imports)] {
        let fits = names.len() <= MODULE_INTERFACES_MAX
            && names.iter().all(|name| name.len() <= INTERFACE_BYTES_MAX);
        if !fits {
            return Err(Refused::invalid(format!(
                "a module has up to {MODULE_INTERFACES_MAX} {what} with names of up to {INTERFACE_BYTES_MAX} bytes"
            )));
        }
    }
    Ok(())
}

fn check_quotas(tenant: &Tenant, name: &str, pushed: &ModuleVersion) -> Result<(), Refused> {
    let size_max = tenant.quotas.module_bytes_max;
    if pushed.size_bytes > size_max {
        return Err(Refused::quota(format!(
            "the module has {} bytes, and this tenant's modules have at most {size_max}: make it smaller (`strip = true` in \
             the release profile), or ask for a larger `module_bytes_max`",
            pushed.size_bytes
        )));
    }
    let versions = tenant.modules.get(name).map_or(0, |m| m.versions.len());
    if versions >= MODULE_VERSIONS_MAX {
        return Err(Refused::quota(format!(
            "module `{name}` has {versions} versions, the most there can be: delete some that no job uses"
        )));
    }
    let used = tenant.modules.values().filter(|m| !m.versions.is_empty());
    let modules_max = tenant.quotas.modules_max;
    if versions == 0 && used.count() >= modules_max as usize {
        return Err(Refused::quota(format!(
            "this tenant has {modules_max} modules, the most it may have: delete one that no job uses, or ask for a larger \
             `modules_max`"
        )));
    }
    if !tenant.modules.contains_key(name) && tenant.modules.len() >= MODULE_NAMES_MAX {
        return Err(Refused::quota(format!(
            "this tenant has used {MODULE_NAMES_MAX} names of modules, the most there can be: use one of them again"
        )));
    }
    Ok(())
}

fn delete(
    catalog: &mut Catalog,
    tenant_name: &str,
    name: &str,
    version: u32,
) -> Result<(), Refused> {
    catalog.module_version(tenant_name, name, version)?;
    let reference = format!("{tenant_name}/{name}@{version}");
    let tenant = catalog.tenant_mut(tenant_name)?;
    let users = tenant.users_of(&reference);
    if !users.is_empty() {
        return Err(Refused::conflict(format!(
            "`{reference}` is needed by {}: kept versions of a job keep their modules, so that a rollback works. Delete \
             the job first",
            listed(&users)
        )));
    }
    if let Some(module) = tenant.modules.get_mut(name) {
        module.versions.remove(&version);
    }
    Ok(())
}

fn listed(users: &[String]) -> String {
    let (named, more) = users.split_at(users.len().min(USERS_NAMED_MAX));
    match more.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
