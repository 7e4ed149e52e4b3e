//! The budget of each tenant on this host: its quotas of the catalog, as they are now.

use sluicebox_catalog::{Catalog, Quotas};
use sluicebox_host::{Budget, Limits, Spent};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A tenant, its limits, what it has used.
pub type Used = (String, Limits, Spent);

/// The budgets, by tenant.
#[derive(Default)]
pub struct Budgets(Mutex<BTreeMap<String, (Limits, Arc<Budget>)>>);

impl Budgets {
    /// Take over what the catalog grants. What shards run keeps its budget, with new limits.
    pub fn follow(&self, catalog: &Catalog) {
        let mut budgets = self.lock();
        budgets.retain(|tenant, _| catalog.tenants.contains_key(tenant));
        for (tenant, owner) in &catalog.tenants {
            let wanted = limits(&owner.quotas);
            let (limits, budget) = budgets.entry(tenant.clone()).or_default();
            if *limits != wanted {
                budget.limit(wanted);
                *limits = wanted;
            }
        }
    }

    /// The budget of a tenant.
    pub fn of(&self, tenant: &str) -> Arc<Budget> {
        let mut budgets = self.lock();
        budgets.entry(tenant.to_owned()).or_default().1.clone()
    }

    /// What a tenant has used.
    pub fn used(&self, tenant: &str) -> Option<Spent> {
        self.lock().get(tenant).map(|(_, budget)| budget.spent())
    }

    /// All of them.
    pub fn all(&self) -> Vec<Used> {
        let budgets = self.lock();
        let used = |(tenant, (limits, budget)): (&String, &(Limits, Arc<Budget>))| {
            (tenant.clone(), *limits, budget.spent())
        };
        budgets.iter().map(used).collect()
    }

    /// Entries are inserted whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (Limits, Arc<Budget>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn limits(quotas: &Quotas) -> Limits {
    Limits {
        cpu_percent: quotas.cpu_percent_max,
        records_per_second: quotas.records_per_second_max,
        bytes_per_second: quotas.bytes_per_second_max,
        state_bytes: quotas.state_bytes_max,
    }
}
