//! What all runs come to: medians, ratios ours / twin beside their goals, as a table for people and as JSON.
use crate::latency::Latency;
use crate::matrix::{Line, Run};
use crate::measure::Figures;
use crate::recovery::Recovery;
use crate::runner::Who;
use crate::twin::Job;
use serde::Serialize;
use std::fmt::Write;

/// Goals of the project, shown beside what was measured. Nothing fails on them: a busy machine is no regression.
mod goal {
    /// CPU, ours / twin.
    pub const CPU_RATIO: f64 = 1.5;
    /// Peak memory with 100,000 users, in megabytes.
    pub const PEAK_MB: f64 = 300.0;
    /// Epoch length and p99 latency, both in milliseconds.
    pub const P99_MS: [(u64, f64); 2] = [(100, 123.0), (20, 49.0)];
    /// From kill -9 to the first new commit, in seconds.
    pub const RECOVERY_S: f64 = 3.0;
}

/// Everything measured in one call of the bench.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Where it was measured.
    pub machine: Machine,
    /// Every run.
    pub runs: Vec<Run>,
    /// Medians of the runs of a line, figure by figure.
    pub medians: Vec<Run>,
    /// Ours / twin, of the medians.
    pub ratios: Vec<Ratio>,
    pub latency: Vec<Latency>,
    pub recovery: Vec<Recovery>,
}

/// Figures mean little without it.
#[derive(Debug, Default, Serialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    /// Load average before the first run.
    pub load: f64,
}

/// Ours / twin. Below 1 is better, but for `records_per_s`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ratio {
    pub job: Job,
    pub records_per_s: f64,
    pub cpu: f64,
    pub warm_cpu: Option<f64>,
    pub peak_mb: f64,
}

impl Machine {
    /// This one, now.
    pub fn here() -> Self {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu
            .lines()
            .find_map(|l| l.strip_prefix("model name")?.split_once(": "));
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            cpu: model.map_or_else(String::new, |(_, name)| name.to_owned()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            load: load
                .split(' ')
                .next()
                .and_then(|l| l.parse().ok())
                .unwrap_or(f64::NAN),
        }
    }
}

impl Report {
    /// Add the runs of a matrix, and what follows from them.
    pub fn add(&mut self, runs: Vec<Run>) {
        for Run { line, .. } in &runs {
            if !self.medians.iter().any(|run| run.line == *line) {
                let of_line: Vec<_> = runs
                    .iter()
                    .filter(|r| r.line == *line)
                    .map(|r| r.figures)
                    .collect();
                self.medians.push(Run {
                    line: *line,
                    figures: medians(&of_line),
                });
            }
        }
        self.ratios = [Job::Stateless, Job::Windowed]
            .into_iter()
            .filter_map(|job| self.ratio(job))
            .collect();
        self.runs = runs;
    }

    fn ratio(&self, job: Job) -> Option<Ratio> {
        let of = |who| {
            let line = Line {
                job: Some(job),
                who: Some(who),
            };
            self.medians
                .iter()
                .find(|run| run.line == line)
                .map(|run| run.figures)
        };
        let (ours, twin) = (of(Who::Ours)?, of(Who::Twin)?);
        let warm = ours.warm_cpu_s_per_million.zip(twin.warm_cpu_s_per_million);
        Some(Ratio {
            job,
            records_per_s: ours.records_per_s / twin.records_per_s,
            cpu: ours.cpu_s_per_million / twin.cpu_s_per_million,
            warm_cpu: warm.map(|(ours, twin)| ours / twin),
            peak_mb: ours.peak_mb / twin.peak_mb,
        })
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a String can't fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        let Machine { cpu, cores, load } = &self.machine;
        writeln!(
            to,
            "{cores} cores of {cpu}, shared with the broker; load before {load:.2}\n"
        )?;
        if !self.medians.is_empty() {
            writeln!(
                to,
                "medians              records/s   warm      CPU s/M  warm    peak MB  machine busy"
            )?;
        }
        for Run { line, figures } in &self.medians {
            write_line(to, *line, figures)?;
            let ratio = self.ratios.iter().find(|r| Some(r.job) == line.job);
            if let Some(ratio) = ratio.filter(|_| self.is_last_of(*line)) {
                write_ratio(to, ratio)?;
            }
        }
        for latency in &self.latency {
            write_latency(to, latency)?;
        }
        for r in &self.recovery {
            writeln!(
                to,
                "\nrecovery, windowed job, kill -9 at {:.0} % of the input: first commit {:.2} s (goal {} s), first record {:.2} s, all {:.2} s",
                r.killed_at * 100.0,
                r.first_commit_s,
                goal::RECOVERY_S,
                r.first_record_s,
                r.done_s
            )?;
        }
        Ok(())
    }

