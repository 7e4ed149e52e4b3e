//! What came of cases, for people and for programs.

use crate::observer::level_name;
use crate::output::Paint;
use serde_json::{Value, json};
use sluicebox_host::trial::{Change, Difference, Report};
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Unchanged records that are shown around a difference.
const AROUND: usize = 2;
/// Most lines of a difference that are shown.
const LINES_MAX: usize = 60;

/// A case that was run.
pub struct Done {
    /// Its file.
    pub file: PathBuf,
    /// What came of it.
    pub report: Report,
    /// How long that took.
    pub took: Duration,
    /// Whether its expectations were written anew.
    pub written: bool,
}

impl Done {
    /// Whether everything is as it should be.
    pub fn passed(&self) -> bool {
        self.report.passed()
    }
}

/// One case.
pub fn text(done: &Done, seed: u64, paint: Paint) -> String {
    let Done { file, report, .. } = done;
    let verdict = match (report.passed(), done.written) {
        (false, _) => paint.error("FAILED"),
        (true, true) => paint.warn("updated"),
        (true, false) => paint.good("ok"),
    };
    let mut out = format!(
        "{}  {verdict}  {}, {}; {}\n",
        file.display(),
        count(report.records, "record"),
        count(report.outputs, "output"),
        count(report.rounds, "round"),
    );
    for logged in &report.logged {
        let line = format!(
            "  {}: log {}: {}",
            logged.operator,
            level_name(logged.level),
            logged.text
        );
        // A String takes any write.
        let _ = writeln!(out, "{}", paint.dim(line));
    }
    for note in &report.notes {
        let _ = writeln!(out, "  {} {note}", paint.warn("trap:"));
    }
    for failure in failures(done, seed, paint) {
        let _ = writeln!(out, "{failure}");
    }
    for cost in &report.costs {
        let line = format!(
            "  {}: {} ns a record in batches of 1,024; {} KiB of memory",
            cost.operator,
            cost.ns,
            cost.memory_bytes / 1024
        );
        let _ = writeln!(out, "{}", paint.dim(line));
    }
    out
}

/// What is wrong with a case, a text each.
pub fn failures(done: &Done, seed: u64, paint: Paint) -> Vec<String> {
    let Done { file, report, .. } = done;
    let file = file.display();
    let mut all: Vec<String> = report
        .differences
        .iter()
        .map(|d| difference(&file.to_string(), d, paint))
        .collect();
    if let Some(stopped) = &report.stopped {
        all.push(format!(
            "{file}:{}: {} {}",
            stopped.line,
            paint.error("the job would stop:"),
            indented(&stopped.why)
        ));
    }
    if let Some(unstable) = &report.unstable {
        all.push(format!(
            "{file}: {} {}\n    (--seed {seed} runs the same batches again)",
            paint.error("other outputs"),
            indented(unstable)
        ));
    }
    all.extend(
        report
            .laws
            .iter()
            .map(|law| format!("{file}: {}", indented(law))),
    );
    all
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

fn difference(file: &str, difference: &Difference, paint: Paint) -> String {
    let missing = difference
        .changes
        .iter()
        .filter(|c| matches!(c, Change::Missing(_)))
        .count();
    let surplus = difference
        .changes
        .iter()
        .filter(|c| matches!(c, Change::Surplus(_)))
        .count();
    let place = difference
        .line
        .map_or(file.to_owned(), |line| format!("{file}:{line}"));
    let topic = difference
        .topic
        .iter()
        .map(|topic| format!(" to `{topic}`"))
        .collect::<String>();
    let what = match difference.line {
        Some(_) => {
            format!("{missing} expected and not there, {surplus} there and not expected{topic}")
        }
        None => format!(
            "{} after the last `expect`{topic}",
            count(surplus, "output")
        ),
    };
    let mut out = format!("{place}: {}", paint.error(what));
    for line in shown(&difference.changes, paint) {
        let _ = write!(out, "\n  {line}");
    }
    out
}

/// The changes with a little of what is around them.
fn shown(changes: &[Change], paint: Paint) -> Vec<String> {
    let is_same = |change: &Change| matches!(change, Change::Same(_));
    let is_near = |i: usize| {
        let from = i.saturating_sub(AROUND);
        let to = (i + AROUND + 1).min(changes.len());
        changes[from..to].iter().any(|change| !is_same(change))
    };
    let mut lines = Vec::new();
    let mut skipped = false;
    for (i, change) in changes.iter().enumerate() {
        if !is_near(i) {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) {
            lines.push(paint.dim("  ..."));
        }
        lines.push(match change {
            Change::Same(line) => format!("  {line}"),
            Change::Missing(line) => paint.bad(format!("- {line}")),
            Change::Surplus(line) => paint.good(format!("+ {line}")),
        });
    }
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(paint.dim(format!("  and {more} more lines")));
    }
    lines
}

/// All cases in a line.
pub fn summary(all: &[Done], seed: u64, paint: Paint) -> String {
    let failed = all.iter().filter(|done| !done.passed()).count();
    let groups: usize = all.iter().map(|done| done.report.groups).sum();
    let laws = match groups {
        0 => String::new(),
        groups => format!("; laws of aggregates tried on {}", count(groups, "group")),
    };
    let passed = format!("{} passed", all.len() - failed);
    let passed = if failed == 0 {
        paint.good(passed)
    } else {
        passed
    };
    format!("{passed}, {failed} failed (seed {seed}{laws})\n")
}

/// All cases, for programs.
pub fn json(all: &[Done], seed: u64) -> Value {
    let cases = all.iter().map(|done| {
        let costs = done.report.costs.iter().map(
            |cost| json!({"operator": cost.operator, "ns": cost.ns, "memory_bytes": cost.memory_bytes}),
        );
        json!({
            "file": done.file,
            "passed": done.passed(),
            "updated": done.written,
            "records": done.report.records,
            "outputs": done.report.outputs,
            "rounds": done.report.rounds,
            "failures": failures(done, seed, Paint::plain()),
            "costs": costs.collect::<Vec<_>>(),
        })
    });
    json!({"seed": seed, "cases": cases.collect::<Vec<_>>()})
}

fn count(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}
