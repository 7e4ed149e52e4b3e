//! `sluicebox serve` end to end: real hosts on a real broker, driven through their API, judged by their output topics.
#![allow(clippy::unwrap_used)]

mod buckets;
mod hosts;
mod jobs;
mod letters;
mod metrics;
mod page;
mod parking;
mod quotas;
mod rights;
mod tenants;
mod traces;
mod upgrades;

use anyhow::Result;
use serde_json::Value;
use sluicebox_tests::api::Api;
use sluicebox_tests::broker;
use sluicebox_tests::job::{Job, Options};
use sluicebox_tests::serving::Installation;
use sluicebox_tests::spec;
use sluicebox_tests::workload::{self, Workload};
use std::time::Duration;

/// The tenant that every installation begins with.
const TENANT: &str = "default";
const TIMEOUT: Duration = Duration::from_secs(120);

fn workload(per_partition: u64) -> Workload {
    Workload {
        seed: workload::seed(),
        per_partition,
        ..Workload::default()
    }
}

/// An installation on the shared broker, and a job's topics.
fn set_up(options: &Options) -> Result<(Installation, Job)> {
    let client = broker::shared().client();
    let installation = Installation::new(client.bootstrap())?;
    Ok((installation, Job::new(&client, options)?))
}

/// Push the modules and deploy the job; its positions are found from then on.
fn deploy(
    installation: &Installation,
    api: &Api,
    job: &mut Job,
    options: &Options,
) -> Result<Value> {
    deploy_for(TENANT, installation, api, job, options)
}

/// The same for any tenant.
fn deploy_for(
    tenant: &str,
    installation: &Installation,
    api: &Api,
    job: &mut Job,
    options: &Options,
) -> Result<Value> {
    for module in spec::MODULES {
        api.push(tenant, module)?;
    }
    let deployed = api.deploy(tenant, &job.name, &spec::deployed(job, options))?;
    let uid = api.job(tenant, &job.name)?["uid"].clone();
    let (installation, name) = (installation.name(), job.name.clone());
    job.group = format!("sluicebox.{installation}.{tenant}.{name}.{uid}");
    Ok(deployed)
}

fn state(job: &Value) -> &str {
    job["status"]["state"].as_str().unwrap_or_default()
}

fn running_version(job: &Value) -> u64 {
    job["status"]["version"].as_u64().unwrap_or_default()
}

/// Shards of a job: those of the host that was asked, and those of all hosts.
fn shards(job: &Value) -> (usize, usize) {
    let asked = &job["hosts"][0]["host"];
    let all = job["status"]["shards"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let own = all.iter().filter(|shard| shard["host"] == *asked).count();
    (own, all.len())
}
