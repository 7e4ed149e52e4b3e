//! `sluicebox logs`: what a job's modules said, and what became of its shards, on all hosts.

use super::super::HostArgs;
use super::super::answers::LogLine;
use super::super::client::Client;
use super::super::text::{harmless, short};
use crate::failure::advised;
use crate::output::{Format, Paint, print, stdout_paint};
use anyhow::Result;
use sluicebox_core::spec::format_time_ms;
use std::collections::BTreeMap;
use std::io::{BufRead, Read};

const EXAMPLES: &str = "\
Examples:
  sluicebox logs spend
  sluicebox logs spend --tail 10 -f                # go on with what comes
  sluicebox logs spend --output json | jq -r 'select(.level == \"error\").text'";
/// Lines that a host keeps, at most.
const TAIL_MAX: u64 = 2_000;
/// Longest line that is read, in bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Arguments of `logs`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The job's name
    #[arg(value_name = "JOB")]
    job: String,
    /// Go on with the lines to come
    #[arg(short, long)]
    follow: bool,
    /// How many of the last lines to begin with
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(..=TAIL_MAX))]
    tail: u64,
    #[command(flatten)]
    host: HostArgs,
    /// How to print them; as JSON, an object a line
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Fetch and print.
pub fn run(args: Args) -> Result<()> {
    let client = args.host.connect()?;
    let path = |tail| {
        let query = format!("/logs?follow={}&tail={tail}", args.follow);
        client.of_job(&args.job, &query)
    };
    let mut seen = AllSeen::default();
    let mut tail = args.tail;
    loop {
        let quiet = copy(&client, &path(tail)?, &mut seen, args.output)?;
        match (args.follow, quiet) {
            (false, _) => return Ok(()),
            // Nothing for a while: whether the host is still there shows when it is asked again.
            (true, true) if !seen.0.is_empty() => tail = TAIL_MAX,
            (true, true) => {}
            (true, false) => {
                return Err(advised(
                    anyhow::anyhow!("the log of {} goes on no longer", args.job),
                    "the host stopped, the job was deleted, or the token ended; ask again",
                ));
            }
        }
    }
}

/// Print the lines of one answer. Answers whether it broke off because nothing came for a while.
fn copy(client: &Client, path: &str, seen: &mut AllSeen, output: Format) -> Result<bool> {
    let paint = stdout_paint();
    let mut lines = client.lines(path)?;
    let mut text = Vec::new();
    seen.start_over();
    loop {
        text.clear();
        match (&mut lines)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut text)
        {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(error) if is_quiet(&error) => return Ok(true),
            Err(error) => return Err(client.read_failed(error).into()),
        }
        let text = String::from_utf8_lossy(&text);
        let line: LogLine = serde_json::from_str(&text).unwrap_or_else(|_| LogLine {
            text: text.trim_end().to_owned(),
            ..LogLine::default()
        });
        if seen.is_new(&line) {
            print(&match output {
                Format::Json => format!("{}\n", harmless(text.trim_end())),
                Format::Text => shown(&line, seen.0.len() > 1, paint),
            })?;
        }
    }
}

fn is_quiet(error: &std::io::Error) -> bool {
    let timeout = |error: &ureq::Error| matches!(error, ureq::Error::Timeout(_));
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    error.kind() == std::io::ErrorKind::TimedOut || inner.is_some_and(timeout)
}

/// What was printed of each host's lines.
#[derive(Default)]
struct AllSeen(BTreeMap<String, Seen>);

impl AllSeen {
    fn start_over(&mut self) {
        self.0.values_mut().for_each(Seen::start_over);
    }

    fn is_new(&mut self, line: &LogLine) -> bool {
        if line.missed.is_some() {
            return true;
        }
        self.0.entry(line.host.clone()).or_default().is_new(line)
    }
}

