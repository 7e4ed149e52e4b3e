//! `sluicebox deadletters`: records that a job could not process, and giving them to it again.

use super::super::HostArgs;
use super::super::answers::{DeadLetter, DeadLetterField, DeadLetters, Requeued};
use super::super::client::Client;
use super::super::names::encoded;
use super::super::text::{columns, harmless, time};
use crate::output::{Format, print, print_json};
use anyhow::Result;
use serde_json::json;
use std::fmt::Write;
use ureq::http::Method;

const EXAMPLES: &str = "\
Examples:
  sluicebox deadletters list spend
  sluicebox deadletters list spend --operator enrich --error 'no rate' --limit 10
  sluicebox deploy spend.yaml                       # what corrects it
  sluicebox deadletters requeue spend --dry-run
  sluicebox deadletters requeue spend

Requeued records are written to the job's source topic, each once. Whatever else reads that topic sees them again, and they keep
their event time: windows that have closed since take them as late.";

/// Arguments of `deadletters`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    host: HostArgs,
    /// How to print it
    #[arg(long, global = true, value_enum, default_value_t)]
    output: Format,
}

/// What to do.
#[derive(clap::Subcommand)]
enum What {
    /// List the dead letters of a job that were not requeued yet
    List {
        /// The job's name
        #[arg(value_name = "JOB")]
        job: String,
        /// Those that were requeued too
        #[arg(long)]
        all: bool,
        /// Those of this operator only
        #[arg(long, value_name = "ID")]
        operator: Option<String>,
        /// Those whose error contains this only
        #[arg(long, value_name = "TEXT")]
        error: Option<String>,
        /// How many at most
        #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Write the records of a job's dead letters to its source again
    Requeue {
        /// The job's name
        #[arg(value_name = "JOB")]
        job: String,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
        /// Also records of which the job may have made something before they failed: that counts twice
        #[arg(long)]
        repeats: bool,
    },
}

/// Do it.
pub fn run(args: Args) -> Result<()> {
    let client = args.host.connect()?;
    match args.what {
        What::List {
            job,
            all,
            operator,
            error,
            limit,
        } => {
            let mut path = format!("/dead-letters?limit={limit}&all={all}");
            for (name, value) in [("operator", operator), ("error", error)] {
                if let Some(value) = value {
                    // A String takes any write.
                    let _ = write!(path, "&{name}={}", encoded(&value));
                }
            }
            let answer = client.get(&client.of_job(&job, &path)?)?;
            answer.print(args.output, |letters| listed(&letters))
        }
        What::Requeue {
            job,
            dry_run,
            repeats,
        } => {
            let all = requeue(&client, &job, dry_run, repeats)?;
            match args.output {
                Format::Json => print_json(&all),
                Format::Text => print(&requeued(&all, dry_run)),
            }
        }
    }
}

/// Ask until nothing is left of what there was at first. What a job rejects again meanwhile is not taken in: this ends.
fn requeue(client: &Client, job: &str, dry_run: bool, repeats: bool) -> Result<Requeued> {
    let path = client.of_job(job, "/dead-letters/requeue")?;
    let mut all = Requeued::default();
    loop {
        let body = json!({ "dry_run": dry_run, "repeats": repeats, "until": all.until });
        let part: Requeued = client.send(Method::POST, &path, &body)?.read()?;
        all.add(part);
        if all.done || dry_run {
            return Ok(all);
        }
    }
}

impl Requeued {
    fn add(&mut self, part: Self) {
        for (operator, records) in part.requeued {
            *self.requeued.entry(operator).or_default() += records;
        }
        self.topic = part.topic;
        self.duplicates += part.duplicates;
        self.gone += part.gone;
        self.windows += part.windows;
        self.foreign += part.foreign;
        self.until = part.until;
        self.done = part.done;
    }
}

fn listed(letters: &DeadLetters) -> String {
    if letters.count == 0 && !letters.more {
        return "no dead letters\n".to_owned();
    }
    let rows: Vec<_> = letters.letters.iter().map(row).collect();
    let header = [
        "letter", "time", "operator", "source", "key", "value", "error",
    ];
    let mut out = columns(&header, &rows);
    let left = letters.count - letters.letters.len() as u64;
    if letters.more {
        let _ = writeln!(out, "... and more than {left} others");
    } else if left > 0 {
        let _ = writeln!(out, "... and {left} more (--limit, --operator, --error)");
    }
    out
}

fn row(letter: &DeadLetter) -> Vec<String> {
    let offset = letter
        .source_offset
        .map_or("end".to_owned(), |o| o.to_string());
    let source = match letter.window_end_ms {
        Some(end) => format!("window until {}", time(end)),
        None => format!("{}@{offset}", letter.source_partition),
    };
    vec![
        format!("{}@{}", letter.partition, letter.offset),
        time(letter.timestamp_ms),
        letter.operator.clone(),
        source,
        field(letter.key.as_ref(), 20),
        field(letter.value.as_ref(), 60),
        cut(&letter.error, 100),
    ]
}

fn field(field: Option<&DeadLetterField>, characters_max: usize) -> String {
    match field {
        None => "-".to_owned(),
        Some(DeadLetterField {
            text: Some(text), ..
        }) => cut(text, characters_max),
        Some(DeadLetterField { bytes, .. }) => format!("{bytes} bytes"),
    }
}

fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

fn requeued(all: &Requeued, dry_run: bool) -> String {
    let records: u64 = all.requeued.values().sum();
    let operators = all
        .requeued
        .iter()
        .map(|(id, records)| format!("{id} {records}"));
    let operators: Vec<_> = operators.collect();
    let mut out = match (records, dry_run) {
        (0, true) => "no record would be requeued\n".to_owned(),
        (0, false) => "no record was requeued\n".to_owned(),
        (_, true) => format!(
            "{}{records} records would be written to topic {} again: {}\n",
            if all.done { "" } else { "at least " },
            all.topic,
            operators.join(", ")
        ),
        (_, false) => format!(
            "{records} records were written to topic {} again: {}\n",
            all.topic,
            operators.join(", ")
        ),
    };
    for (count, what) in [
        (all.duplicates, "further letters of the same records"),
        (
            all.gone,
            "letters whose record retention has deleted from the source",
        ),
        (
            all.windows,
            "letters that are results of windows, not records",
        ),
        (
            all.foreign,
            "records in the topic that are no dead letters of this job",
        ),
    ] {
        if count > 0 {
            let _ = writeln!(out, "left alone, {what}: {count}");
        }
    }
    harmless(&out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_listed() {
        let letters = r#"{"count": 9, "more": false, "letters": [
            {"partition": 0, "offset": 12, "timestamp_ms": 1767225600000, "operator": "enrich", "error": "no rate\nfor \u001b[31mXXX", "source_partition": 3,
             "source_offset": 41, "key": {"text": "ann", "bytes": 3}, "value": {"text": "{\"user\": \"ann\"}", "bytes": 15}, "whole": true},
            {"partition": 1, "offset": 7, "timestamp_ms": 1767225659999, "operator": "spend", "error": "overflow", "source_partition": 3,
             "source_offset": 90, "window_end_ms": 1767225660000, "key": null, "value": {"hex": "ff00", "bytes": 2}, "whole": true}]}"#;
        let letters: DeadLetters = serde_json::from_str(letters).expect("letters");
        insta::assert_snapshot!(listed(&letters), @r#"
        letter  time                  operator  source                             key  value            error
        0@12    2026-01-01T00:00:00Z  enrich    3@41                               ann  {"user": "ann"}  no rate for ?[31mXXX
        1@7     2026-01-01T00:00:59Z  spend     window until 2026-01-01T00:01:00Z  -    2 bytes          overflow
        ... and 7 more (--limit, --operator, --error)
        "#);
        let none: DeadLetters =
            serde_json::from_str(r#"{"count": 0, "more": false, "letters": []}"#).expect("none");
        insta::assert_snapshot!(listed(&none), @"no dead letters");
    }

    #[test]
    fn what_became_of_them_is_said() {
        let part = || Requeued {
            topic: "orders".to_owned(),
            requeued: [("valid".to_owned(), 5_000)].into(),
            gone: 1,
            windows: 2,
            ..Requeued::default()
        };
        let mut all = Requeued::default();
        all.add(part());
        all.add(Requeued {
            requeued: [("enrich".to_owned(), 1)].into(),
            done: true,
            ..part()
        });
        insta::assert_snapshot!(requeued(&all, false), @r"
        5001 records were written to topic orders again: enrich 1, valid 5000
        left alone, letters whose record retention has deleted from the source: 2
        left alone, letters that are results of windows, not records: 4
        ");
        insta::assert_snapshot!(requeued(&part(), true), @r"
        at least 5000 records would be written to topic orders again: valid 5000
        left alone, letters whose record retention has deleted from the source: 1
        left alone, letters that are results of windows, not records: 2
        ");
        insta::assert_snapshot!(requeued(&Requeued::default(), false), @"no record was requeued");
    }
}
