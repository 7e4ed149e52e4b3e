//! The rules: what may follow what. A change is checked whole before anything is touched, so a refused one leaves no
//! trace. The same rules read old revisions back, hence nothing here may depend on anything but the catalog and the
//! revision.

mod jobs;
mod modules;
mod tenants;
#[cfg(test)]
mod tests;
mod tokens;

pub(crate) use jobs::own_module;

use crate::change::{Change, FORMAT, Revision};
use crate::error::Refused;
use crate::limits::ACTOR_BYTES_MAX;
use crate::state::{Catalog, Tenant};
use sluicebox_core::spec::name_problem;

impl Catalog {
    /// Take one step. This is the only way to change a catalog.
    pub fn apply(&mut self, revision: &Revision) -> Result<(), Refused> {
        check_frame(self, revision)?;
        match &revision.change {
            Change::TenantCreated { .. } | Change::TenantChanged { .. } => {
                tenants::apply(self, revision)
            }
            Change::TokenCreated { .. } | Change::TokenRevoked { .. } => {
                tokens::apply(self, revision)
            }
            Change::ModulePushed { .. } | Change::ModuleDeleted { .. } => {
                modules::apply(self, revision)
            }
            Change::JobDeployed { .. } | Change::JobDesired { .. } | Change::JobDeleted { .. } => {
                jobs::apply(self, revision)
            }
        }?;
        self.revision = revision.revision;
        Ok(())
    }

    fn tenant_mut(&mut self, tenant: &str) -> Result<&mut Tenant, Refused> {
        self.tenant(tenant)?;
        let missing = || Refused::missing(format!("tenant `{tenant}`"));
        self.tenants.get_mut(tenant).ok_or_else(missing)
    }
}

fn check_frame(catalog: &Catalog, revision: &Revision) -> Result<(), Refused> {
    if revision.format != FORMAT {
        return Err(Refused::invalid(format!(
            "a revision of format {}, not {FORMAT}",
            revision.format
        )));
    }
    if Some(revision.revision) != catalog.revision.checked_add(1) {
        return Err(Refused::conflict(format!(
            "revision {} can't follow revision {}",
            revision.revision, catalog.revision
        )));
    }
    for actor in [&revision.by, &revision.writer] {
        if !(1..=ACTOR_BYTES_MAX).contains(&actor.len()) {
            return Err(Refused::invalid(format!(
                "who makes a revision is named in 1 to {ACTOR_BYTES_MAX} bytes"
            )));
        }
    }
    Ok(())
}

fn check_name(what: &str, name: &str) -> Result<(), Refused> {
    match name_problem(name) {
        None => Ok(()),
        Some(help) => Err(Refused::invalid(format!(
            "`{name}` is no name for a {what}: {help}"
        ))),
    }
}
