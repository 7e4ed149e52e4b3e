//! A process that dies at any moment loses nothing and repeats nothing: killed at random (the seed is printed), and
//! aborted at every named step of a commit and a recovery.

use std::time::Duration;

use anyhow::{Result, ensure};
use sluicebox_tests::broker;
use sluicebox_tests::crash::{self, Plan};
use sluicebox_tests::job::{Job, Options};
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, Random, Workload};

const TIMEOUT: Duration = Duration::from_secs(120);

#[test]
fn kills_at_random_moments_change_nothing() -> Result<()> {
    let kills = std::env::var("SLUICEBOX_CRASHES").ok();
    let plan = Plan {
        seed: workload::seed(),
        kills: kills.and_then(|text| text.parse().ok()).unwrap_or(20),
        orders_per_life: 500,
        options: Options::default(),
    };
    crash::run(&broker::shared().client(), &plan, &mut |line| {
        eprintln!("{line}")
    })
}

/// One life in peace, one that ends at `step`, one that finishes.
fn abort_at(step: &str, count_max: u64) -> Result<()> {
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 4_000,
        ..Workload::default()
    };
    let job = Job::new(&broker::shared().client(), &Options::default())?;
    let half = workload.per_partition / 2;
    job.produce(&workload, 0, half)?;
    let mut first = job.start("host", None)?;
    job.wait_for_end(&mut [&mut first], TIMEOUT)?;
    first.kill()?;
    if step == "mid-restore" {
        // Without the local state there is something to restore.
        std::fs::remove_dir_all(job.state("host"))?;
    }

    let count = 1 + Random(workload.seed).below(count_max);
    job.produce(&workload, half, half + half / 2)?;
    let mut second = job.start("host", Some(&format!("{step}:{count}")))?;
    // More input while it runs, so that there are epochs enough to die in.
    job.produce(&workload, half + half / 2, workload.length())?;
    let status = second.wait(TIMEOUT)?;
    ensure!(
        !status.success() && status.code().is_none(),
        "{step}:{count} did not abort the process ({status}):\n{}",
        second.log()
    );

    let mut third = job.start("host", None)?;
    job.wait_for_end(&mut [&mut third], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

macro_rules! aborts {
    ($($name:ident at $step:literal, up to time $count:literal;)*) => {
        $(
            #[test]
            fn $name() -> Result<()> {
                abort_at($step, $count)
            }
        )*

        /// A step that no test dies at would be a step nobody looks at.
        #[test]
        fn every_named_step_has_its_test() {
            let mut tested = vec![$($step),*];
            let mut steps = sluicebox_core::failpoint::STEPS.to_vec();
            // Of upgrades, which only hosts with a catalog know: see `serve`.
            steps.retain(|step| *step != "after-switch");
            tested.sort_unstable();
            steps.sort_unstable();
            assert_eq!(tested, steps);
        }
    };
}

aborts! {
    aborted_after_init_transactions at "after-init", up to time 4;
    aborted_in_mid_restore at "mid-restore", up to time 1;
    aborted_after_the_restore at "after-restore", up to time 4;
    aborted_after_the_claim at "after-claim", up to time 4;
    aborted_in_mid_epoch at "mid-epoch", up to time 4;
    aborted_before_the_changelog_is_written at "before-changelog", up to time 4;
    aborted_after_the_changelog_is_written at "after-changelog", up to time 4;
    aborted_after_the_flush at "after-flush", up to time 4;
    aborted_after_the_offsets_are_sent at "after-offsets", up to time 4;
    aborted_after_the_commit at "after-commit", up to time 4;
    aborted_after_the_delta_is_applied at "after-apply", up to time 4;
}
