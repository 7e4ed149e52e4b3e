//! Modules, and the quotas of what a tenant may have.

use super::{refusal, refusal_in};
use crate::change::Change;
use crate::fixtures::*;
use crate::limits::{MODULE_NAMES_MAX, MODULE_VERSIONS_MAX};
use crate::state::{Desired, Module, ModuleVersion};

#[test]
fn module_versions_are_never_given_twice() {
    let mut catalog = shop();
    insta::assert_snapshot!(refusal(push("valid", 2, 3)), @"`shop/valid@2` was given before, and a version never means two things: the next is 3");
    insta::assert_snapshot!(refusal(push("valid", 3, 1)), @"these bytes are `shop/valid@1` already");
    insta::assert_snapshot!(refusal(push("valid", u32::MAX, 3)), @"version 4294967295 is too large: the next is 3");

    apply(&mut catalog, delete_module("valid", 2)).unwrap();
    assert_eq!(catalog.find_digest("shop", "valid", &digest(2)), None);
    refusal_in(&catalog, push("valid", 2, 3));
    refusal_in(&catalog, push("valid", 2, 2));
    apply(&mut catalog, push("valid", 7, 2)).expect("a gap is fine");
    assert_eq!(catalog.next_version("shop", "valid"), Ok(8));
    assert_eq!(catalog.find_digest("shop", "valid", &digest(2)), Some(7));
}

#[test]
fn a_module_without_versions_is_missing_but_its_numbers_are_used() {
    let mut catalog = shop();
    apply(&mut catalog, push("other", 1, 9)).unwrap();
    apply(&mut catalog, delete_module("other", 1)).unwrap();
    insta::assert_snapshot!(catalog.module("shop", "other").unwrap_err(), @"there is no module `shop/other`");
    refusal_in(&catalog, push("other", 1, 9));
    apply(&mut catalog, push("third", 1, 9)).expect("it does not count for the quota");
    apply(&mut catalog, push("other", 2, 9)).expect_err("but using it again does");
}

#[test]
fn modules_that_jobs_need_stay() {
    insta::assert_snapshot!(refusal(delete_module("valid", 1)), @"`shop/valid@1` is needed by job `spend` (version 1): kept versions of a job keep their modules, so that a rollback works. Delete the job first");
    insta::assert_snapshot!(refusal(delete_module("valid", 9)), @"there is no module `shop/valid@9`");
    let mut catalog = shop();
    for _ in 0..4 {
        apply(&mut catalog, deploy("spend", "job: spend")).unwrap();
    }
    insta::assert_snapshot!(refusal_in(&catalog, delete_module("valid", 1)), @"`shop/valid@1` is needed by job `spend` (version 1), job `spend` (version 2), job `spend` (version 3) and 2 more: kept versions of a job keep their modules, so that a rollback works. Delete the job first");
    apply(&mut catalog, desire("spend", Desired::Stopped)).unwrap();
    apply(&mut catalog, delete_job("spend")).unwrap();
    apply(&mut catalog, delete_module("valid", 1)).unwrap();
}

#[test]
fn quotas_hold() {
    let mut catalog = shop();
    apply(&mut catalog, push("second", 1, 9)).unwrap();
    insta::assert_snapshot!(refusal_in(&catalog, push("third", 1, 10)), @"this tenant has 2 modules, the most it may have: delete one that no job uses, or ask for a larger `modules_max`");
    apply(&mut catalog, push("second", 2, 10)).expect("another version is no other module");
    apply(&mut catalog, deploy("second", "job: second")).unwrap();
    insta::assert_snapshot!(refusal_in(&catalog, deploy("third", "job: third")), @"this tenant has 2 jobs, the most it may have: delete one, or ask for a larger `jobs_max`");
    apply(&mut catalog, deploy("second", "job: second")).expect("nor another job");

    let mut large = push("valid", 3, 3);
    if let Change::ModulePushed { size_bytes, .. } = &mut large {
        *size_bytes = (10 << 20) + 1;
    }
    insta::assert_snapshot!(refusal(large), @"the module has 10485761 bytes, and this tenant's modules have at most 10485760: make it smaller (`strip = true` in the release profile), or ask for a larger `module_bytes_max`");
}

#[test]
fn modules_are_checked() {
    let mut odd = push("valid", 3, 3);
    if let Change::ModulePushed { digest, .. } = &mut odd {
        *digest = format!("../{}", &digest[3..]);
    }
    insta::assert_snapshot!(refusal(odd), @"a module is named by its SHA-256, 64 characters of lower-case hexadecimal");
    let mut many = push("valid", 3, 3);
    if let Change::ModulePushed { imports, .. } = &mut many {
        *imports = vec!["i".to_owned(); 65];
    }
    insta::assert_snapshot!(refusal(many), @"a module has up to 64 imports with names of up to 256 bytes");
}

#[test]
fn names_and_versions_of_modules_end() {
    let mut catalog = shop();
    let modules = &mut catalog.tenants.get_mut("shop").unwrap().modules;
    let valid = modules.get_mut("valid").unwrap();
    let version = valid.versions[&2].clone();
    for n in 3..=MODULE_VERSIONS_MAX as u32 {
        let digest = crate::sha256_hex(&n.to_le_bytes());
        valid.versions.insert(
            n,
            ModuleVersion {
                digest,
                ..version.clone()
            },
        );
    }
    valid.next_version = MODULE_VERSIONS_MAX as u32 + 1;
    let next = valid.next_version;
    for n in 1..MODULE_NAMES_MAX {
        modules.insert(
            format!("used-{n}"),
            Module {
                next_version: 2,
                versions: [].into(),
            },
        );
    }
    insta::assert_snapshot!(refusal_in(&catalog, push("valid", next, 77)), @"module `valid` has 1000 versions, the most there can be: delete some that no job uses");
    insta::assert_snapshot!(refusal_in(&catalog, push("new", 1, 77)), @"this tenant has used 10000 names of modules, the most there can be: use one of them again");
    apply(&mut catalog, push("used-1", 2, 77)).expect("a name may be used again");
}