/// What was printed of a host's lines before a stream was begun anew: they come in the order of their times.
#[derive(Default)]
struct Seen {
    last_ms: i64,
    /// Lines of that very time that were printed.
    at_last: usize,
    /// Of these, the ones that come again.
    again: usize,
}

impl Seen {
    fn start_over(&mut self) {
        self.again = self.at_last;
    }

    fn is_new(&mut self, line: &LogLine) -> bool {
        match line.at_ms.cmp(&self.last_ms) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal if self.again > 0 => {
                self.again -= 1;
                false
            }
            std::cmp::Ordering::Equal => {
                self.at_last += 1;
                true
            }
            std::cmp::Ordering::Greater => {
                *self = Self {
                    last_ms: line.at_ms,
                    at_last: 1,
                    again: 0,
                };
                true
            }
        }
    }
}

fn shown(line: &LogLine, several: bool, paint: Paint) -> String {
    if let Some(missed) = line.missed {
        return format!("{}\n", paint.dim(format!("({missed} lines came too fast)")));
    }
    let level = format!("{:<5}", harmless(&line.level));
    let level = match line.level.as_str() {
        "error" => paint.error(level),
        "warn" => paint.warn(level),
        _ => level,
    };
    let mut who = String::new();
    if several {
        who.push_str(&format!("{}: ", short(&line.host)));
    }
    if let Some(shard) = line.shard {
        who.push_str(&format!("shard {shard}: "));
    }
    if let Some(operator) = &line.operator {
        who.push_str(&format!("{operator}: "));
    }
    let text = harmless(&line.text).replace('\n', "\n    ");
    let time = paint.dim(format_time_ms(line.at_ms));
    format!("{time} {level} {}{text}\n", harmless(&who))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at_ms: i64, text: &str) -> LogLine {
        LogLine {
            at_ms,
            text: text.to_owned(),
            level: "info".to_owned(),
            ..LogLine::default()
        }
    }

    #[test]
    fn lines_are_for_people() {
        let lines = [
            line(1_767_225_600_000, "version 2 runs"),
            LogLine {
                shard: Some(1),
                level: "error".to_owned(),
                ..line(1_767_225_600_001, "halted: a\nb\u{1b}[2J")
            },
            LogLine {
                host: "0123456789abcdef".to_owned(),
                operator: Some("valid".to_owned()),
                level: "warn".to_owned(),
                ..line(1_767_225_600_002, "odd")
            },
            LogLine {
                missed: Some(3),
                ..LogLine::default()
            },
        ];
        let seen = lines.map(|line| shown(&line, !line.host.is_empty(), Paint::plain()));
        insta::assert_snapshot!(seen.concat(), @r"
        2026-01-01T00:00:00Z info  version 2 runs
        2026-01-01T00:00:00.001Z error shard 1: halted: a
            b?[2J
        2026-01-01T00:00:00.002Z warn  0123456789ab: valid: odd
        (3 lines came too fast)
        ");
    }

    #[test]
    fn a_stream_begun_anew_repeats_nothing() {
        let mut seen = AllSeen::default();
        let mut take = |lines: &[(i64, &str)]| -> String {
            seen.start_over();
            let lines = lines.iter().map(|(at, text)| line(*at, text));
            lines
                .filter(|line| seen.is_new(line))
                .map(|line| line.text)
                .collect()
        };
        assert_eq!(take(&[(1, "a"), (2, "b"), (2, "c")]), "abc");
        assert_eq!(take(&[(1, "a"), (2, "b"), (2, "c")]), "");
        assert_eq!(
            take(&[(1, "a"), (2, "b"), (2, "c"), (2, "d"), (3, "e")]),
            "de"
        );
        assert_eq!(take(&[(3, "e"), (3, "f"), (4, "g")]), "fg");
        // Another host's lines are late, and new.
        let other = LogLine {
            host: "other".to_owned(),
            ..line(2, "x")
        };
        assert!(seen.is_new(&other));
        seen.start_over();
        assert!(!seen.is_new(&other));
    }
}
