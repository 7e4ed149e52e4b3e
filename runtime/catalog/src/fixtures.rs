//! Catalogs and changes for tests: a tenant `shop` that has something of everything, and one `toys` that has nothing.

use crate::access::{Scope, Token};
use crate::change::{Change, FORMAT, Revision};
use crate::digest::sha256_hex;
use crate::error::Refused;
use crate::policy::{Pattern, Policy};
use crate::quotas::Quotas;
use crate::state::{Catalog, Desired};
use crate::token;
use std::collections::{BTreeMap, BTreeSet};

/// The time of the first revision.
pub(crate) const START_MS: i64 = 1_750_000_000_000;

/// The revision after the last, with this change.
pub(crate) fn next(catalog: &Catalog, change: Change) -> Revision {
    let revision = catalog.revision + 1;
    Revision {
        format: FORMAT,
        revision,
        at_ms: START_MS + 1_000 * revision as i64,
        by: "host".to_owned(),
        writer: format!("0123456789abcdef-{revision}"),
        change,
    }
}

/// Apply a change as the next revision.
pub(crate) fn apply(catalog: &mut Catalog, change: Change) -> Result<(), Refused> {
    let revision = next(catalog, change);
    catalog.apply(&revision)
}

/// The digest of a module made of one byte.
pub(crate) fn digest(n: u8) -> String {
    sha256_hex(&[n])
}

/// A token's id, hash and text.
pub(crate) fn generated(n: u8) -> token::Generated {
    token::generate([n; token::RANDOM_BYTES])
}

pub(crate) fn tenant(tenant: &str) -> Change {
    let patterns = |texts: &[&str]| texts.iter().map(|t| Pattern::parse(*t).unwrap()).collect();
    Change::TenantCreated {
        tenant: tenant.to_owned(),
        policy: Policy {
            read: patterns(&["orders", "public.*"]),
            write: patterns(&["spend"]),
            groups: Vec::new(),
            connections: Vec::new(),
        },
        quotas: Quotas {
            modules_max: 2,
            jobs_max: 2,
            module_bytes_max: 10 << 20,
            ..Quotas::default()
        },
    }
}

pub(crate) fn token_of(tenant: Option<&str>, scopes: &[Scope]) -> Token {
    Token {
        tenant: tenant.map(str::to_owned),
        name: "ci".to_owned(),
        scopes: scopes.iter().copied().collect::<BTreeSet<_>>(),
        hash: generated(1).hash,
        created_ms: START_MS,
        expires_ms: None,
        revoked: false,
    }
}

pub(crate) fn token(n: u8, token: Token) -> Change {
    let generated = generated(n);
    Change::TokenCreated {
        id: generated.id,
        token: Token {
            hash: generated.hash,
            ..token
        },
    }
}

/// A version of `shop/{name}` whose bytes are `[n]`.
pub(crate) fn push(name: &str, version: u32, n: u8) -> Change {
    Change::ModulePushed {
        tenant: "shop".to_owned(),
        name: name.to_owned(),
        version,
        digest: digest(n),
        size_bytes: 1,
        exports: vec!["sluicebox:udf/filter@0.1.0".to_owned()],
        imports: vec!["sluicebox:udf/log@0.1.0".to_owned()],
    }
}

/// A version of `shop/{job}` that runs `shop/valid@1`.
pub(crate) fn deploy(job: &str, spec: &str) -> Change {
    Change::JobDeployed {
        tenant: "shop".to_owned(),
        job: job.to_owned(),
        spec: spec.to_owned(),
        modules: BTreeMap::from([("shop/valid@1".to_owned(), digest(1))]),
        plan_hash: "00ff".to_owned(),
        rollback_of: None,
    }
}

pub(crate) fn desire(job: &str, desired: Desired) -> Change {
    Change::JobDesired {
        tenant: "shop".to_owned(),
        job: job.to_owned(),
        desired,
    }
}

pub(crate) fn delete_job(job: &str) -> Change {
    Change::JobDeleted {
        tenant: "shop".to_owned(),
        job: job.to_owned(),
    }
}

pub(crate) fn delete_module(name: &str, version: u32) -> Change {
    Change::ModuleDeleted {
        tenant: "shop".to_owned(),
        name: name.to_owned(),
        version,
    }
}

/// Something of everything.
pub(crate) fn shop() -> Catalog {
    let mut catalog = Catalog::default();
    for change in [
        tenant("shop"),
        tenant("toys"),
        token(1, token_of(None, &[Scope::Admin])),
        token(2, token_of(Some("shop"), &[Scope::Deploy, Scope::Push])),
        push("valid", 1, 1),
        push("valid", 2, 2),
        deploy("spend", "job: spend"),
    ] {
        apply(&mut catalog, change).unwrap();
    }
    catalog
}
