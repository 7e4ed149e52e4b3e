//! One host: deploy, pause, resume, halt, stop, delete.

use super::*;
use anyhow::ensure;
use sluicebox_tests::process::wait_until;
use sluicebox_tests::truth::Truth;

#[test]
fn a_deployed_job_gives_the_truth() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up(&options)?;
    let workload = workload(5_000);
    job.produce(&workload, 0, workload.length())?;
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))?;
    let lag = host.api.ok(
        "GET",
        &format!("/v1/tenants/{TENANT}/jobs/{}/lag", job.name),
        b"",
    )?;
    assert_eq!(lag["partitions"].as_array().map(Vec::len), Some(4));
    assert!(host.process.interrupt(TIMEOUT)?.success());
    Ok(())
}

/// A paused job commits nothing, a resumed one goes on where it was, also on a host that was started anew.
#[test]
fn a_paused_job_stands_and_a_resumed_one_goes_on() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up(&options)?;
    let workload = workload(3_000);
    job.produce(&workload, 0, 1_000)?;
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    let path = |what: &str| format!("/v1/tenants/{TENANT}/jobs/{}/{what}", job.name);
    host.api.ok("POST", &path("pause"), b"")?;
    host.api
        .wait_for_job(TENANT, &job.name, "paused", |job| state(job) == "idle")?;
    let position = job.position()?;
    job.produce(&workload, 1_000, 2_000)?;
    host.process.kill()?;
    let mut host = installation.start("one", None)?;
    std::thread::sleep(Duration::from_secs(3));
    ensure!(job.position()? == position, "a paused job has read on");
    host.api.ok("POST", &path("resume"), b"")?;
    job.produce(&workload, 2_000, workload.length())?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

/// What a job owns in Kafka goes with it, and one of the same name begins anew.
#[test]
fn a_deleted_job_leaves_nothing_and_its_name_can_be_used_again() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up(&options)?;
    let workload = workload(1_000);
    job.produce(&workload, 0, workload.length())?;
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    let first = job.client().read_committed(&job.output)?.len();
    let path = format!("/v1/tenants/{TENANT}/jobs/{}", job.name);
    let (status, answer) = host.api.call("DELETE", &path, b"")?;
    assert_eq!(status, 409, "{answer:#}");
    host.api.ok("POST", &format!("{path}/stop"), b"")?;
    host.api.ok("DELETE", &path, b"")?;
    let (client, old) = (job.client().clone(), job.group.clone());
    wait_until("the job's topics and groups are gone", TIMEOUT, || {
        let groups = client.groups()?;
        Ok(client.topics(&old)?.is_empty()
            && !groups.iter().any(|(name, _)| name.starts_with(&old)))
    })?;
    deploy(&installation, &host.api, &mut job, &options)?;
    ensure!(job.group != old, "the new job has the old one's names");
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    assert_eq!(job.client().read_committed(&job.output)?.len(), 2 * first);
    Ok(())
}

/// A job that halts says why; the others and the host go on, and it goes on when it was put right.
#[test]
fn a_halted_job_says_why_and_is_resumed() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up(&options)?;
    let workload = workload(1_000);
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    host.api
        .wait_for_job(TENANT, &job.name, "runs", |job| state(job) == "running")?;
    // Another group of offsets: somebody else has committed something there.
    job.client().delete_topic(&job.output)?;
    job.produce(&workload, 0, workload.length())?;
    let halted = host
        .api
        .wait_for_job(TENANT, &job.name, "halted", |job| state(job) == "halted")?;
    let message = halted["status"]["message"].as_str().unwrap_or_default();
    ensure!(message.contains(&job.output), "{message}");
    job.client().create_topic(&job.output, 4, &[])?;
    host.api.ok(
        "POST",
        &format!("/v1/tenants/{TENANT}/jobs/{}/resume", job.name),
        b"",
    )?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}
