//! New versions of a running job: state is kept, nothing is lost or repeated, also when the host dies on the way.

use super::*;
use anyhow::{Context, ensure};
use sluicebox_tests::serving::Served;
use sluicebox_tests::truth::Truth;

/// The same work by another plan: the enrichment gets one more parameter that no order meets.
fn second(spec: &str) -> String {
    spec.replace("rates: {", "rates: { XXX: 1.0,")
        .replace("\"rates\": {", "\"rates\": { \"XXX\": 1.0,")
}

/// A job with windows open, a third of its input to its end.
fn under_way(options: &Options) -> Result<(Installation, Job, Served, Workload)> {
    let (installation, mut job) = set_up(options)?;
    let workload = workload(6_000);
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, options)?;
    job.produce(&workload, 0, 2_000)?;
    job.wait_for(4_000, &mut [&mut host.process], TIMEOUT)?;
    Ok((installation, job, host, workload))
}

/// The same work with epochs of another length, which needs another connection.
fn reopened(spec: &str) -> Result<String> {
    let interval = spec.lines().find(|line| line.starts_with("epoch: "));
    let interval = interval.context("the spec has no epochs")?;
    Ok(second(spec).replace(interval, "epoch: { interval: 333ms }"))
}

/// How often shards have said this.
fn said(api: &Api, job: &Job, what: &str) -> Result<usize> {
    let path = format!("/v1/tenants/{TENANT}/jobs/{}/logs?tail=1000", job.name);
    let log = api.text(&path)?;
    Ok(log.lines().filter(|line| line.contains(what)).count())
}

/// Versions follow each other; the state is taken over, and shards start anew where they must and only there.
fn upgraded(other: impl Fn(&str) -> Result<String>, opened_again: bool) -> Result<()> {
    let options = Options::default();
    let (_installation, job, mut host, workload) = under_way(&options)?;
    let spec = spec::deployed(&job, &options);
    let other = other(&spec)?;
    ensure!(other != spec, "the second version is the first:\n{spec}");
    // A shard that starts only now would start with the second version and be missing from the count.
    let running = host
        .api
        .wait_for_job(TENANT, &job.name, "every shard runs", |job| {
            let mut shards = shards_of(job).iter();
            !shards_of(job).is_empty() && shards.all(|shard| shard["state"] == "running")
        })?;
    let shards = shards_of(&running).len();
    host.api.deploy(TENANT, &job.name, &other)?;
    job.produce(&workload, 2_000, 4_000)?;
    let upgraded = host
        .api
        .wait_for_job(TENANT, &job.name, "version 2 runs", |job| {
            running_version(job) == 2
        })?;
    let hashes = plan_hashes(&upgraded);
    ensure!(hashes.len() == 2 && hashes[0] != hashes[1], "{hashes:?}");
    job.wait_for(12_000, &mut [&mut host.process], TIMEOUT)?;
    let path = format!("/v1/tenants/{TENANT}/jobs/{}/rollback", job.name);
    host.api.ok("POST", &path, br#"{"to_version": 1}"#)?;
    job.produce(&workload, 4_000, workload.length())?;
    host.api
        .wait_for_job(TENANT, &job.name, "version 3 runs", |job| {
            running_version(job) == 3
        })?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))?;
    let started = said(&host.api, &job, "goes on after epoch")?;
    let switched = said(&host.api, &job, "goes on with version")?;
    let expected = match opened_again {
        true => (3 * shards, 0),
        false => (shards, 2 * shards),
    };
    ensure!(
        (started, switched) == expected,
        "{shards} shards started {started} times and went on {switched} times"
    );
    Ok(())
}

fn shards_of(job: &Value) -> &[Value] {
    let shards = job["status"]["shards"].as_array();
    shards.map_or(&[], Vec::as_slice)
}

fn plan_hashes(job: &Value) -> Vec<&str> {
    let versions = job["versions"].as_array().map_or(&[][..], Vec::as_slice);
    versions
        .iter()
        .filter_map(|v| v["plan_hash"].as_str())
        .collect()
}

#[test]
fn an_upgrade_keeps_the_state_and_a_rollback_too() -> Result<()> {
    upgraded(|spec| Ok(second(spec)), false)
}

#[test]
fn an_upgrade_that_needs_another_connection_keeps_them_too() -> Result<()> {
    upgraded(reopened, true)
}

