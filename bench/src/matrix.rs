//! The matrix: raw consume, then each job by each contestant, round after round, so that a busy minute of the machine
//! hits all of them and not one.
use crate::consume::Consumed;
use crate::measure::{self, Figures};
use crate::proc;
use crate::runner::{self, Setup, Who};
use crate::twin::Job;
use crate::verify;
use crate::workload::Workload;
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// One line of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// None: only consume.
    pub job: Option<Job>,
    /// None: raw consume is nobody's.
    pub who: Option<Who>,
}

/// One verified run, or the medians of several.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Run {
    /// Which line of the matrix.
    #[serde(flatten)]
    pub line: Line,
    /// What it took.
    #[serde(flatten)]
    pub figures: Figures,
}

impl Run {
    /// Raw consume took this.
    fn raw(figures: Figures) -> Self {
        let line = Line {
            job: None,
            who: None,
        };
        Self { line, figures }
    }
}

/// What to run.
pub struct Plan<'a> {
    pub input: &'a str,
    pub workload: &'a Workload,
    pub rounds: u32,
    pub epoch_ms: u64,
    pub who: &'a [Who],
    pub jobs: &'a [Job],
}

/// Run it all. The first output that is not exact ends it.
pub fn run(setup: &Setup, plan: &Plan<'_>) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for round in 1..=plan.rounds {
        let raw = consume(setup, plan.input)?;
        tell(round, "consume", &raw);
        runs.push(Run::raw(raw));
        for &job in plan.jobs {
            // Whoever comes second finds warmer caches: take turns.
            let mut order = plan.who.to_vec();
            if round % 2 == 0 {
                order.reverse();
            }
            for who in order {
                let figures =
                    one(setup, plan, job, who).with_context(|| format!("{job:?} by {who:?}"))?;
                tell(round, &format!("{job:?} by {who:?}"), &figures);
                let line = Line {
                    job: Some(job),
                    who: Some(who),
                };
                runs.push(Run { line, figures });
            }
        }
    }
    Ok(runs)
}

fn one(setup: &Setup, plan: &Plan<'_>, job: Job, who: Who) -> Result<Figures> {
    let entry = setup.enter(who, job, plan.input, plan.epoch_ms, false)?;
    let figures = measure::measure(&entry)?;
    let verdict = verify::verify(&setup.brokers, &entry.out, job, plan.workload)?;
    verdict.require_exact("verification")?;
    entry.clear()?;
    Ok(figures)
}

fn tell(round: u32, what: &str, figures: &Figures) {
    eprintln!(
        "round {round}  {what:<18} {:>9.0} records/s  {:.2} CPU s/M  {:>4.0} MB  exact",
        figures.records_per_s, figures.cpu_s_per_million, figures.peak_mb
    );
}

/// Raw consume, as a process of its own like the others.
fn consume(setup: &Setup, input: &str) -> Result<Figures> {
    let machine_before = proc::machine();
    let started = Instant::now();
    let mut command = runner::tool(&setup.brokers, "consume")?;
    let mut child = command
        .args(["--input", input])
        .stdout(Stdio::piped())
        .spawn()?;
    let (mut usage, mut peak_kb) = (proc::Usage::default(), 0);
    loop {
        if let Some(now) = proc::usage(child.id()) {
            (usage, peak_kb) = (now, peak_kb.max(now.peak_kb));
        }
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("raw consume failed: {status}");
            }
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let seconds = started.elapsed().as_secs_f64();
    let consumed: Consumed = serde_json::from_reader(child.stdout.take().context("no output")?)?;
    let busy = machine_before
        .zip(proc::machine())
        .map(|(a, b)| (b.0 - a.0) / (b.1 - a.1));
    Ok(Figures {
        records: consumed.records,
        seconds,
        records_per_s: consumed.records as f64 / seconds,
        warm_records_per_s: Some(consumed.records as f64 / consumed.seconds),
        cpu_s_per_million: usage.cpu_s / consumed.records as f64 * 1e6,
        warm_cpu_s_per_million: None,
        peak_mb: peak_kb as f64 / 1024.0,
        machine_busy: busy.unwrap_or(f64::NAN),
    })
}
