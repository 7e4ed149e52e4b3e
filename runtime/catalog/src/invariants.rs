//! What holds in every catalog, as predicates with their why. They are checked before a revision is written and after
//! one was read, so a fault of the rules is stopped before others rely on it.

use crate::access::Scope;
use crate::apply::own_module;
use crate::digest::is_digest;
use crate::limits::{JOB_HISTORY_BYTES_MAX, JOB_VERSIONS_MAX, MODULE_VERSIONS_MAX};
use crate::state::{Catalog, Job, JobVersion, Module, Tenant};
use crate::token::is_id;
use sluicebox_core::spec::name_problem;
use std::collections::BTreeSet;

/// A predicate and why it has to hold.
type Invariant = (fn(&Catalog) -> bool, &'static str);

const INVARIANTS: &[Invariant] = &[
    (names_are_valid, "names become parts of topics and paths"),
    (
        tokens_have_owners,
        "a token of no tenant would act for nobody knows whom",
    ),
    (
        admins_are_global,
        "a tenant's token must not reach other tenants",
    ),
    (
        secrets_are_hashed,
        "a secret must not be kept, and digests are compared",
    ),
    (
        versions_are_used_up,
        "`name@version` must never mean two things",
    ),
    (digests_are_digests, "digests become names of objects"),
    (
        digests_are_unique,
        "pushing the same bytes twice must find the one version",
    ),
    (jobs_have_current, "a job must have something to run"),
    (
        uids_are_unique,
        "two jobs of one uid would share their topics",
    ),
    (
        history_is_ordered,
        "versions must tell the order in which they were deployed",
    ),
    (
        history_is_bounded,
        "the catalog is held in memory and must not grow without end",
    ),
    (modules_are_there, "a kept version must be able to run"),
];

/// Why the catalog can't be right; `Ok` if all holds.
pub(crate) fn check(catalog: &Catalog) -> Result<(), &'static str> {
    match INVARIANTS.iter().find(|(holds, _)| !holds(catalog)) {
        None => Ok(()),
        Some((_, why)) => Err(why),
    }
}

fn names_are_valid(catalog: &Catalog) -> bool {
    let valid = |name: &String| name_problem(name).is_none();
    catalog.tenants.keys().all(valid)
        && catalog.tokens.keys().all(|id| is_id(id))
        && catalog.tokens.values().all(|token| valid(&token.name))
        && catalog
            .tenants
            .values()
            .all(|tenant| tenant.modules.keys().all(valid) && tenant.jobs.keys().all(valid))
}

fn tokens_have_owners(catalog: &Catalog) -> bool {
    let mut owners = catalog.tokens.values().filter_map(|t| t.tenant.as_ref());
    owners.all(|tenant| catalog.tenants.contains_key(tenant))
}

fn admins_are_global(catalog: &Catalog) -> bool {
    let mut tokens = catalog.tokens.values();
    tokens.all(|token| token.tenant.is_none() || !token.scopes.contains(&Scope::Admin))
}

fn secrets_are_hashed(catalog: &Catalog) -> bool {
    catalog.tokens.values().all(|token| is_digest(&token.hash))
}

fn versions_are_used_up(catalog: &Catalog) -> bool {
    modules(catalog).all(|module| {
        let mut versions = module.versions.keys();
        versions.all(|version| (1..module.next_version).contains(version))
    })
}

fn digests_are_digests(catalog: &Catalog) -> bool {
    let mut versions = modules(catalog).flat_map(|module| module.versions.values());
    versions.all(|version| is_digest(&version.digest))
}

fn digests_are_unique(catalog: &Catalog) -> bool {
    modules(catalog).all(|module| {
        let digests: BTreeSet<_> = module.versions.values().map(|v| &v.digest).collect();
        digests.len() == module.versions.len() && digests.len() <= MODULE_VERSIONS_MAX
    })
}

fn jobs_have_current(catalog: &Catalog) -> bool {
    jobs(catalog).all(|(_, job)| job.versions.keys().next_back() == Some(&job.current))
}

fn uids_are_unique(catalog: &Catalog) -> bool {
    let mut seen = BTreeSet::new();
    jobs(catalog).all(|(_, job)| seen.insert(job.uid))
}

