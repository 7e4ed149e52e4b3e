//! Quotas that hold where jobs run: rates hold a tenant back and nobody else, state stops the job that has most of it; and
//! whatever they do, nothing is lost.

use super::*;
use anyhow::ensure;
use serde_json::json;
use sluicebox_tests::truth::Truth;
use std::time::Instant;

const OTHER: &str = "other";

/// Another tenant, whose jobs may touch any topic.
fn other(api: &Api) -> Result<()> {
    let policy = json!({"read": ["*"], "write": ["*"]});
    let body = json!({"name": OTHER, "policy": policy}).to_string();
    api.ok("POST", "/v1/tenants", body.as_bytes()).map(drop)
}

fn limit(api: &Api, quotas: &Value) -> Result<()> {
    let body = json!({ "quotas": quotas }).to_string();
    let path = format!("/v1/tenants/{TENANT}");
    api.ok("PATCH", &path, body.as_bytes()).map(drop)
}

/// What the tenant under test has used.
fn used(api: &Api, what: &str) -> Result<u64> {
    let tenant = api.ok("GET", &format!("/v1/tenants/{TENANT}"), b"")?;
    Ok(tenant["used"][what].as_u64().unwrap_or_default())
}

fn committed(job: &Job) -> Result<u64> {
    Ok(job.position()?.unsigned_abs())
}

/// A tenant that is slowed down by `quotas`, beside one that is not: the second gets through, the first goes on, slowly,
/// and gets through once it has more.
fn slowed(quotas: &Value) -> Result<()> {
    let options = Options::default();
    let (installation, mut slow) = set_up(&options)?;
    let mut fast = Job::new(&broker::shared().client(), &options)?;
    let workload = workload(20_000);
    let mut host = installation.start("one", None)?;
    other(&host.api)?;
    limit(&host.api, quotas)?;
    for job in [&slow, &fast] {
        job.produce(&workload, 0, workload.length())?;
    }
    deploy(&installation, &host.api, &mut slow, &options)?;
    deploy_for(OTHER, &installation, &host.api, &mut fast, &options)?;
    fast.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    fast.check(&Truth::of(&workload))?;

    let all = 4 * workload.length();
    let so_far = committed(&slow)?;
    ensure!(so_far < all, "{quotas} held nobody back");
    ensure!(
        used(&host.api, "throttled_ms")? > 0,
        "nothing was held back"
    );
    slow.wait_for(so_far + 1, &mut [&mut host.process], TIMEOUT)?;
    limit(
        &host.api,
        &json!({"cpu_percent_max": null, "records_per_second_max": null, "bytes_per_second_max": null}),
    )?;
    slow.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    slow.check(&Truth::of(&workload))?;
    assert_eq!(used(&host.api, "records")?, all);
    Ok(())
}

#[test]
fn records_per_second_hold() -> Result<()> {
    slowed(&json!({"records_per_second_max": 200}))
}

#[test]
fn bytes_per_second_hold() -> Result<()> {
    slowed(&json!({"bytes_per_second_max": 20_000}))
}

#[test]
fn cpu_holds() -> Result<()> {
    slowed(&json!({"cpu_percent_max": 1}))
}

/// A job whose keys explode stops before it takes the host's disk; another tenant's goes on; with a larger quota it goes
/// on where it was.
#[test]
fn a_job_with_too_much_state_halts_and_goes_on_with_more() -> Result<()> {
    let options = Options {
        state: "memory",
        ..Options::default()
    };
    let (installation, mut large) = set_up(&options)?;
    let mut small = Job::new(&broker::shared().client(), &options)?;
    let workload = workload(5_000);
    let mut host = installation.start("one", None)?;
    other(&host.api)?;
    limit(&host.api, &json!({"state_bytes_max": 2_000}))?;
    large.produce(&workload, 0, 1_000)?;
    small.produce(&workload, 0, workload.length())?;
    deploy(&installation, &host.api, &mut large, &options)?;
    deploy_for(OTHER, &installation, &host.api, &mut small, &options)?;
    let halted =
        (host.api).wait_for_job(TENANT, &large.name, "halts", |job| state(job) == "halted")?;
    let why = halted["status"]["message"].as_str().unwrap_or_default();
    ensure!(why.contains("state_bytes_max"), "{why}");
    small.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    small.check(&Truth::of(&workload))?;
    large.produce(&workload, 1_000, workload.length())?;
    std::thread::sleep(Duration::from_secs(2));
    ensure!(committed(&large)? <= 4 * 1_000, "it went on over its quota");

    limit(&host.api, &json!({"state_bytes_max": 1 << 30}))?;
    let path = format!("/v1/tenants/{TENANT}/jobs/{}/resume", large.name);
    host.api.ok("POST", &path, b"")?;
    large.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    large.check(&Truth::of(&workload))
}

/// A module that runs until it is stopped, on each record: finding that out takes many calls, and between them its tenant is held
/// back as always. It can be paused, and others don't notice.
#[test]
fn a_module_that_loops_on_everything_is_held_back_too() -> Result<()> {
    let options = Options::default();
    let (installation, looping) = set_up(&options)?;
    let mut fair = Job::new(&broker::shared().client(), &options)?;
    let workload = workload(5_000);
    let mut host = installation.start("one", None)?;
    other(&host.api)?;
    limit(&host.api, &json!({"cpu_percent_max": 10}))?;
    for job in [&looping, &fair] {
        job.produce(&workload, 0, workload.length())?;
    }
    host.api.push(TENANT, "hostile")?;
    let loops = "operators:\n  - id: loops\n    filter: { module: hostile@1, config: loop }\n    on_error: dead_letter\n";
    let spec = spec::deployed(&looping, &options).replace("operators:\n", loops);
    for module in spec::MODULES {
        host.api.push(TENANT, module)?;
    }
    host.api.deploy(TENANT, &looping.name, &spec)?;
    deploy_for(OTHER, &installation, &host.api, &mut fair, &options)?;
    let deadline = Instant::now() + TIMEOUT;
    while used(&host.api, "throttled_ms")? < 5_000 {
        ensure!(Instant::now() < deadline, "it is not held back");
        std::thread::sleep(Duration::from_millis(100));
    }
    fair.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    fair.check(&Truth::of(&workload))?;
    let path = format!("/v1/tenants/{TENANT}/jobs/{}/pause", looping.name);
    host.api.ok("POST", &path, b"")?;
    (host.api).wait_for_job(TENANT, &looping.name, "paused", |job| state(job) == "idle")?;
    Ok(())
}
