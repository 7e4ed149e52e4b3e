//! Tenants are created and changed, never deleted: disabling one stops all it has, and nothing of its history is lost.

use super::check_name;
use crate::change::{Change, Revision};
use crate::error::Refused;
use crate::limits::TENANTS_MAX;
use crate::state::{Catalog, Tenant};
use std::collections::BTreeMap;

pub(super) fn apply(catalog: &mut Catalog, revision: &Revision) -> Result<(), Refused> {
    match &revision.change {
        Change::TenantCreated {
            tenant,
            policy,
            quotas,
        } => {
            check_name("tenant", tenant)?;
            if catalog.tenants.contains_key(tenant) {
                return Err(Refused::conflict(format!(
                    "there is a tenant `{tenant}` already"
                )));
            }
            if catalog.tenants.len() >= TENANTS_MAX {
                return Err(Refused::quota(format!(
                    "there are {TENANTS_MAX} tenants, the most that one installation can have"
                )));
            }
            policy.check()?;
            quotas.check()?;
            let created = Tenant {
                created_ms: revision.at_ms,
                disabled: false,
                policy: policy.clone(),
                quotas: quotas.clone(),
                modules: BTreeMap::new(),
                jobs: BTreeMap::new(),
            };
            catalog.tenants.insert(tenant.clone(), created);
            Ok(())
        }
        Change::TenantChanged {
            tenant,
            policy,
            quotas,
            disabled,
        } => {
            let changed = catalog.tenant_mut(tenant)?;
            policy.check()?;
            quotas.check()?;
            changed.policy = policy.clone();
            changed.quotas = quotas.clone();
            changed.disabled = *disabled;
            Ok(())
        }
        _ => Ok(()),
    }
}
