//! CPU time and peak memory of a process and its children, as the kernel counts them. The same for every engine, in
//! whatever language; nothing has to be built into it.
use std::fs;

/// Ticks in a second of CPU time, fixed in Linux's user interface.
const TICKS_PER_S: f64 = 100.0;

/// What a process tree has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// User and system time, in seconds.
    pub cpu_s: f64,
    /// Peak resident memory (VmHWM), in kilobytes; of a tree the sum.
    pub peak_kb: u64,
}

/// Usage of `pid` and its living children, and CPU time of its ended ones. `None` once it is gone.
pub fn usage(pid: u32) -> Option<Usage> {
    let mut total = of_one(pid)?;
    let mut queue = children(pid);
    while let Some(child) = queue.pop() {
        if let Some(usage) = of_one(child) {
            total.cpu_s += usage.cpu_s;
            total.peak_kb += usage.peak_kb;
            queue.extend(children(child));
        }
    }
    Some(total)
}

fn of_one(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let cpu_s = cpu_s(&stat)?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    Some(Usage {
        cpu_s,
        peak_kb: peak_kb(&status),
    })
}

/// utime, stime and, of ended children, cutime and cstime are fields 14 to 17; the command's name in field 2 may hold
/// anything, so counting starts behind its bracket.
fn cpu_s(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields = fields.split_ascii_whitespace().skip(11);
    let ticks = fields.take(4).map(str::parse::<u64>);
    Some(ticks.sum::<Result<u64, _>>().ok()? as f64 / TICKS_PER_S)
}

/// A process that has ended but is not reaped has no such line.
fn peak_kb(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_ascii_whitespace()
                .filter_map(|p| p.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// CPU time used and available on the whole machine since it started, in seconds: how much else was going on.
pub fn machine() -> Option<(f64, f64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let ticks = stat.lines().next()?.split_ascii_whitespace().skip(1);
    let ticks: Vec<f64> = ticks.filter_map(|t| t.parse().ok()).collect();
    let idle = ticks.get(3)? + ticks.get(4)?;
    let all: f64 = ticks.iter().sum();
    Some(((all - idle) / TICKS_PER_S, all / TICKS_PER_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_the_name() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 20 30 20 0";
        assert_eq!(cpu_s(stat), Some(2.5));
    }

    #[test]
    fn peak_is_found_or_zero() {
        assert_eq!(peak_kb("VmPeak:\t 9 kB\nVmHWM:\t  1234 kB\n"), 1234);
        assert_eq!(peak_kb("Name:\tx\n"), 0);
    }

    #[test]
    fn a_busy_process_uses_cpu_and_memory() {
        let mut x = 1u64;
        while usage(std::process::id()).unwrap().cpu_s < 0.02 {
            x = std::hint::black_box(
                (0..100_000).fold(x, |x, i| x.wrapping_mul(31).wrapping_add(i)),
            );
        }
        assert!(usage(std::process::id()).unwrap().peak_kb > 500);
    }
}
