//! Dead letters on the embedded log; with a real broker in `tests/tests/serve/letters.rs`.

use super::*;
use sluicebox_core::batch;
use sluicebox_core::embedded::{EmbeddedLog, Record};
use sluicebox_core::log::{Log, OutRecord};
use sluicebox_core::spec::JobSpec;

const BASE: &str = "sluicebox.test.copy";

fn spec(operators: &str) -> JobSpec {
    let text = format!(
        "apiVersion: sluicebox/v1\njob: copy\nsource: {{ kafka: {{ topic: in, start: earliest }} }}\noperators:\n{operators}\n\
         sink: {{ kafka: {{ topic: out }} }}\ndead_letter: {{ topic: dead }}\n"
    );
    JobSpec::parse(&text, &|_| None).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn filter() -> JobSpec {
    spec("  - { id: valid, filter: { module: a@1 }, on_error: dead_letter }")
}

fn behind_map() -> JobSpec {
    spec(
        "  - { id: enrich, map: { module: b@1 } }\n  - { id: valid, filter: { module: a@1 }, on_error: dead_letter }",
    )
}

fn log() -> EmbeddedLog {
    let log = EmbeddedLog::new();
    for (topic, partitions) in [("in", 4), ("out", 1), ("dead", 2)] {
        log.create_topic(topic, partitions).expect("a topic");
    }
    log.ensure_changelog(&crate::changelog(BASE), 1)
        .expect("a changelog");
    log
}

fn packed(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut packed = Vec::new();
    for (name, value) in headers {
        batch::push_header(&mut packed, name.as_bytes(), Some(value.as_bytes()));
    }
    packed
}

/// The headers of a dead letter of the record at this place of the source, and further ones.
fn letter_headers(place: (i32, i64), more: &[(&str, &str)]) -> Vec<u8> {
    let (partition, offset) = (place.0.to_string(), place.1.to_string());
    let ours = [
        ("trace", "7"),
        ("sluicebox-job", "copy"),
        ("sluicebox-operator", "valid"),
        ("sluicebox-error", "no user"),
        ("sluicebox-source-topic", "in"),
        ("sluicebox-source-partition", &partition),
        ("sluicebox-source-offset", &offset),
    ];
    packed(&[&ours[..], more].concat())
}

/// A dead letter of the record at this place of the source.
fn letter(log: &EmbeddedLog, place: (i32, i64), value: &str, more: &[(&str, &str)]) {
    let headers = letter_headers(place, more);
    let (key, value) = (Some(&b"k"[..]), Some(value.as_bytes()));
    log.produce(
        "dead",
        Some((place.1 % 2) as i32),
        key,
        value,
        Some(&headers),
        40 + place.1,
    )
    .expect("a letter");
}

fn source(log: &EmbeddedLog) -> Vec<Record> {
    log.reader("in").expect("a topic").drain().expect("records")
}

fn values(log: &EmbeddedLog) -> Vec<String> {
    let value = |r: Record| String::from_utf8_lossy(&r.value.unwrap_or_default()).into_owned();
    let mut values: Vec<_> = source(log).into_iter().map(value).collect();
    values.sort();
    values
}

fn give_back(log: &EmbeddedLog, spec: &JobSpec, wish: &Requeue) -> crate::Result<Requeued> {
    requeue(log, spec, BASE, wish)
}

fn count(requeued: &Requeued) -> u64 {
    requeued.requeued.values().sum()
}

#[test]
fn records_are_given_back_once_as_they_were() {
    let (log, spec) = (log(), filter());
    letter(&log, (3, 0), "a", &[]);
    letter(&log, (1, 1), "b", &[]);
    let dry = Requeue {
        dry_run: true,
        ..Requeue::default()
    };
    let said = give_back(&log, &spec, &dry).expect("an answer");
    assert_eq!((count(&said), source(&log).len()), (2, 0));
    let done = give_back(&log, &spec, &Requeue::default()).expect("requeued");
    assert!(done.done && count(&done) == 2);
    let records = source(&log);
    assert_eq!(records[0].partition, 1);
    assert_eq!(records[1].partition, 3);
    assert_eq!(records[1].key.as_deref(), Some(&b"k"[..]));
    assert_eq!(records[1].value.as_deref(), Some(&b"a"[..]));
    assert_eq!(records[1].headers, Some(packed(&[("trace", "7")])));
    assert_eq!(records[1].timestamp, 40);
    let again = give_back(&log, &spec, &Requeue::default()).expect("nothing");
    assert_eq!((count(&again), source(&log).len()), (0, 2));
    letter(&log, (3, 2), "c", &[]);
    give_back(&log, &spec, &Requeue::default()).expect("the new one");
    assert_eq!(values(&log), ["a", "b", "c"]);
}

#[test]
fn letters_are_listed_until_they_were_dealt_with() {
    let (log, spec) = (log(), filter());
    letter(&log, (3, 0), "a", &[]);
    letter(&log, (3, 1), &"b".repeat(5_000), &[]);
    let which = Which {
        letters_max: 1,
        ..Which::default()
    };
    let listed = list(&log, &spec, BASE, &which).expect("a list");
    assert_eq!(
        (listed.count, listed.letters.len(), listed.more),
        (2, 1, false)
    );
    assert_eq!(listed.letters[0].letter.error, "no user");
    let long = Which {
        letters_max: 10,
        error: Some("user".to_owned()),
        ..Which::default()
    };
    let listed = list(&log, &spec, BASE, &long).expect("a list");
    let (shown, length) = listed.letters[1].value.clone().expect("a value");
    assert_eq!((shown.len(), length), (2_048, 5_000));
    let other = Which {
        operator: Some("enrich".to_owned()),
        ..long.clone()
    };
    assert_eq!(list(&log, &spec, BASE, &other).expect("a list").count, 0);
    give_back(&log, &spec, &Requeue::default()).expect("requeued");
    assert_eq!(list(&log, &spec, BASE, &long).expect("a list").count, 0);
    let all = Which { all: true, ..long };
    assert_eq!(list(&log, &spec, BASE, &all).expect("a list").count, 2);
}

#[test]
fn what_is_no_record_of_the_job_stays_where_it_is() {
    let (log, spec) = (log(), filter());
    log.produce("dead", Some(0), None, Some(b"x"), None, 0)
        .expect("not a letter");
    letter(&log, (9, 0), "no such partition", &[]);
    letter(
        &log,
        (0, 0),
        "accumulator",
        &[("sluicebox-window-end", "60000")],
    );
    letter(&log, (0, 4), "a", &[]);
    letter(&log, (0, 4), "a", &[]);
    let done = give_back(&log, &spec, &Requeue::default()).expect("requeued");
    assert_eq!(
        (count(&done), done.foreign, done.windows, done.duplicates),
        (1, 2, 1, 1)
    );
    assert_eq!(values(&log), ["a"]);
}

/// Behind a map the letter is not the record, and other rows of the record may have worked.
#[test]
fn behind_a_map_only_when_told_so_and_from_the_source() {
    let (log, spec) = (log(), behind_map());
    let headers = packed(&[("trace", "7")]);
    log.produce(
        "in",
        Some(2),
        Some(b"k"),
        Some(b"original"),
        Some(&headers),
        5,
    )
    .expect("a record");
    letter(&log, (2, 0), "mapped", &[]);
    letter(&log, (2, 1), "mapped", &[]);
    let refused = give_back(&log, &spec, &Requeue::default()).expect_err("it could repeat");
    assert_eq!(refused.kind, crate::Kind::Halted);
    insta::assert_snapshot!(refused.message, @r"
    the dead letter in partition 0 at offset 0 failed in operator `valid`, and the job may have made something of its record elsewhere, which would count twice; nothing was requeued
    if that does no harm, say so (`--repeats`)
    ");
    assert_eq!(source(&log).len(), 1);
    let wish = Requeue {
        repeats: true,
        ..Requeue::default()
    };
    let done = give_back(&log, &spec, &wish).expect("requeued");
    assert_eq!((count(&done), done.gone), (1, 1));
    let records = source(&log);
    assert_eq!(records.len(), 2);
    assert_eq!(
        records[1],
        Record {
            offset: 1,
            ..records[0].clone()
        }
    );
}

#[test]
fn a_letter_that_was_cut_is_read_from_the_source() {
    let (log, spec) = (log(), filter());
    log.produce("in", Some(2), Some(b"k"), Some(b"large"), None, 5)
        .expect("a record");
    letter(&log, (2, 0), "", &[("sluicebox-value-dropped-bytes", "5")]);
    give_back(&log, &spec, &Requeue::default()).expect("requeued");
    assert_eq!(values(&log), ["large", "large"]);
}

#[test]
fn many_letters_take_several_calls_and_new_ones_wait() {
    let (log, spec) = (log(), filter());
    for offset in 0..6_000 {
        letter(&log, (0, offset), "a", &[]);
    }
    let first = give_back(&log, &spec, &Requeue::default()).expect("requeued");
    assert_eq!((count(&first), first.done), (5_000, false));
    letter(&log, (0, 6_000), "new", &[]);
    letter(&log, (0, 6_001), "new", &[]);
    let wish = Requeue {
        until: first.until,
        ..Requeue::default()
    };
    let rest = give_back(&log, &spec, &wish).expect("requeued");
    assert_eq!((count(&rest), rest.done), (1_000, true));
    assert_eq!(source(&log).len(), 6_000);
    assert_eq!(
        count(&give_back(&log, &spec, &Requeue::default()).expect("requeued")),
        2
    );
}

/// Where the end that was meant is a transaction's marker, what comes behind it must not be waited for, nor taken in.
#[test]
fn an_end_in_a_gap_is_reached() {
    let (log, spec) = (log(), filter());
    letter(&log, (0, 0), "a", &[]);
    let headers = letter_headers((0, 2), &[]);
    let mut job = super::desk::Desk::open(&log, &spec, BASE, &["dead".to_owned()]).expect("open");
    job.log.init_transactions().expect("an epoch");
    job.log.begin().expect("a transaction");
    let written = OutRecord {
        headers: Some(&headers),
        ..record()
    };
    job.log.send(written).expect("sent");
    let topic = job.topic;
    job.log.commit(&[], &topic).expect("committed");
    let dry = Requeue {
        dry_run: true,
        ..Requeue::default()
    };
    let until = give_back(&log, &spec, &dry).expect("an answer").until;
    assert_eq!(until[&0], 3, "two letters and a marker");
    letter(&log, (0, 4), "new", &[]);
    let wish = Requeue {
        until,
        ..Requeue::default()
    };
    let done = give_back(&log, &spec, &wish).expect("requeued");
    assert_eq!((count(&done), done.done), (2, true));
    assert_eq!(values(&log), ["a", "overtaken"]);
}

/// Somebody who is killed in the middle, and somebody who only thinks to be the only one.
#[test]
fn one_that_is_overtaken_gives_nothing_back() {
    let (log, spec) = (log(), filter());
    letter(&log, (0, 0), "a", &[]);
    let sinks = ["in".to_owned()];
    let mut slow = super::desk::Desk::open(&log, &spec, BASE, &sinks).expect("a desk");
    slow.log.init_transactions().expect("an epoch");
    slow.log.begin().expect("a transaction");
    slow.log.send(record()).expect("sent");
    give_back(&log, &spec, &Requeue::default()).expect("requeued");
    let topic = slow.topic;
    assert!(slow.log.commit(&[], &topic).is_err());
    assert_eq!(values(&log), ["a"]);
}

fn record() -> OutRecord<'static> {
    OutRecord {
        topic: 0,
        partition: 0,
        key: None,
        value: Some(b"overtaken"),
        headers: None,
        timestamp: 1,
    }
}

#[test]
fn a_job_without_letters_says_so() {
    let log = log();
    let plain = JobSpec::parse(
        "apiVersion: sluicebox/v1\njob: copy\nsource: { kafka: { topic: in, start: earliest } }\nsink: { kafka: { topic: out } }\n",
        &|_| None,
    );
    let plain = plain.expect("a spec");
    let which = Which::default();
    let said = |error: crate::Result<Listed>| error.expect_err("no letters").message;
    insta::assert_snapshot!(said(list(&log, &plain, BASE, &which)), @r"
    job `copy` has no dead letters: its spec names no topic for them
    set `dead_letter: { topic: NAME }`, and `on_error: dead_letter` on an operator
    ");
    insta::assert_snapshot!(said(list(&log, &filter(), "sluicebox.test.new", &which)), @"job `copy` has never run, so it has no dead letters");
}