    fn is_last_of(&self, line: Line) -> bool {
        self.medians
            .iter()
            .rfind(|run| run.line.job == line.job)
            .is_some_and(|last| last.line == line)
    }
}

fn write_line(to: &mut String, line: Line, f: &Figures) -> std::fmt::Result {
    let job = match line.job {
        None => "raw consume",
        Some(Job::Stateless) => "stateless",
        Some(Job::Windowed) => "windowed",
    };
    let who = match line.who {
        None => "",
        Some(Who::Twin) => "twin",
        Some(Who::Ours) => "ours",
    };
    let or_dash =
        |x: Option<f64>, digits| x.map_or_else(|| "-".into(), |x| format!("{x:.digits$}"));
    writeln!(
        to,
        "{job:<12} {who:<6} {:>11.0} {:>9} {:>9.2} {:>6} {:>9.0} {:>10.0} %",
        f.records_per_s,
        or_dash(f.warm_records_per_s, 0),
        f.cpu_s_per_million,
        or_dash(f.warm_cpu_s_per_million, 2),
        f.peak_mb,
        f.machine_busy * 100.0
    )
}

fn write_ratio(to: &mut String, r: &Ratio) -> std::fmt::Result {
    let warm = r.warm_cpu.map_or_else(|| "-".into(), |x| format!("{x:.2}"));
    let (rate, cpu, peak, goal, goal_mb) = (
        r.records_per_s,
        r.cpu,
        r.peak_mb,
        goal::CPU_RATIO,
        goal::PEAK_MB,
    );
    writeln!(
        to,
        "{:<12} {:<6} {rate:>11.2} {:>9} {cpu:>9.2} {warm:>6} {peak:>9.2}    goals: CPU ratio ≤ {goal}, ours ≤ {goal_mb} MB",
        "", "ratio", ""
    )
}

fn write_latency(to: &mut String, l: &Latency) -> std::fmt::Result {
    let goal = goal::P99_MS
        .iter()
        .find(|(epoch_ms, _)| *epoch_ms == l.epoch_ms);
    let goal = goal.map_or_else(String::new, |(_, p99)| format!(" (goal {p99:.0})"));
    write!(
        to,
        "\nlatency, epochs of {} ms, {}: p50 {:.1} ms, p90 {:.1}, p99 {:.1}{goal}, max {:.1}",
        l.epoch_ms,
        if l.who == Who::Ours { "ours" } else { "twin" },
        l.p50_ms,
        l.p90_ms,
        l.p99_ms,
        l.max_ms
    )
}

fn medians(runs: &[Figures]) -> Figures {
    let of = |get: &dyn Fn(&Figures) -> Option<f64>| median(runs.iter().filter_map(get).collect());
    let must = |get: &dyn Fn(&Figures) -> f64| of(&|f| Some(get(f))).unwrap_or(f64::NAN);
    Figures {
        records: runs.first().map_or(0, |f| f.records),
        seconds: must(&|f| f.seconds),
        records_per_s: must(&|f| f.records_per_s),
        warm_records_per_s: of(&|f| f.warm_records_per_s),
        cpu_s_per_million: must(&|f| f.cpu_s_per_million),
        warm_cpu_s_per_million: of(&|f| f.warm_cpu_s_per_million),
        peak_mb: must(&|f| f.peak_mb),
        machine_busy: must(&|f| f.machine_busy),
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some((values[low] + values[high]) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(records_per_s: f64, cpu: f64) -> Figures {
        Figures {
            records: 5_000_004,
            seconds: 1.0,
            records_per_s,
            warm_records_per_s: None,
            cpu_s_per_million: cpu,
            warm_cpu_s_per_million: Some(cpu),
            peak_mb: 100.0,
            machine_busy: 0.5,
        }
    }

    #[test]
    fn medians_of_odd_and_even_and_none() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn ratio_is_ours_by_twin_of_the_medians() {
        let run = |who, rate, cpu| Run {
            line: Line {
                job: Some(Job::Windowed),
                who: Some(who),
            },
            figures: figures(rate, cpu),
        };
        let mut report = Report::default();
        let twin = [100.0, 900.0, 300.0].map(|rate| run(Who::Twin, rate, 2.0));
        let ours = run(Who::Ours, 150.0, 3.0);
        report.add(twin.into_iter().chain([ours]).collect());
        let [ratio] = report.ratios[..] else {
            panic!("one job, one ratio: {:?}", report.ratios)
        };
        assert_eq!(
            (ratio.records_per_s, ratio.cpu, ratio.warm_cpu),
            (0.5, 1.5, Some(1.5))
        );
        let table = report.table();
        assert!(table.contains("windowed     twin           300"), "{table}");
        assert!(
            table.contains("ratio         0.50                1.50   1.50      1.00"),
            "{table}"
        );
    }
}
