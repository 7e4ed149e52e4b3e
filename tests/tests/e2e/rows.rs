//! Records that are hard to carry, and records that a module cannot take.

use std::time::Duration;

use anyhow::{Result, ensure};
use sluicebox_tests::broker;
use sluicebox_tests::client::Client;
use sluicebox_tests::job::{Job, Options, guest};
use sluicebox_tests::records::Rec;
use sluicebox_tests::spec;
use sluicebox_tests::workload::START_MS;

const TIMEOUT: Duration = Duration::from_secs(180);

fn one_partition() -> Options {
    Options {
        partitions: 1,
        ..Options::default()
    }
}

/// Run a job of these operators over `records` to the end.
fn run(client: &Client, time: &str, operators: &str, records: &[Rec]) -> Result<Job> {
    let job = Job::with(client, &one_partition(), |job, options| {
        spec::with_operators(job, options, time, operators)
    })?;
    client.produce(&job.input, records)?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    let status = host.interrupt(TIMEOUT)?;
    ensure!(status.success(), "after Ctrl-C: {status}\n{}", host.log());
    Ok(job)
}

/// The same records, as the output has them: offsets are its own.
fn without_offsets(mut records: Vec<Rec>) -> Vec<Rec> {
    records.iter_mut().for_each(|record| record.offset = 0);
    records
}

fn header(record: &Rec, name: &str) -> Option<String> {
    let (_, value) = record.headers.iter().find(|(key, _)| key == name)?;
    Some(String::from_utf8_lossy(value.as_deref()?).into_owned())
}

#[test]
fn nulls_headers_and_large_records_pass_unchanged() -> Result<()> {
    let records = vec![
        Rec::new(0, "key", "value", START_MS),
        Rec {
            value: Some(b"no key".to_vec()),
            timestamp: START_MS,
            ..Rec::default()
        },
        Rec {
            key: Some(b"tombstone".to_vec()),
            timestamp: START_MS,
            ..Rec::default()
        },
        Rec {
            timestamp: START_MS,
            ..Rec::default()
        },
        Rec::new(0, "", "", START_MS),
        Rec {
            headers: vec![
                ("twice".into(), Some(b"1".to_vec())),
                ("twice".into(), Some(vec![0xff, 0xfe, 0])),
                ("null".into(), None),
                ("".into(), Some(Vec::new())),
            ],
            ..Rec::new(0, "headers", "v", START_MS)
        },
        Rec::new(0, "large", &"x".repeat(1_000_000), START_MS),
    ];
    let client = broker::shared().client();
    let job = run(&client, "", "", &records)?;
    let written = without_offsets(client.read_committed(&job.output)?);
    assert_eq!(written.len(), records.len());
    for (written, record) in written.iter().zip(&records) {
        ensure!(
            written == record,
            "{:?} became {:?}",
            record.key_text(),
            written.key_text()
        );
    }
    Ok(())
}

#[test]
fn times_that_cannot_be_right_do_not_move_the_watermark() -> Result<()> {
    let odd = |timestamp| Rec::new(0, "odd", "odd", timestamp);
    let client = broker::shared().client();
    // The year 9999 in between: a watermark moved by it would make the last order late.
    let records = vec![
        Rec::new(0, "user-1", &order(100), START_MS),
        odd(253_402_300_799_000),
        // Not 0: librdkafka takes that for "now".
        odd(1),
        Rec::new(0, "user-1", &order(23), START_MS + 1_000),
        Rec::new(0, "user-2", &order(1), START_MS + 3_600_000),
    ];
    let spend = guest("spend-per-user");
    let operators = format!(
        "operators:\n  - id: spend\n    window-aggregate: {{ module: {}, window: {{ tumbling: 1m }} }}\n",
        spend.display()
    );
    let time = ", min: 2001-01-01, on_invalid: dead_letter";
    let job = run(&client, time, &operators, &records)?;
    let results = client.read_committed(&job.output)?;
    let values: Vec<String> = results.iter().map(Rec::value_text).collect();
    assert_eq!(values.len(), 1, "{values:?}");
    assert!(values[0].contains("\"sum_cents\":123"), "{values:?}");
    let dead = client.read_committed(&job.dead)?;
    assert_eq!(dead.len(), 2);
    Ok(())
}

/// What orders-enrich writes, as far as spend-per-user reads it.
fn order(value_cents: i64) -> String {
    format!("{{\"value_cents\":{value_cents}}}")
}

fn hostile(mode: &str) -> String {
    format!(
        "operators:\n  - id: guard\n    filter: {{ module: {}, config: {mode} }}\n    on_error: dead_letter\n",
        guest("hostile").display()
    )
}

/// A thousand records, of which the module cannot take one.
fn poisoned(mode: &str) -> Result<()> {
    let records: Vec<Rec> = (0..1_000)
        .map(|i| {
            let value = if i == 637 {
                "poison".to_owned()
            } else {
                format!("value {i}")
            };
            Rec::new(0, "key", &value, START_MS + i)
        })
        .collect();
    let client = broker::shared().client();
    let job = run(&client, "", &hostile(mode), &records)?;
    let written = without_offsets(client.read_committed(&job.output)?);
    let fine: Vec<Rec> = records
        .iter()
        .filter(|r| r.value_text() != "poison")
        .cloned()
        .collect();
    ensure!(
        written == fine,
        "{} of {} other records came through",
        written.len(),
        fine.len()
    );
    let dead = client.read_committed(&job.dead)?;
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!(dead[0].value_text(), "poison");
    assert_eq!(
        header(&dead[0], "sluicebox-operator").as_deref(),
        Some("guard")
    );
    assert_eq!(
        header(&dead[0], "sluicebox-source-offset").as_deref(),
        Some("637")
    );
    assert!(header(&dead[0], "sluicebox-error").is_some_and(|error| !error.is_empty()));
    Ok(())
}

#[test]
fn a_record_that_traps_is_a_dead_letter_once() -> Result<()> {
    poisoned("panic on poison")
}

#[test]
fn a_record_that_loops_is_a_dead_letter_once() -> Result<()> {
    poisoned("loop on poison")
}
