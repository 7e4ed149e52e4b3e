//! The rights that README.md lists: with exactly these a job runs, and without any one of them it refuses to, with an
//! error that names what to grant. Granting that is then enough.

use std::time::Duration;

use anyhow::{Result, ensure};
use sluicebox_tests::broker;
use sluicebox_tests::job::{Host, Job, Options};
use sluicebox_tests::rights::{Operation, Resource, Right};
use sluicebox_tests::secure::{PASSWORD, USER};
use sluicebox_tests::spec;
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, Workload};

const TIMEOUT: Duration = Duration::from_secs(60);
/// Somebody must act.
const HALTED: i32 = 3;

/// Which of a job's things a row of the table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Source,
    /// Three topics: results, late rows, dead letters.
    Written,
    OwnTopics,
    Positions,
    Members,
    Transactions,
}

/// The table, as README.md has it.
const TABLE: [(&str, Of, &[Operation]); 6] = [
    ("source topic", Of::Source, &[Operation::Read]),
    (
        "sink, late and dead-letter topics",
        Of::Written,
        &[Operation::Write, Operation::DescribeConfigs],
    ),
    (
        "topics `sluicebox.INSTALLATION.JOB.` (prefixed)",
        Of::OwnTopics,
        &[
            Operation::Create,
            Operation::Read,
            Operation::Write,
            Operation::DescribeConfigs,
        ],
    ),
    (
        "group `sluicebox.INSTALLATION.JOB`, or the spec's `group`",
        Of::Positions,
        &[Operation::Read],
    ),
    (
        "groups `sluicebox.INSTALLATION.JOB.` (prefixed)",
        Of::Members,
        &[Operation::Read],
    ),
    (
        "transactional ids `sluicebox.INSTALLATION.JOB.` (prefixed)",
        Of::Transactions,
        &[Operation::Write],
    ),
];

fn rights(job: &Job) -> Vec<Right> {
    let all = TABLE.iter().flat_map(|(_, of, operations)| {
        let each = operations
            .iter()
            .map(|operation| right(job, *of, *operation));
        each.flatten().collect::<Vec<_>>()
    });
    all.collect()
}

/// A right of the table; on several topics where the row is about several.
fn right(job: &Job, of: Of, operation: Operation) -> Vec<Right> {
    let own = format!("sluicebox.local.{}.", job.name);
    let (resource, names, prefixed) = match of {
        Of::Source => (Resource::Topic, vec![&job.input], false),
        Of::Written => {
            let topics = vec![&job.output, &job.late, &job.dead];
            (Resource::Topic, topics, false)
        }
        Of::OwnTopics => (Resource::Topic, vec![&own], true),
        Of::Positions => (Resource::Group, vec![&job.group], false),
        Of::Members => (Resource::Group, vec![&own], true),
        Of::Transactions => (Resource::TransactionalId, vec![&own], true),
    };
    let right = |name: &String| Right {
        resource,
        name: name.clone(),
        prefixed,
        operation,
    };
    names.into_iter().map(right).collect()
}

fn workload() -> Workload {
    Workload {
        seed: workload::seed(),
        per_partition: 1_000,
        ..Workload::default()
    }
}

/// A job without any right yet, which keeps its positions in the group that it has by itself.
fn job(delivery: &'static str) -> Result<Job> {
    let broker = broker::shared_secure();
    let secure = broker.secure()?;
    let options = Options {
        // One, so that no other goes on rightly while it halts.
        shards: Some(1),
        delivery,
        bootstrap: Some(secure.bootstrap()),
        properties: secure.properties(),
        ..Options::default()
    };
    let mut job = Job::with(&broker.client(), &options, |job, options| {
        let spec = spec::spend(job, options);
        spec.replace(&format!("group: {}\n", job.group), "")
    })?;
    job.group = format!("sluicebox.local.{}", job.name);
    Ok(job)
}

/// The host must halt with an error that has all these words and no secret.
fn halts(host: &mut Host, words: &[&str]) -> Result<()> {
    let status = host.wait(TIMEOUT)?;
    let log = host.log();
    ensure!(status.code() == Some(HALTED), "ended with {status}:\n{log}");
    for word in words {
        ensure!(log.contains(word), "{word:?} is not in the error:\n{log}");
    }
    ensure!(!log.contains(PASSWORD), "the password is in the log");
    Ok(())
}

