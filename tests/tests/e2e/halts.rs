//! What must not be guessed at: the job stops with an error that says what is wrong and what to do, and has written
//! nothing wrong before it.

use std::time::Duration;

use anyhow::{Result, ensure};
use sluicebox_tests::broker;
use sluicebox_tests::job::{Host, Job, Options};
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, Workload};

const TIMEOUT: Duration = Duration::from_secs(90);

fn workload() -> Workload {
    Workload {
        seed: workload::seed(),
        per_partition: 3_000,
        ..Workload::default()
    }
}

/// A job that has read 2,000 orders of each partition, and its host.
fn running(workload: &Workload) -> Result<(Job, Host)> {
    // One shard, so that none goes on rightly while another halts.
    let options = Options {
        shards: Some(1),
        ..Options::default()
    };
    let job = Job::new(&broker::shared().client(), &options)?;
    job.produce(workload, 0, 2_000)?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    Ok((job, host))
}

/// Somebody must act.
const HALTED: i32 = 3;
/// The spec, or what it names, is wrong.
const REFUSED: i32 = 2;

/// The host must end with exit code `code` and an error that contains all of `words`, and the results must be as they were.
fn halts(job: &Job, host: &mut Host, code: i32, before: usize, words: &[&str]) -> Result<()> {
    let status = host.wait(TIMEOUT)?;
    let log = host.log();
    ensure!(
        status.code() == Some(code),
        "ended with {status}, not {code}:\n{log}"
    );
    for word in words {
        ensure!(log.contains(word), "{word:?} is not in the error:\n{log}");
    }
    let after = job.client().read_committed(&job.output)?.len();
    ensure!(after == before, "{before} results before, {after} after");
    Ok(())
}

fn results(job: &Job) -> Result<usize> {
    Ok(job.client().read_committed(&job.output)?.len())
}

#[test]
fn a_topic_recreated_while_the_job_was_down() -> Result<()> {
    let workload = workload();
    let (job, mut host) = running(&workload)?;
    host.kill()?;
    let before = results(&job)?;
    job.client().delete_topic(&job.input)?;
    job.client().create_topic(&job.input, 4, &[])?;
    job.produce(&workload, 0, workload.length())?;
    halts(
        &job,
        &mut job.start("host", None)?,
        HALTED,
        before,
        &[&job.input],
    )
}

#[test]
fn a_topic_recreated_while_the_job_runs() -> Result<()> {
    let workload = workload();
    let (job, mut host) = running(&workload)?;
    let before = results(&job)?;
    job.client().delete_topic(&job.input)?;
    job.client().create_topic(&job.input, 4, &[])?;
    job.produce(&workload, 0, workload.length())?;
    halts(&job, &mut host, HALTED, before, &[&job.input])
}

#[test]
fn retention_that_passed_our_offset() -> Result<()> {
    let workload = workload();
    let (job, mut host) = running(&workload)?;
    host.kill()?;
    let before = results(&job)?;
    job.produce(&workload, 2_000, workload.length())?;
    job.client().delete_records(&job.input, 1, 2_500)?;
    halts(
        &job,
        &mut job.start("host", None)?,
        HALTED,
        before,
        &[&job.input, "2500"],
    )
}

#[test]
fn positions_that_someone_deleted() -> Result<()> {
    let workload = workload();
    let (job, mut host) = running(&workload)?;
    host.kill()?;
    let before = results(&job)?;
    job.client().delete_group(&job.group)?;
    job.produce(&workload, 2_000, workload.length())?;
    halts(
        &job,
        &mut job.start("host", None)?,
        HALTED,
        before,
        &[&job.group, "from-changelog"],
    )
}

#[test]
fn positions_that_someone_deleted_come_back_from_the_changelog() -> Result<()> {
    let workload = workload();
    let (job, mut host) = running(&workload)?;
    host.kill()?;
    job.client().delete_group(&job.group)?;
    job.produce(&workload, 2_000, workload.length())?;
    let mut host = job.start_with("host", None, &["--recover-from-changelog"])?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

#[test]
fn partitions_added_to_the_input() -> Result<()> {
    let workload = workload();
    let (job, mut host) = running(&workload)?;
    host.kill()?;
    let before = results(&job)?;
    job.client().add_partitions(&job.input, 6)?;
    halts(
        &job,
        &mut job.start("host", None)?,
        HALTED,
        before,
        &[&job.input, "partitions"],
    )
}

#[test]
fn an_input_topic_that_does_not_exist() -> Result<()> {
    let job = Job::new(&broker::shared().client(), &Options::default())?;
    job.client().delete_topic(&job.input)?;
    halts(
        &job,
        &mut job.start("host", None)?,
        REFUSED,
        0,
        &[&job.input],
    )
}
