//! What a tenant can't do.

use super::*;
use anyhow::ensure;
use serde_json::json;
use sluicebox_tests::truth::Truth;

/// A tenant with a token of its own.
fn tenant(api: &Api, name: &str, topics: &str) -> Result<Api> {
    let policy = json!({"read": [topics], "write": [topics]});
    let body = json!({"name": name, "policy": policy}).to_string();
    api.ok("POST", "/v1/tenants", body.as_bytes())?;
    let body = json!({"name": "ci", "scopes": ["push", "deploy"]}).to_string();
    let token = api.ok(
        "POST",
        &format!("/v1/tenants/{name}/tokens"),
        body.as_bytes(),
    )?;
    Ok(api.with_token(token["token"].as_str().unwrap_or_default()))
}

#[test]
fn tenants_reach_their_own_topics_modules_and_jobs_only() -> Result<()> {
    let options = Options::default();
    let (installation, job) = set_up(&options)?;
    let host = installation.start("one", None)?;
    let shop = tenant(&host.api, "shop", &format!("{}-*", job.name))?;
    let thief = tenant(&host.api, "thief", "thief-*")?;
    for module in spec::MODULES {
        shop.push("shop", module)?;
        thief.push("thief", module)?;
    }
    let spec = spec::deployed(&job, &options);
    let path = |tenant: &str| format!("/v1/tenants/{tenant}/jobs/{}", job.name);
    let (status, answer) = thief.call("PUT", &path("thief"), spec.as_bytes())?;
    ensure!(status == 403, "another's topics: {status} {answer:#}");
    let (status, _) = thief.call("PUT", &path("shop"), spec.as_bytes())?;
    assert_eq!(status, 404, "another tenant");
    let theirs = spec.replace("orders-valid@1", "shop/orders-valid@1");
    let (status, answer) = thief.call("PUT", &path("thief"), theirs.as_bytes())?;
    ensure!(status == 422, "another's module: {status} {answer:#}");
    shop.deploy("shop", &job.name, &spec)?;
    shop.wait_for_job("shop", &job.name, "runs", |job| state(job) == "running")?;

    // A disabled tenant's jobs stand, and its tokens are refused.
    let disable = json!({"disabled": true}).to_string();
    host.api
        .ok("PATCH", "/v1/tenants/shop", disable.as_bytes())?;
    let (status, _) = shop.call("GET", &path("shop"), b"")?;
    assert_eq!(status, 401);
    host.api
        .wait_for_job("shop", &job.name, "stands", |job| state(job) == "idle")?;
    Ok(())
}

/// A policy that gets narrower stops the jobs that touch what they may no more, on hosts that start afterwards too; where it is
/// given back they go on from their last commit.
#[test]
fn what_a_policy_takes_away_stops_and_goes_on_when_it_is_given_back() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up(&options)?;
    let workload = workload(2_000);
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    job.produce(&workload, 0, 1_000)?;
    job.wait_for(3_000, &mut [&mut host.process], TIMEOUT)?;
    let narrow = |api: &Api, read: &str| {
        let body = json!({"policy": {"read": [read], "write": ["*"]}}).to_string();
        api.ok("PATCH", &format!("/v1/tenants/{TENANT}"), body.as_bytes())
    };
    let halts = |api: &Api| -> Result<()> {
        let halted = |job: &Value| state(job) == "halted";
        let halted = api.wait_for_job(TENANT, &job.name, "halts", halted)?;
        let why = halted["status"]["message"].as_str().unwrap_or_default();
        let word = format!("may not read topic `{}` any more", job.input);
        ensure!(why.contains(&word), "{why}");
        ensure!(halted["status"]["shards"] == json!([]), "{halted:#}");
        Ok(())
    };
    narrow(&host.api, "nothing")?;
    halts(&host.api)?;
    let before = job.position()?;
    job.produce(&workload, 1_000, workload.length())?;
    host.process.kill()?;
    let mut host = installation.start("one", None)?;
    halts(&host.api)?;
    // It stands, even if somebody insists.
    let resume = format!("/v1/tenants/{TENANT}/jobs/{}/resume", job.name);
    host.api.ok("POST", &resume, b"")?;
    std::thread::sleep(Duration::from_secs(2));
    halts(&host.api)?;
    ensure!(job.position()? == before, "it went on");
    narrow(&host.api, "*")?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}
