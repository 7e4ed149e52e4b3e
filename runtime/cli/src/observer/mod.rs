//! What a running job tells, on standard error: standard output belongs to its sinks.

pub mod ledger;
mod meter;

use crate::output::{Format, Paint, stderr_paint};
use meter::Meter;
use serde_json::json;
use sluicebox_host::{Event, Level, Observer};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Prints events as lines of text or of JSON.
pub struct Console {
    format: Format,
    quiet: bool,
    paint: Paint,
    start: Instant,
    meter: Mutex<Meter>,
}

impl Console {
    /// `quiet` keeps warnings and what modules log as such.
    pub fn new(format: Format, quiet: bool) -> Self {
        let (paint, start) = (stderr_paint(), Instant::now());
        Self {
            format,
            quiet,
            paint,
            start,
            meter: Mutex::default(),
        }
    }

    fn text(&self, event: &Event<'_>) -> Option<String> {
        let warn = self.paint.warn("warning:");
        let line = match event {
            Event::Started { .. }
            | Event::Stopped { .. }
            | Event::Parked { .. }
            | Event::Switched { .. }
                if self.quiet =>
            {
                return None;
            }
            // A new job's first epoch is its claim on the shard.
            Event::Started {
                shard,
                epoch: 0 | 1,
                ..
            } => format!("shard {shard}: begins"),
            Event::Started { shard, epoch, .. } => {
                format!("shard {shard}: goes on after epoch {epoch}")
            }
            Event::Switched { shard, epoch } => {
                format!("shard {shard}: goes on with another version after epoch {epoch}")
            }
            Event::Parked { shard } => format!("shard {shard}: waits for records"),
            Event::Stopped { shard } => {
                format!("shard {shard}: stopped; what it committed stays")
            }
            Event::Restarting {
                shard,
                why,
                wait_ms,
            } => {
                format!("{warn} shard {shard} starts over in {wait_ms} ms: {why}")
            }
            Event::Note { shard, text } => format!("{warn} shard {shard}: {text}"),
            Event::ModuleLog {
                operator,
                level,
                text,
            } => self.module_line(operator, *level, text)?,
            Event::Progress {
                shard, progress, ..
            } => {
                let line = self.meter().observe(*shard, progress, self.start.elapsed());
                let line = line.filter(|_| !self.quiet)?;
                self.paint.dim(line)
            }
        };
        Some(line)
    }

    fn module_line(&self, operator: &str, level: Level, text: &str) -> Option<String> {
        let name = level_name(level);
        let name = match level {
            Level::Debug | Level::Info if self.quiet => return None,
            Level::Debug | Level::Info => self.paint.dim(name),
            Level::Warn | Level::Error => self.paint.warn(name),
        };
        Some(format!("{operator}: {name}: {text}"))
    }

    fn json(&self, event: &Event<'_>) -> Option<String> {
        let value = match event {
            Event::Started { shard, epoch, .. } => {
                json!({"event": "started", "shard": shard, "epoch": epoch})
            }
            Event::Switched { shard, epoch } => {
                json!({"event": "switched", "shard": shard, "epoch": epoch})
            }
            Event::Parked { shard } => json!({"event": "parked", "shard": shard}),
            Event::Stopped { shard } => json!({"event": "stopped", "shard": shard}),
            Event::Restarting {
                shard,
                why,
                wait_ms,
            } => {
                json!({"event": "restarting", "shard": shard, "why": why, "wait_ms": wait_ms})
            }
            Event::Note { shard, text } => json!({"event": "note", "shard": shard, "text": text}),
            Event::ModuleLog {
                operator,
                level,
                text,
            } => {
                json!({"event": "log", "operator": operator, "level": level_name(*level), "text": text})
            }
            Event::Progress {
                shard, progress, ..
            } => {
                self.meter()
                    .observe(*shard, progress, self.start.elapsed())
                    .filter(|_| !self.quiet)?;
                json!({
                    "event": "progress",
                    "shard": shard,
                    "epoch": progress.epoch,
                    "positions": progress.positions,
                    "watermarks_ms": progress.watermarks,
                    "operators": progress.accounts.iter().cloned().collect::<BTreeMap<_, _>>(),
                })
            }
        };
        Some(value.to_string())
    }

    /// A panic elsewhere leaves the meter's numbers as good as they were.
    fn meter(&self) -> std::sync::MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As people read it.
pub fn level_name(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warning",
        Level::Error => "error",
    }
}

impl Observer for Console {
    fn event(&self, event: Event<'_>) {
        let line = match self.format {
            Format::Text => self.text(&event),
            Format::Json => self.json(&event),
        };
        if let Some(line) = line {
            eprintln!("{line}");
        }
    }
}
