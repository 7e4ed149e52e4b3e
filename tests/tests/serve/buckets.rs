//! Hosts whose catalog is in a bucket, and what they do while it is out of reach.

use super::*;
use sluicebox_tests::bucket::{How, KEY, S3, SECRET};
use sluicebox_tests::process::Signal;
use sluicebox_tests::serving::Served;
use sluicebox_tests::truth::Truth;

fn set_up_in_bucket(s3: &S3, options: &Options) -> Result<(Installation, Job)> {
    let client = broker::shared().client();
    let installation = Installation::in_bucket(client.bootstrap(), s3)?;
    Ok((installation, Job::new(&client, options)?))
}

/// What is pushed and deployed on one runs on the other, which goes on alone.
#[test]
fn two_hosts_share_a_bucket() -> Result<()> {
    let options = Options {
        shards: Some(2),
        ..Options::default()
    };
    let s3 = S3::start()?;
    let (installation, mut job) = set_up_in_bucket(&s3, &options)?;
    let workload = workload(2_000);
    let mut one = installation.start("one", None)?;
    let mut two = installation.start("two", None)?;
    deploy(&installation, &one.api, &mut job, &options)?;
    for host in [&one, &two] {
        let shares = |job: &Value| shards(job) == (1, 2);
        host.api
            .wait_for_job(TENANT, &job.name, "shares the shards", shares)?;
    }
    job.produce(&workload, 0, 1_000)?;
    job.wait_for_end(&mut [&mut one.process, &mut two.process], TIMEOUT)?;
    one.process.kill()?;
    job.produce(&workload, 1_000, workload.length())?;
    two.api
        .wait_for_job(TENANT, &job.name, "took over", |job| shards(job) == (2, 2))?;
    job.wait_for_end(&mut [&mut two.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))?;
    for host in [&one, &two] {
        let log = host.process.log();
        assert!(!log.contains(KEY) && !log.contains(SECRET), "{log}");
    }
    Ok(())
}

/// Its jobs go on committing and what it knows it tells; changes are refused in words that say so.
fn goes_on_without_its_bucket(host: &mut Served, job: &mut Job) -> Result<()> {
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    assert_eq!(state(&host.api.job(TENANT, &job.name)?), "running");
    let pause = format!("/v1/tenants/{TENANT}/jobs/{}/pause", job.name);
    let (status, problem) = host.api.call("POST", &pause, b"")?;
    assert_eq!(status, 503, "{problem}");
    let detail = "the catalog can't be reached; nothing was changed";
    assert_eq!(problem["detail"], detail, "{problem}");
    Ok(())
}

#[test]
fn jobs_go_on_while_the_bucket_is_away() -> Result<()> {
    let options = Options::default();
    let s3 = S3::start()?;
    let (installation, mut job) = set_up_in_bucket(&s3, &options)?;
    let workload = workload(1_500);
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    job.produce(&workload, 0, 500)?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    // It is busy ...
    s3.fail("", "", 1_000_000, How::Refuse)?;
    job.produce(&workload, 500, 1_000)?;
    goes_on_without_its_bucket(&mut host, &mut job)?;
    s3.fail("", "", 0, How::Refuse)?;
    // ... then it answers nothing at all.
    s3.signal(Signal::Stop)?;
    job.produce(&workload, 1_000, workload.length())?;
    goes_on_without_its_bucket(&mut host, &mut job)?;
    s3.signal(Signal::Cont)?;
    let spec = spec::deployed(&job, &options).replace("interval: ", "interval: 1");
    host.api.deploy(TENANT, &job.name, &spec)?;
    let runs = |job: &Value| running_version(job) == 2;
    host.api
        .wait_for_job(TENANT, &job.name, "version 2 runs", runs)?;
    job.check(&Truth::of(&workload))
}