/// The aggregate's next version has accumulators with other fields. Windows that are open are taken up by one that migrates them;
/// one that can't is refused, and so is going back to the first, which can't read what the second has written.
#[test]
fn accumulators_of_another_format_are_migrated_or_refused() -> Result<()> {
    let options = Options::default();
    let (_installation, job, mut host, workload) = under_way(&options)?;
    for module in ["spend-stubborn", "spend-reordered"] {
        host.api.push(TENANT, module)?;
    }
    let first = spec::deployed(&job, &options);
    let by = |module: &str| first.replace("spend-per-user@1", module);
    let path = format!("/v1/tenants/{TENANT}/jobs/{}", job.name);
    for dry_run in ["", "?dry_run=true"] {
        let refused = host.api.call(
            "PUT",
            &format!("{path}{dry_run}"),
            by("spend-stubborn@1").as_bytes(),
        )?;
        refused_for(&refused, "accumulators_without_a_migration")?;
    }
    host.api
        .deploy(TENANT, &job.name, &by("spend-reordered@1"))?;
    job.produce(&workload, 2_000, 4_000)?;
    host.api
        .wait_for_job(TENANT, &job.name, "version 2 runs", |job| {
            running_version(job) == 2
        })?;
    job.wait_for(12_000, &mut [&mut host.process], TIMEOUT)?;
    let back = host
        .api
        .call("POST", &format!("{path}/rollback"), br#"{"to_version": 1}"#)?;
    refused_for(&back, "accumulators_of_a_later_format")?;
    job.produce(&workload, 4_000, workload.length())?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

fn refused_for((status, answer): &(u16, Value), snapshot: &str) -> Result<()> {
    ensure!(*status == 422, "{status}: {answer:#}");
    insta::assert_snapshot!(snapshot, answer["detail"].as_str().unwrap_or_default());
    Ok(())
}

/// faults.md row 33: killed between two versions, and at each named step of the first commit of the new one.
#[test]
fn an_upgrade_that_is_killed_gives_the_truth() -> Result<()> {
    let steps = [
        "after-switch:1",
        "after-switch:1,before-changelog:1",
        "after-switch:1,after-changelog:1",
        "after-switch:1,after-flush:1",
        "after-switch:1,after-offsets:1",
        "after-switch:1,after-apply:1",
    ];
    killed_at(&steps, |spec| Ok(second(spec)))
}

/// The same where the shards start anew.
#[test]
fn an_upgrade_with_another_connection_that_is_killed_gives_the_truth() -> Result<()> {
    let steps = [
        "after-init:2",
        "after-claim:2",
        "after-init:2,after-flush:2",
        "after-init:2,after-apply:2",
    ];
    killed_at(&steps, reopened)
}

/// Upgrades to and fro, each of a host that ends at its step.
fn killed_at(steps: &[&str], other: impl Fn(&str) -> Result<String>) -> Result<()> {
    let options = Options {
        shards: Some(1),
        ..Options::default()
    };
    let (installation, mut job) = set_up(&options)?;
    let workload = workload(6_000);
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    let first = spec::deployed(&job, &options);
    let versions = [first.clone(), other(&first)?];
    let mut produced = 0;
    for (number, step) in (1..).zip(steps) {
        job.produce(&workload, produced, produced + 500)?;
        produced += 500;
        job.wait_for(4 * produced - 1_000, &mut [&mut host.process], TIMEOUT)?;
        host.process.kill()?;
        host = installation.start("one", Some(step))?;
        let version = &versions[number % 2];
        // A shard with nothing to do would not start.
        job.produce(&workload, produced, produced + 50)?;
        produced += 50;
        // The old version has claimed its shard: what comes now belongs to the new one.
        host.api
            .wait_for_job(TENANT, &job.name, "the shard runs", |job| {
                job["status"]["shards"][0]["state"] == "running"
            })?;
        // The host may be gone before it answers: then the version is there, or it is deployed by the next host.
        let _ = host.api.deploy(TENANT, &job.name, version);
        // Something to commit until it gets to the step.
        while host.process.running()? {
            ensure!(
                produced + 50 < workload.per_partition,
                "{step} was never reached"
            );
            job.produce(&workload, produced, produced + 50)?;
            produced += 50;
            std::thread::sleep(Duration::from_millis(200));
        }
        host = installation.start("one", None)?;
        host.api.deploy(TENANT, &job.name, version)?;
        let current = host.api.job(TENANT, &job.name)?["version"].as_u64();
        host.api.wait_for_job(TENANT, &job.name, step, |job| {
            Some(running_version(job)) == current
        })?;
    }
    job.produce(&workload, produced, workload.length())?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

/// What would halt the job is refused while it still runs.
#[test]
fn an_upgrade_can_change_neither_source_nor_shards() -> Result<()> {
    let options = Options {
        shards: Some(2),
        ..Options::default()
    };
    let (installation, mut job) = set_up(&options)?;
    let host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    let runs = |job: &Value| state(job) == "running";
    host.api.wait_for_job(TENANT, &job.name, "runs", runs)?;
    let spec = spec::deployed(&job, &options);
    let path = format!("/v1/tenants/{TENANT}/jobs/{}", job.name);
    let source = format!("kafka: {{ topic: {},", job.input);
    for (from, to, word) in [
        (
            source.as_str(),
            format!("kafka: {{ topic: {},", job.dead),
            "another name",
        ),
        ("shards: 2", "shards: 4".to_owned(), "write `shards: 2`"),
    ] {
        let changed = spec.replace(from, &to);
        ensure!(changed != spec, "{from} is not in the spec");
        let changed = changed.replace(
            &format!("dead_letter: {{ topic: {} }}", job.dead),
            &format!("dead_letter: {{ topic: {} }}", job.late),
        );
        let (status, answer) = host.api.call("PUT", &path, changed.as_bytes())?;
        let told = answer.to_string().contains(word);
        ensure!(status == 422 && told, "{to}: {status} {answer:#}");
    }
    host.api
        .wait_for_job(TENANT, &job.name, "still runs", runs)?;
    Ok(())
}
