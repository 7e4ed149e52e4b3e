//! Idle shards give back what they hold, and notice what comes.

use super::*;
use anyhow::ensure;
use sluicebox_tests::process::wait_until;
use sluicebox_tests::serving::Served;
use sluicebox_tests::truth::Truth;

/// Shards without records are parked after a second.
fn set_up_parking(options: &Options) -> Result<(Installation, Job)> {
    let (installation, job) = set_up(options)?;
    Ok((installation.with("park_after: 1s"), job))
}

/// Threads of a host with this name.
fn threads(host: &Served, name: &str) -> Result<usize> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", host.process.id()))?;
    let names = tasks.flatten().filter_map(|task| {
        // One that has just ended has no name.
        std::fs::read_to_string(task.path().join("comm")).ok()
    });
    Ok(names.filter(|found| found.starts_with(name)).count())
}

fn wait_until_parked(host: &Served, job: &Job) -> Result<()> {
    host.api
        .wait_for_job(TENANT, &job.name, "is parked", |job| {
            let shards = job["status"]["shards"].as_array();
            shards.is_some_and(|shards| shards.iter().all(|shard| shard["state"] == "idle"))
        })?;
    wait_until("no shard has a thread", TIMEOUT, || {
        Ok(threads(host, "shard-")? == 0)
    })
}

/// Parked again and again, also over a restart of the host and with a new version, it misses nothing and repeats nothing.
#[test]
fn a_parked_job_misses_nothing() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up_parking(&options)?;
    let workload = workload(2_000);
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    job.produce(&workload, 0, 500)?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    wait_until_parked(&host, &job)?;

    job.produce(&workload, 500, 1_000)?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    wait_until_parked(&host, &job)?;

    // A host that starts beside idle jobs does not open a client for each.
    host.process.kill()?;
    let mut host = installation.start("one", None)?;
    wait_until_parked(&host, &job)?;
    let log = host.process.log();
    ensure!(
        !log.contains("goes on after epoch"),
        "it was started to be parked:\n{log}"
    );
    job.produce(&workload, 1_000, 1_500)?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    wait_until_parked(&host, &job)?;

    let spec = spec::deployed(&job, &options).replace("epoch: {", "epoch: { overlay_max: 32MiB,");
    host.api.deploy(TENANT, &job.name, &spec)?;
    let second = |job: &Value| running_version(job) == 2;
    host.api
        .wait_for_job(TENANT, &job.name, "version 2 runs", second)?;
    wait_until_parked(&host, &job)?;
    job.produce(&workload, 1_500, workload.length())?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

/// Parked shards move to other hosts like running ones, in both directions.
#[test]
fn parked_shards_are_handed_over() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up_parking(&options)?;
    let workload = workload(1_500);
    let mut one = installation.start("one", None)?;
    deploy(&installation, &one.api, &mut job, &options)?;
    job.produce(&workload, 0, 500)?;
    job.wait_for_end(&mut [&mut one.process], TIMEOUT)?;
    wait_until_parked(&one, &job)?;
    let mut two = installation.start("two", None)?;
    let own = |host: &Served| -> Result<usize> {
        let (_, answer) = host.api.call(
            "GET",
            &format!("/v1/tenants/{TENANT}/jobs/{}", job.name),
            b"",
        )?;
        Ok(shards(&answer).0)
    };
    wait_until("two has its half", TIMEOUT, || {
        Ok((own(&one)?, own(&two)?) == (2, 2))
    })?;
    wait_until_parked(&two, &job)?;
    job.produce(&workload, 500, 1_000)?;
    job.wait_for_end(&mut [&mut one.process, &mut two.process], TIMEOUT)?;
    wait_until_parked(&one, &job)?;
    wait_until_parked(&two, &job)?;
    ensure!(one.process.interrupt(TIMEOUT)?.success());
    job.produce(&workload, 1_000, workload.length())?;
    job.wait_for_end(&mut [&mut two.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

/// What happened to its topic while it was parked is found when it starts: never read on silently.
#[test]
fn a_topic_made_again_under_a_parked_job_halts_it() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up_parking(&options)?;
    let workload = workload(500);
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    job.produce(&workload, 0, workload.length())?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    wait_until_parked(&host, &job)?;
    let visible = job.client().read_committed(&job.output)?.len();
    job.client().delete_topic(&job.input)?;
    wait_until("the topic is gone", TIMEOUT, || {
        Ok(job.client().partitions(&job.input)?.is_none())
    })?;
    job.client().create_topic(&job.input, 4, &[])?;
    job.produce(&workload, 0, workload.length())?;
    host.api
        .wait_for_job(TENANT, &job.name, "halts", |job| state(job) == "halted")?;
    assert_eq!(job.client().read_committed(&job.output)?.len(), visible);
    Ok(())
}

/// Jobs that read the same topic wait for the same partitions.
#[test]
fn parked_jobs_of_one_topic_wake_together() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up_parking(&options)?;
    let mut other = Job::new(&broker::shared().client(), &options)?;
    other.input = job.input.clone();
    let workload = workload(1_000);
    let mut host = installation.start("one", None)?;
    for job in [&mut job, &mut other] {
        deploy(&installation, &host.api, job, &options)?;
    }
    job.produce(&workload, 0, 500)?;
    for job in [&job, &other] {
        job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
        wait_until_parked(&host, job)?;
    }
    job.produce(&workload, 500, workload.length())?;
    for job in [&job, &other] {
        job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
        job.check(&Truth::of(&workload))?;
    }
    Ok(())
}
