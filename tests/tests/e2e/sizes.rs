//! Things that are larger than Kafka takes: a delta over `max.message.bytes`, more state changes in an epoch than memory
//! may hold, a result that fits into no record.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sluicebox_tests::broker::{self, Broker};
use sluicebox_tests::client::Client;
use sluicebox_tests::job::{Job, Options, guest};
use sluicebox_tests::records::Rec;
use sluicebox_tests::spec;
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, START_MS, Workload};

const TIMEOUT: Duration = Duration::from_secs(120);

/// Many users, so that an epoch of seconds changes megabytes of state.
fn wide() -> Workload {
    Workload {
        seed: workload::seed(),
        per_partition: 30_000,
        users: 20_000,
        // Little event time, so that few windows close and most state stays.
        step_ms: 1,
        ..Workload::default()
    }
}

#[test]
fn a_delta_over_the_largest_message_goes_in_pieces() -> Result<()> {
    let limit = 20_000;
    let broker = Broker::start_with(&broker::Options {
        properties: vec![("message.max.bytes".into(), limit.to_string())],
        ..broker::Options::default()
    })?;
    let options = Options {
        epoch_ms: 3_000,
        ..Options::default()
    };
    let (client, workload) = (broker.client(), wide());
    let job = Job::new(&client, &options)?;
    job.produce(&workload, 0, workload.per_partition)?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    // The pieces must also be put together again.
    host.kill()?;
    std::fs::remove_dir_all(job.state("host"))?;
    let mut host = job.start("host", None)?;
    job.produce(&workload, workload.per_partition, workload.length())?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))?;

    let chunks = chunks_max(&client, &job)?;
    ensure!(
        chunks > 1,
        "no delta needed more than {chunks} chunk: this test tests nothing"
    );
    Ok(())
}

/// Most chunks of any delta, as the job's epoch records say.
fn chunks_max(client: &Client, job: &Job) -> Result<u64> {
    let mut most = 0;
    for topic in client
        .topics("sluicebox.")?
        .iter()
        .filter(|topic| topic.contains(&job.name))
    {
        for record in client
            .read_committed(topic)?
            .iter()
            .filter(|r| r.key_text() == "e")
        {
            let epoch: serde_json::Value =
                serde_json::from_slice(record.value.as_deref().unwrap_or_default())?;
            most = most.max(epoch["chunks"].as_u64().unwrap_or(0));
        }
    }
    Ok(most)
}

#[test]
fn an_overlay_at_its_limit_ends_the_epoch_early() -> Result<()> {
    let options = Options {
        epoch_ms: 20_000,
        shards: Some(1),
        ..Options::default()
    };
    let (client, workload) = (broker::shared().client(), wide());
    let job = Job::with(&client, &options, |job, options| {
        spec::spend(job, options).replace("interval: 20000ms", "interval: 20s, overlay_max: 1MiB")
    })?;
    job.produce(&workload, 0, workload.length())?;
    let mut host = job.start("host", None)?;
    let start = Instant::now();
    job.wait_for(1, &mut [&mut host], TIMEOUT)?;
    ensure!(
        start.elapsed() < Duration::from_secs(15),
        "the first commit took {:?}",
        start.elapsed()
    );
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

#[test]
fn an_output_too_large_for_its_topic_is_a_dead_letter() -> Result<()> {
    let client = broker::shared().client();
    let options = Options {
        partitions: 1,
        ..Options::default()
    };
    let job = Job::with(&client, &options, |job, options| {
        // Any operator will do that passes the record on.
        let operators = format!(
            "operators:\n  - id: guard\n    filter: {{ module: {}, config: pass }}\n    on_error: dead_letter\n",
            guest("hostile").display()
        );
        spec::with_operators(job, options, "", &operators)
    })?;
    client.delete_topic(&job.output)?;
    client.create_topic(&job.output, 1, &[("max.message.bytes", "20000")])?;
    let large = "x".repeat(50_000);
    let records = [
        Rec::new(0, "a", "fits", START_MS),
        Rec::new(0, "b", &large, START_MS),
        Rec::new(0, "c", "fits too", START_MS),
    ];
    client.produce(&job.input, &records)?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    let keys = |topic| -> Result<Vec<String>> {
        Ok(client
            .read_committed(topic)?
            .iter()
            .map(Rec::key_text)
            .collect())
    };
    assert_eq!(keys(&job.output)?, ["a", "c"]);
    assert_eq!(keys(&job.dead)?, ["b"]);
    Ok(())
}

/// Each fits, all together don't: a client that packs them into one batch is refused.
#[test]
fn many_small_outputs_fit_into_a_topic_with_a_small_limit() -> Result<()> {
    let client = broker::shared().client();
    let options = Options {
        partitions: 1,
        ..Options::default()
    };
    let job = Job::with(&client, &options, |job, options| {
        spec::with_operators(job, options, "", "")
    })?;
    client.delete_topic(&job.output)?;
    client.create_topic(&job.output, 1, &[("max.message.bytes", "20000")])?;
    let records: Vec<Rec> = (0..5_000)
        .map(|i| Rec::new(0, "k", &format!("{i:0100}"), START_MS))
        .collect();
    client.produce(&job.input, &records)?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    let seen = client.read_committed(&job.output)?;
    ensure!(
        seen.len() == records.len(),
        "{} of {}",
        seen.len(),
        records.len()
    );
    Ok(())
}
