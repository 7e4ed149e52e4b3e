//! What a job gives when nothing goes wrong.

use std::time::Duration;

use anyhow::Result;
use sluicebox_tests::broker;
use sluicebox_tests::job::{Job, Options};
use sluicebox_tests::records::Rec;
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, Workload};

const TIMEOUT: Duration = Duration::from_secs(120);

fn exact(options: &Options, workload: &Workload) -> Result<()> {
    let job = Job::new(&broker::shared().client(), options)?;
    job.produce(workload, 0, workload.length())?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    let status = host.interrupt(Duration::from_secs(30))?;
    assert!(status.success(), "after Ctrl-C: {status}\n{}", host.log());
    job.check(&Truth::of(workload))
}

#[test]
fn results_equal_the_truth() -> Result<()> {
    let workload = Workload {
        seed: workload::seed(),
        ..Workload::default()
    };
    exact(&Options::default(), &workload)
}

#[test]
fn state_in_memory_gives_the_same() -> Result<()> {
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 5_000,
        ..Workload::default()
    };
    let options = Options {
        state: "memory",
        shards: Some(2),
        ..Options::default()
    };
    exact(&options, &workload)
}

/// Results may repeat after a kill, but none is lost or wrong, and late and dead ones neither.
#[test]
fn at_least_once_repeats_and_loses_nothing() -> Result<()> {
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 6_000,
        ..Workload::default()
    };
    let options = Options {
        delivery: "at_least_once",
        ..Options::default()
    };
    let job = Job::new(&broker::shared().client(), &options)?;
    for from in [0, 2_000, 4_000] {
        job.produce(&workload, from, from + 2_000)?;
        let mut host = job.start("host", None)?;
        job.wait_for(4 * from + 1, &mut [&mut host], TIMEOUT)?;
        host.kill()?;
    }
    job.produce(&workload, workload.per_partition, workload.length())?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    let results = job.client().read_committed(&job.output)?;
    Truth::of(&workload).check_rows_repeated(&results)
}

/// Aborted records and transaction markers leave gaps in the offsets that a reader sees.
#[test]
fn offset_gaps_of_aborted_transactions_change_nothing() -> Result<()> {
    let client = broker::shared().client();
    let job = Job::new(&client, &Options::default())?;
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 2_000,
        ..Workload::default()
    };
    let mut host = job.start("host", None)?;
    for from in (0..workload.per_partition).step_by(500) {
        let junk: Vec<Rec> = (0..workload.partitions)
            .map(|p| {
                Rec::new(
                    p,
                    "user-0",
                    "junk of an aborted transaction",
                    9_000_000_000_000,
                )
            })
            .collect();
        client.produce_transaction(&job.input, &job.input, &junk, false)?;
        let orders: Vec<Rec> = workload.records(from, from + 500).collect();
        client.produce_transaction(&job.input, &job.input, &orders, true)?;
    }
    job.produce(&workload, workload.per_partition, workload.length())?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

/// A log that was compacted has holes too, and its oldest records are gone.
#[test]
fn a_topic_that_begins_in_the_middle_is_read_from_there() -> Result<()> {
    let client = broker::shared().client();
    let job = Job::new(&client, &Options::default())?;
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 2_000,
        ..Workload::default()
    };
    let junk: Vec<Rec> = (0..workload.partitions)
        .flat_map(|p| (0..10).map(move |_| Rec::new(p, "user-0", "deleted", 9_000_000_000_000)))
        .collect();
    client.produce(&job.input, &junk)?;
    for partition in 0..workload.partitions {
        client.delete_records(&job.input, partition, 10)?;
    }
    job.produce(&workload, 0, workload.length())?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}