fn history_is_ordered(catalog: &Catalog) -> bool {
    jobs(catalog).all(|(_, job)| {
        let revisions: Vec<u64> = job.versions.values().map(|v| v.revision).collect();
        revisions
            .iter()
            .all(|r| (job.uid..=catalog.revision).contains(r))
            && revisions.windows(2).all(|pair| pair[0] < pair[1])
    })
}

fn history_is_bounded(catalog: &Catalog) -> bool {
    jobs(catalog).all(|(_, job)| {
        let bytes: usize = job.versions.values().map(|v| v.spec.len()).sum();
        bytes <= JOB_HISTORY_BYTES_MAX && job.versions.len() <= JOB_VERSIONS_MAX
    })
}

fn modules_are_there(catalog: &Catalog) -> bool {
    catalog.tenants.iter().all(|(name, tenant)| {
        let mut versions = tenant.jobs.values().flat_map(|job| job.versions.values());
        versions.all(|version| has_modules(name, tenant, version))
    })
}

fn has_modules(name: &str, tenant: &Tenant, version: &JobVersion) -> bool {
    version.modules.iter().all(|(reference, digest)| {
        let found = own_module(reference, name)
            .and_then(|(module, number)| tenant.modules.get(module)?.versions.get(&number));
        found.is_some_and(|found| found.digest == *digest)
    })
}

fn modules(catalog: &Catalog) -> impl Iterator<Item = &Module> {
    catalog
        .tenants
        .values()
        .flat_map(|tenant| tenant.modules.values())
}

fn jobs(catalog: &Catalog) -> impl Iterator<Item = (&String, &Job)> {
    catalog
        .tenants
        .values()
        .flat_map(|tenant| tenant.jobs.iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{digest, shop};

    /// What the catalog `shop` breaks once it was edited.
    fn broken_by(edit: impl FnOnce(&mut Catalog, &mut Tenant)) -> Option<&'static str> {
        let mut catalog = shop();
        let mut tenant = catalog.tenants.remove("shop").unwrap();
        edit(&mut catalog, &mut tenant);
        catalog.tenants.insert("shop".to_owned(), tenant);
        check(&catalog).err()
    }

    /// Each invariant is broken by one edit, in their order: none is idle, none is hidden by another.
    #[test]
    fn each_invariant_finds_what_it_is_for() {
        let found = [
            broken_by(|catalog, _| {
                let toys = catalog.tenants["toys"].clone();
                catalog.tenants.insert("../toys".to_owned(), toys);
            }),
            broken_by(|catalog, _| {
                let mut tokens = catalog.tokens.values_mut();
                tokens.find(|t| t.tenant.is_some()).unwrap().tenant = Some("gone".to_owned());
            }),
            broken_by(|catalog, _| {
                for token in catalog.tokens.values_mut() {
                    token.tenant = Some("toys".to_owned());
                }
            }),
            broken_by(|catalog, _| {
                catalog.tokens.values_mut().next().unwrap().hash = "hunter2".to_owned();
            }),
            broken_by(|_, shop| shop.modules.get_mut("valid").unwrap().next_version = 2),
            broken_by(|_, shop| {
                let valid = shop.modules.get_mut("valid").unwrap();
                valid.versions.get_mut(&2).unwrap().digest = "..".to_owned();
            }),
            broken_by(|_, shop| {
                let valid = shop.modules.get_mut("valid").unwrap();
                valid.versions.get_mut(&2).unwrap().digest = digest(1);
            }),
            broken_by(|_, shop| shop.jobs.get_mut("spend").unwrap().current = 2),
            broken_by(|_, shop| {
                let twin = shop.jobs["spend"].clone();
                shop.jobs.insert("twin".to_owned(), twin);
            }),
            broken_by(|catalog, _| catalog.revision = 3),
            broken_by(|_, shop| {
                let spend = shop.jobs.get_mut("spend").unwrap();
                spend.current = 2;
                let mut large = spend.versions[&1].clone();
                large.spec = "x".repeat(JOB_HISTORY_BYTES_MAX);
                spend.versions.get_mut(&1).unwrap().revision -= 1;
                spend.uid -= 1;
                spend.versions.insert(2, large);
            }),
            broken_by(|_, shop| {
                shop.modules.get_mut("valid").unwrap().versions.remove(&1);
            }),
        ];
        let all: Vec<_> = INVARIANTS.iter().map(|(_, why)| Some(*why)).collect();
        assert_eq!(found.to_vec(), all);
        assert_eq!(check(&shop()), Ok(()));
    }
}
