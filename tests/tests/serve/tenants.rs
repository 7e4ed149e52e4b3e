//! What a tenant can't do.

use super::*;
use anyhow::ensure;
use serde_json::json;

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
