//! What the demo prints: the job, a line for each closed minute, a status line where there is a terminal, and the end.

use super::windows::Windows;
use crate::observer::ledger;
use crate::output::{stderr_paint, stdout_paint};
use anyhow::Result;
use sluicebox_core::shard::Progress;
use sluicebox_core::spec::{JobSpec, OperatorKind, format_time_ms};
use sluicebox_host::{Event, Observer, Summary};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

const CLEAR_LINE: &str = "\r\x1b[2K";

/// The terminal, and where the shards are.
pub struct Screen {
    begin: Instant,
    live: bool,
    shards: Mutex<BTreeMap<i32, Progress>>,
}

impl Screen {
    pub fn new() -> Self {
        Self {
            begin: Instant::now(),
            live: std::io::stdout().is_terminal(),
            shards: Mutex::default(),
        }
    }

    /// What is going to happen.
    pub fn begin(spec: &JobSpec, orders: u64) -> String {
        let paint = stdout_paint();
        let mut out = format!(
            "{orders} orders go through three modules, each a WebAssembly sandbox of its own:\n\n"
        );
        for operator in &spec.operators {
            let (kind, what) = match operator.kind {
                OperatorKind::Filter => (
                    "filter",
                    "drops orders without an amount or of an unknown currency",
                ),
                OperatorKind::Map => ("map", "adds what each order is worth in euros"),
                OperatorKind::WindowAggregate { .. } => {
                    ("window-aggregate", "sums up per user and minute")
                }
            };
            // A String takes any write.
            let _ = writeln!(out, "  {:<7} {kind:<17} {}", operator.id, paint.dim(what));
        }
        out + "\nMinutes as they close, 20 seconds of event time after their end:\n\n"
    }

    /// Rows that the job has read.
    pub fn rows(&self) -> u64 {
        let rows = |shard: &Progress| {
            shard
                .accounts
                .first()
                .map_or(0, |(_, account)| account.input)
        };
        self.shards().values().map(rows).sum()
    }

    /// Print lines, and below them where the job is.
    pub fn show(&self, lines: Vec<String>, sent: u64) -> Result<()> {
        let mut out = std::io::stdout().lock();
        let mut text = String::new();
        if self.live {
            text.push_str(CLEAR_LINE);
        }
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        if self.live {
            text.push_str(&stdout_paint().dim(self.status(sent)));
        }
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    fn status(&self, sent: u64) -> String {
        let rows = self.rows();
        let rate = rows as f64 / self.begin.elapsed().as_secs_f64().max(0.001);
        let watermarks = |shard: &Progress| shard.watermarks.values().copied().min();
        let watermark = self.shards().values().filter_map(watermarks).min();
        let watermark = match watermark.map(format_time_ms) {
            Some(time) => time.get(11..19).map_or(time.clone(), str::to_owned),
            None => "none yet".to_owned(),
        };
        let lag = sent.saturating_sub(rows);
        format!("{rows} orders read, {rate:.0} a second, watermark {watermark}, lag {lag}")
    }

    /// What became of everything, and what to do next.
    pub fn end(summary: &Summary, windows: &Windows, sent: u64) -> String {
        let paint = stdout_paint();
        let mut out = String::new();
        if std::io::stdout().is_terminal() {
            out.push_str(CLEAR_LINE);
        }
        let _ = write!(out, "\n{}\n", ledger::text(summary, paint));
        let (mut elsewhere, mut held) = (0, 0);
        for (_, account) in &summary.accounts {
            elsewhere += account.filtered + account.late + account.dead_lettered + account.skipped;
            held += account.held;
        }
        let found = windows.orders + elsewhere + held;
        // Stopped early, the job has not read all that was sent.
        let read = summary
            .accounts
            .first()
            .map_or(0, |(_, account)| account.input);
        let total = if summary.ended { sent } else { read };
        let sum = format!("{} in {} results", windows.orders, windows.results);
        let open = match held {
            0 => String::new(),
            held => format!(" + {held} in windows still open"),
        };
        let sum = format!("{sum} + {elsewhere} dropped, late or refused{open} = {found}");
        let verdict = match found == total && windows.strange == 0 {
            true => paint.good(format!("{total} orders: none lost, none counted twice")),
            false => paint.error(format!("{total} orders, {found} found: please report this")),
        };
        let _ = write!(out, "{sum}\n{verdict}\n\n{NEXT}");
        out
    }

    fn shards(&self) -> MutexGuard<'_, BTreeMap<i32, Progress>> {
        // A panic elsewhere leaves the numbers as good as they were.
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const NEXT: &str = "\
What to try next:
  sluicebox demo --rate 0          the same, as fast as it goes
  example-udfs/                    the three modules: change one, build it, see what happens
  sluicebox check JOB.yaml         a job of your own, checked
  sluicebox run JOB.yaml --dev     and run without a broker (see `sluicebox run --help`)
";

impl Observer for Screen {
    fn event(&self, event: Event<'_>) {
        let warn = |text: String| {
            let clear = if self.live { CLEAR_LINE } else { "" };
            eprintln!("{clear}{} {text}", stderr_paint().warn("warning:"));
        };
        match event {
            Event::Progress {
                shard, progress, ..
            } => drop(self.shards().insert(shard, progress.clone())),
            Event::Restarting { shard, why, .. } => {
                warn(format!("shard {shard} starts over: {why}"))
            }
            Event::Note { shard, text } => warn(format!("shard {shard}: {text}")),
            Event::ModuleLog { operator, text, .. } => warn(format!("{operator}: {text}")),
            Event::Started { .. }
            | Event::Stopped { .. }
            | Event::Parked { .. }
            | Event::Switched { .. } => {}
        }
    }
}
