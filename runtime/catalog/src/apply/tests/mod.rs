//! The rules, one by one, and what they tell people.

mod access;
mod jobs;
mod modules;
mod sequences;

use crate::access::{Scope, Token};
use crate::change::{Change, Revision};
use crate::error::Refused;
use crate::fixtures::*;
use crate::state::{Catalog, JobVersion};

/// Why the change is refused in [`shop`]; also that nothing of it was done.
fn refusal(change: Change) -> Refused {
    refusal_in(&shop(), change)
}

fn refusal_in(before: &Catalog, change: Change) -> Refused {
    let mut catalog = before.clone();
    let refused = apply(&mut catalog, change).unwrap_err();
    assert_eq!(catalog, *before, "a refused change leaves no trace");
    refused
}

fn deploy_with(edit: impl FnOnce(&mut JobVersion)) -> Change {
    let mut version = shop().job_version("shop", "spend", 1).unwrap().clone();
    edit(&mut version);
    Change::JobDeployed {
        tenant: "shop".to_owned(),
        job: "spend".to_owned(),
        spec: version.spec,
        modules: version.modules,
        plan_hash: version.plan_hash,
        rollback_of: version.rollback_of,
    }
}

#[test]
fn revisions_follow_each_other() {
    let catalog = shop();
    for wrong in [0, catalog.revision, catalog.revision + 2, u64::MAX] {
        let revision = Revision {
            revision: wrong,
            ..next(&catalog, tenant("books"))
        };
        let refused = catalog.clone().apply(&revision).unwrap_err();
        assert!(matches!(refused, Refused::Conflict { .. }), "{refused}");
    }
    let revision = Revision {
        format: 2,
        ..next(&catalog, tenant("books"))
    };
    assert!(catalog.clone().apply(&revision).is_err());
    let revision = Revision {
        by: "x".repeat(65),
        ..next(&catalog, tenant("books"))
    };
    assert!(catalog.clone().apply(&revision).is_err());
}

#[test]
fn names_are_checked() {
    insta::assert_snapshot!(refusal(tenant("Shop")), @"`Shop` is no name for a tenant: names have 1 to 40 characters out of `a`-`z`, `0`-`9` and `-`");
    for change in [
        tenant(""),
        tenant(&"a".repeat(41)),
        push("a_b", 1, 9),
        deploy("a.b", "job: a"),
        token(
            3,
            Token {
                name: "a b".to_owned(),
                ..token_of(None, &[Scope::View])
            },
        ),
    ] {
        let refused = refusal(change);
        assert!(matches!(refused, Refused::Invalid { .. }), "{refused}");
    }
}
