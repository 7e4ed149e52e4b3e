//! Jobs and their versions.

use super::{deploy_with, refusal, refusal_in};
use crate::error::Refused;
use crate::fixtures::*;
use crate::limits::{JOB_HISTORY_BYTES_MAX, JOB_VERSIONS_MAX};
use crate::state::Desired;

#[test]
fn specs_are_checked() {
    insta::assert_snapshot!(refusal(deploy("spend", "")), @"the spec has 0 bytes; specs have 1 to 1048576");
    insta::assert_snapshot!(refusal(deploy("spend", &" ".repeat((1 << 20) + 1))), @"the spec has 1048577 bytes; specs have 1 to 1048576");
    insta::assert_snapshot!(refusal(deploy_with(|v| v.plan_hash = "?".to_owned())), @"the hash of a plan is written in lower-case hexadecimal");
    let many = deploy_with(|v| {
        v.modules = (0..65)
            .map(|n| (format!("shop/valid@{n}"), digest(1)))
            .collect();
    });
    insta::assert_snapshot!(refusal(many), @"the job refers to 65 modules; it can have 64 operators");
}

#[test]
fn a_job_runs_its_own_modules_as_they_were_checked() {
    let with = |reference: &str, n: u8| {
        deploy_with(|v| v.modules = [(reference.to_owned(), digest(n))].into())
    };
    insta::assert_snapshot!(refusal(with("shop/valid@3", 1)), @"there is no module `shop/valid@3`");
    insta::assert_snapshot!(refusal(with("shop/valid@1", 2)), @"`shop/valid@1` is not the module that was checked: deploy again");
    for foreign in [
        "toys/valid@1",
        "shop/valid@01",
        "shop/valid",
        "valid@1",
        "shop/valid@+1",
    ] {
        let refused = refusal(with(foreign, 1));
        assert_eq!(refused, Refused::missing(format!("module `{foreign}`")));
    }
}

#[test]
fn versions_of_a_job() {
    let mut catalog = shop();
    apply(&mut catalog, desire("spend", Desired::Paused)).unwrap();
    apply(&mut catalog, deploy("spend", "job: spend # 2")).unwrap();
    let job = catalog.job("shop", "spend").unwrap();
    assert_eq!((job.uid, job.current), (7, 2));
    assert_eq!(job.desired, Desired::Paused, "deploying does not resume");

    insta::assert_snapshot!(refusal_in(&catalog, deploy_with(|v| v.rollback_of = Some(2))), @"a rollback to version 2 has that version's spec, modules and plan");
    insta::assert_snapshot!(refusal_in(&catalog, deploy_with(|v| v.rollback_of = Some(3))), @"there is no version 3 of job `shop/spend` (any more)");
    apply(&mut catalog, deploy_with(|v| v.rollback_of = Some(1))).unwrap();
    let current = catalog.job("shop", "spend").unwrap().current().unwrap();
    assert_eq!(
        (current.spec.as_str(), current.rollback_of),
        ("job: spend", Some(1))
    );
}

#[test]
fn a_job_begun_again_is_another() {
    let mut catalog = shop();
    insta::assert_snapshot!(refusal(delete_job("spend")), @"job `shop/spend` is not stopped: stop it first");
    let mut paused = shop();
    apply(&mut paused, desire("spend", Desired::Paused)).unwrap();
    refusal_in(&paused, delete_job("spend"));
    insta::assert_snapshot!(refusal(delete_job("nothing")), @"there is no job `shop/nothing`");
    insta::assert_snapshot!(refusal(desire("nothing", Desired::Paused)), @"there is no job `shop/nothing`");
    apply(&mut catalog, desire("spend", Desired::Stopped)).unwrap();
    apply(&mut catalog, delete_job("spend")).unwrap();
    apply(&mut catalog, deploy("spend", "job: spend")).unwrap();
    let job = catalog.job("shop", "spend").unwrap();
    assert_eq!(
        (job.uid, job.current, job.desired),
        (10, 1, Desired::Running)
    );
}

#[test]
fn old_versions_of_a_job_are_forgotten() {
    let mut catalog = shop();
    for _ in 0..JOB_VERSIONS_MAX {
        apply(&mut catalog, deploy("spend", "job: spend")).unwrap();
    }
    let kept: Vec<u32> = catalog
        .job("shop", "spend")
        .unwrap()
        .versions
        .keys()
        .copied()
        .collect();
    assert_eq!(kept, (2..=JOB_VERSIONS_MAX as u32 + 1).collect::<Vec<_>>());

    let large = "x".repeat(JOB_HISTORY_BYTES_MAX / 2 + 1);
    apply(&mut catalog, deploy("spend", &large)).unwrap();
    apply(&mut catalog, deploy("spend", &large)).unwrap();
    let job = catalog.job("shop", "spend").unwrap();
    assert_eq!(job.versions.len(), 1, "both together are too much");
    assert!(job.current().is_some());
}

#[test]
fn version_numbers_of_a_job_end() {
    let mut catalog = shop();
    let shop = catalog.tenants.get_mut("shop").unwrap();
    let spend = shop.jobs.get_mut("spend").unwrap();
    let last = spend.versions.remove(&1).unwrap();
    spend.versions.insert(u32::MAX, last);
    spend.current = u32::MAX;
    insta::assert_snapshot!(refusal_in(&catalog, deploy("spend", "job: spend")), @"this job has no version numbers left: delete it and deploy it again");
}