fn refused_without(of: Of, operation: Operation) -> Result<()> {
    let workload = workload();
    let job = job("exactly_once")?;
    job.produce(&workload, 0, workload.length())?;
    let missing = right(&job, of, operation);
    let mut rest = rights(&job);
    rest.retain(|right| !missing.contains(right));
    job.client().grant(USER, &rest)?;
    let name = missing[0].name.as_str();
    let word = format!("{operation:?}");
    halts(&mut job.start("host", None)?, &[name, &word, "grant"])?;
    for topic in [&job.output, &job.late, &job.dead] {
        let written = job.client().read_committed(topic)?.len();
        ensure!(written == 0, "{written} records in {topic}");
    }
    job.client().grant(USER, &missing)?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

macro_rules! refusals {
    ($($name:ident: $operation:ident on $of:ident;)*) => {
        $(
            #[test]
            fn $name() -> Result<()> {
                refused_without(Of::$of, Operation::$operation)
            }
        )*

        /// A right that no test takes away may be one that nobody needs.
        #[test]
        fn every_right_of_the_table_has_its_test() {
            let tested = [$((Of::$of, Operation::$operation)),*];
            let listed: Vec<(Of, Operation)> = TABLE
                .iter()
                .flat_map(|(_, of, operations)| operations.iter().map(|o| (*of, *o)))
                .collect();
            assert_eq!(listed, tested);
        }
    };
}

refusals! {
    without_reading_the_source: Read on Source;
    without_writing_the_sinks: Write on Written;
    without_the_settings_of_the_sinks: DescribeConfigs on Written;
    without_making_the_changelog: Create on OwnTopics;
    without_reading_the_changelog: Read on OwnTopics;
    without_writing_the_changelog: Write on OwnTopics;
    without_the_settings_of_the_changelog: DescribeConfigs on OwnTopics;
    without_the_group_of_positions: Read on Positions;
    without_the_group_of_members: Read on Members;
    without_the_transactional_ids: Write on Transactions;
}

#[test]
fn the_readme_lists_what_is_tested() -> Result<()> {
    let readme = include_str!("../../../README.md");
    for (cell, _, operations) in TABLE {
        let operations: Vec<String> = operations.iter().map(|o| format!("{o:?}")).collect();
        let row = format!("| {cell} | {} |", operations.join(", "));
        ensure!(readme.contains(&row), "README.md has no row {row}");
    }
    Ok(())
}

/// Begin, recover from nothing but the changelog, end; ask how far it is.
fn enough(delivery: &'static str) -> Result<Job> {
    let workload = workload();
    let job = job(delivery)?;
    job.client().grant(USER, &rights(&job))?;
    job.produce(&workload, 0, 500)?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    host.kill()?;
    std::fs::remove_dir_all(job.state("host"))?;
    job.produce(&workload, 500, workload.length())?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    let status = host.interrupt(TIMEOUT)?;
    ensure!(status.success(), "{status}:\n{}", host.log());
    ensure!(!host.log().contains(PASSWORD), "the password is in the log");
    for command in ["check", "lag"] {
        let output = job.ask(command)?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        ensure!(output.status.success(), "{command}: {said}");
        ensure!(!said.contains(PASSWORD), "{command} tells the password");
    }
    job.check(&Truth::of(&workload))?;
    Ok(job)
}

#[test]
fn the_rights_of_the_table_are_enough() -> Result<()> {
    enough("exactly_once").map(drop)
}

/// Its outputs leave by another producer.
#[test]
fn the_rights_of_the_table_are_enough_for_at_least_once() -> Result<()> {
    enough("at_least_once").map(drop)
}

/// Taken away while the job runs: it halts, and goes on exactly where it was once it may again.
fn halts_when_withdrawn(of: Of, operation: Operation) -> Result<()> {
    let workload = workload();
    let job = job("exactly_once")?;
    job.client().grant(USER, &rights(&job))?;
    job.produce(&workload, 0, 300)?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    let withdrawn = right(&job, of, operation);
    for right in &withdrawn {
        job.client().withdraw(USER, right)?;
    }
    job.produce(&workload, 300, 600)?;
    let word = format!("{operation:?}");
    halts(&mut host, &[&withdrawn[0].name, &word, "grant"])?;
    job.client().grant(USER, &withdrawn)?;
    let mut host = job.start("host", None)?;
    job.produce(&workload, 600, workload.length())?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

#[test]
fn the_source_withdrawn_while_the_job_runs() -> Result<()> {
    halts_when_withdrawn(Of::Source, Operation::Read)
}

#[test]
fn the_sinks_withdrawn_while_the_job_runs() -> Result<()> {
    halts_when_withdrawn(Of::Written, Operation::Write)
}

#[test]
fn the_group_withdrawn_while_the_job_runs() -> Result<()> {
    halts_when_withdrawn(Of::Positions, Operation::Read)
}

#[test]
fn the_transactional_ids_withdrawn_while_the_job_runs() -> Result<()> {
    halts_when_withdrawn(Of::Transactions, Operation::Write)
}
