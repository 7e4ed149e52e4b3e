//! The kill loop: a job over an endless stream is killed at random moments, started again on the same data each time,
//! and in the end everything it wrote is compared with the truth.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::Client;
use crate::job::{Job, Options};
use crate::truth::Truth;
use crate::workload::{Random, Workload};

const FINISH_TIMEOUT: Duration = Duration::from_secs(180);
/// A life lasts up to this long: some end before the first commit, most in the middle of an epoch.
const LIFE_MS_MAX: u64 = 2_500;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Decides the input and the moments.
    pub seed: u64,
    /// How often to kill.
    pub kills: u32,
    /// Orders written before each life, in each partition.
    pub orders_per_life: u64,
    /// The job.
    pub options: Options,
}

/// Run the loop; an error where the output differs, with the seed.
pub fn run(client: &Client, plan: &Plan, progress: &mut dyn FnMut(&str)) -> Result<()> {
    let workload = Workload {
        seed: plan.seed,
        partitions: plan.options.partitions,
        per_partition: plan.orders_per_life * u64::from(plan.kills + 1),
        ..Workload::default()
    };
    attempt(client, plan, &workload, progress)
        .with_context(|| format!("with SLUICEBOX_SEED={} and {} kills", plan.seed, plan.kills))
}

/// Write the orders of a life little by little, so that there is always something in the middle when it ends.
fn feed(job: &Job, workload: &Workload, from: u64, plan: &Plan, life_ms: u64) -> Result<()> {
    const STEPS: u64 = 10;
    for step in 0..STEPS {
        let at = |step| from + plan.orders_per_life * step / STEPS;
        let end = Instant::now() + Duration::from_millis(life_ms / STEPS);
        job.produce(workload, at(step), at(step + 1))?;
        std::thread::sleep(end.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

fn attempt(
    client: &Client,
    plan: &Plan,
    workload: &Workload,
    progress: &mut dyn FnMut(&str),
) -> Result<()> {
    let job = Job::new(client, &plan.options)?;
    let mut random = Random(plan.seed ^ 0x6b69_6c6c);
    for life in 0..plan.kills {
        let mut host = job.start("host", None)?;
        let life_ms = random.below(LIFE_MS_MAX);
        feed(
            &job,
            workload,
            u64::from(life) * plan.orders_per_life,
            plan,
            life_ms,
        )?;
        if !host.running()? {
            bail!("life {life} ended by itself:\n{}", host.log());
        }
        host.kill()?;
        progress(&format!(
            "life {life}: killed after {life_ms} ms, {} committed",
            job.position()?
        ));
    }
    let mut last = job.start("host", None)?;
    let from = u64::from(plan.kills) * plan.orders_per_life;
    job.produce(workload, from, workload.length())?;
    job.wait_for_end(&mut [&mut last], FINISH_TIMEOUT)?;
    job.check(&Truth::of(workload))?;
    progress(&format!("exact after {} kills", plan.kills));
    Ok(())
}
