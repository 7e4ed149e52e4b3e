//! A host whose wall clock is wrong, and jumps: results are a function of the input and know nothing of it.

use std::time::Duration;

use anyhow::Result;
use sluicebox_tests::broker;
use sluicebox_tests::clock::Clock;
use sluicebox_tests::job::{Job, Options};
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, Workload};

const TIMEOUT: Duration = Duration::from_secs(60);
const HOUR_S: i64 = 3600;

#[test]
fn a_wall_clock_that_jumps() -> Result<()> {
    const JUMPS_S: [i64; 5] = [0, HOUR_S, -HOUR_S, 26 * HOUR_S, -26 * HOUR_S];
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 1_000 * JUMPS_S.len() as u64,
        ..Workload::default()
    };
    let job = Job::new(&broker::shared().client(), &Options::default())?;
    let clock = Clock::new()?;
    let start = || job.spawn("host", |command| clock.give(command));
    let mut host = start()?;
    for (n, jump_s) in (0..).zip(JUMPS_S) {
        clock.set(jump_s)?;
        job.produce(&workload, n * 1_000, n * 1_000 + 500)?;
        job.wait_for_end(&mut [&mut host], TIMEOUT)?;
        // Also a host that begins with a wrong clock, and finds a changelog from another time.
        host.kill()?;
        host = start()?;
        job.produce(&workload, n * 1_000 + 500, n * 1_000 + 1_000)?;
        job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    }
    job.produce(&workload, workload.per_partition, workload.length())?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}
