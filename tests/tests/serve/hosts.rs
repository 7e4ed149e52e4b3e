//! Several hosts on one catalog and one Kafka.

use super::*;
use sluicebox_tests::api::module;
use sluicebox_tests::broker::Broker;
use sluicebox_tests::process::{Signal, wait_until};
use sluicebox_tests::truth::Truth;

/// Both run shards of a job that was deployed on one of them; when one dies, the other takes its shards.
#[test]
fn two_hosts_share_a_job_and_one_takes_over() -> Result<()> {
    let options = Options {
        shards: Some(4),
        ..Options::default()
    };
    let (installation, mut job) = set_up(&options)?;
    let workload = workload(6_000);
    let mut one = installation.start("one", None)?;
    let mut two = installation.start("two", None)?;
    deploy(&installation, &one.api, &mut job, &options)?;
    job.produce(&workload, 0, 2_000)?;
    for host in [&one, &two] {
        host.api
            .wait_for_job(TENANT, &job.name, "shares the shards", |job| {
                shards(job) == (2, 4)
            })?;
    }
    // Whoever is asked tells of both, and what shards of both said.
    let log = format!("/v1/tenants/{TENANT}/jobs/{}/logs?tail=1000", job.name);
    let log = one.api.text(&log)?;
    let began = |shard: i32| {
        let of = format!("\"shard\":{shard},");
        let mut lines = log.lines().filter(|line| line.contains(&of));
        lines.any(|line| line.contains("goes on after epoch"))
    };
    assert!((0..4).all(began), "{log}");
    let hosts = two.api.ok("GET", "/v1/hosts", b"")?;
    assert_eq!(hosts.as_array().map(Vec::len), Some(2), "{hosts:#}");
    job.wait_for_end(&mut [&mut one.process, &mut two.process], TIMEOUT)?;
    one.process.kill()?;
    job.produce(&workload, 2_000, 4_000)?;
    two.api
        .wait_for_job(TENANT, &job.name, "took over", |job| shards(job) == (4, 4))?;
    let unreached = |job: &Value| job["hosts"][1]["unreached"].is_string();
    assert!(unreached(&two.api.job(TENANT, &job.name)?));
    job.wait_for_end(&mut [&mut two.process], TIMEOUT)?;
    // A host that ends in order hands over at once.
    let mut one = installation.start("one", None)?;
    one.api
        .wait_for_job(TENANT, &job.name, "shares again", |job| {
            shards(job) == (2, 4)
        })?;
    assert!(two.process.interrupt(TIMEOUT)?.success());
    // It has said that it is going.
    one.api.wait_for_job(TENANT, &job.name, "is alone", |job| {
        shards(job) == (4, 4) && job["hosts"].as_array().map(Vec::len) == Some(1)
    })?;
    job.produce(&workload, 4_000, workload.length())?;
    job.wait_for_end(&mut [&mut one.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

/// A host that starts while Kafka is down says that it is not ready, halts no job, and goes on when Kafka is back.
#[test]
fn a_host_waits_for_kafka() -> Result<()> {
    let options = Options {
        shards: Some(1),
        ..Options::default()
    };
    let mut broker = Broker::start()?;
    let client = broker.client();
    let installation = Installation::new(client.bootstrap())?;
    let mut job = Job::new(&client, &options)?;
    let workload = workload(1_000);
    job.produce(&workload, 0, workload.length())?;
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    host.process.kill()?;
    broker.stop()?;
    let mut host = installation.start("one", None)?;
    let waits = |job: &Value| state(job) == "restarting";
    host.api.wait_for_job(TENANT, &job.name, "waits", waits)?;
    assert_eq!(host.api.call("GET", "/readyz", b"")?.0, 503);
    broker.start_again()?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))?;
    wait_until("the host is ready", TIMEOUT, || {
        Ok(host.api.call("GET", "/readyz", b"")?.0 == 200)
    })
}

/// A host that can't get the modules of a new version goes on with the one before, and switches once it can.
#[test]
fn a_version_that_cannot_be_read_is_tried_again() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up(&options)?;
    let mut one = installation.start("one", None)?;
    let mut two = installation.start("two", None)?;
    deploy(&installation, &one.api, &mut job, &options)?;
    let runs = |version| move |job: &Value| running_version(job) == version;
    two.api
        .wait_for_job(TENANT, &job.name, "version 1 runs", runs(1))?;
    // The same module but for a custom section, and so another one.
    let mut other = module("orders-valid")?;
    other.extend_from_slice(&[0, 3, 2, b'h', b'i']);
    let pushed = one.api.push_bytes(TENANT, "orders-valid", &other)?;
    let object = installation.module(pushed["digest"].as_str().unwrap_or_default());
    let spec = spec::deployed(&job, &options).replace("orders-valid@1", "orders-valid@2");
    two.process.signal(Signal::Stop)?;
    one.api.deploy(TENANT, &job.name, &spec)?;
    one.api
        .wait_for_job(TENANT, &job.name, "version 2 runs", runs(2))?;
    let aside = object.with_extension("aside");
    std::fs::rename(&object, &aside)?;
    two.process.signal(Signal::Cont)?;
    two.process
        .wait_for_words("version 2 can't be loaded", TIMEOUT)?;
    std::fs::rename(&aside, &object)?;
    two.api
        .wait_for_job(TENANT, &job.name, "version 2 runs there too", runs(2))?;
    let workload = workload(1_000);
    job.produce(&workload, 0, workload.length())?;
    job.wait_for_end(&mut [&mut one.process, &mut two.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}
