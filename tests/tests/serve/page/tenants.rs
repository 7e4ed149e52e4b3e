//! What an admin does on the page: tenants and their quotas, tokens.

use super::*;

/// A job that reads, so that something is used.
fn busy(installation: &Installation, host: &mut Served, job: &mut Job) -> Result<()> {
    let workload = workload(2_000);
    job.produce(&workload, 0, workload.length())?;
    deploy(installation, &host.api, job, &Options::default())?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)
}

#[test]
fn quotas_are_set_and_their_use_is_seen() -> Result<()> {
    let (installation, mut job) = set_up(&Options::default())?;
    let (mut host, browser) = open_signed_in(&installation)?;
    busy(&installation, &mut host, &mut job)?;
    browser.click(The::Link("Tenants"))?;
    let used = format!(
        "/[1-9].* records/.test({})",
        cell("Tenants", TENANT, "Since the host started")
    );
    browser.wait("what was used", &used)?;
    browser.click(The::Button("Edit default"))?;
    browser.write(The::Field("State (bytes)"), "1073741824")?;
    browser.clear(The::Field("Jobs"))?;
    browser.write(The::Field("Jobs"), "4")?;
    browser.picture("quotas")?;
    browser.click(The::Button("Save"))?;
    let of = |column: &str, words: &str| {
        format!(
            "({} ?? '').includes({})",
            cell("Tenants", TENANT, column),
            json!(words)
        )
    };
    browser.wait("jobs of their quota", &of("Jobs", "1 of 4"))?;
    browser.wait("state of its quota", &of("State", "of 1.0 GiB"))?;
    browser.wait(
        "a bar",
        "[...document.querySelectorAll('meter')].some((m) => isSeen(m) && m.value === 0.25)",
    )?;
    let tenant = host.api.ok("GET", &format!("/v1/tenants/{TENANT}"), b"")?;
    assert_eq!(tenant["quotas"]["state_bytes_max"], 1 << 30);
    browser.picture("tenants")?;
    browser.is_clean(None)
}

#[test]
fn a_tenant_and_its_token_are_made_and_taken_back() -> Result<()> {
    let (installation, _) = set_up(&Options::default())?;
    let (host, browser) = open_signed_in(&installation)?;
    browser.click(The::Link("Tenants"))?;
    browser.click(The::Button("New tenant"))?;
    // A name that is none is refused by the host, and the dialog stays.
    browser.write(The::Field("Name"), "default")?;
    browser.click(The::Button("Create"))?;
    browser.sees("there is a tenant `default` already")?;
    browser.clear(The::Field("Name"))?;
    browser.write(The::Field("Name"), "shop")?;
    browser.write(The::Field("Topics it may read"), "shop.*")?;
    browser.click(The::Button("Create"))?;
    browser.wait(
        "the tenant",
        &format!(
            "({} ?? '').startsWith('0 of')",
            cell("Tenants", "shop", "Jobs")
        ),
    )?;
    let made = host.api.ok("GET", "/v1/tenants/shop", b"")?;
    assert_eq!(made["policy"]["read"], json!(["shop.*"]));

    browser.script("const choose = find('field', 'Tenant'); choose.value = 'shop'; choose.dispatchEvent(new Event('change'))")?;
    browser.click(The::Link("Tokens"))?;
    browser.sees("no tokens")?;
    browser.click(The::Button("New token"))?;
    browser.write(The::Field("Name"), "ci")?;
    browser.click(The::Button("Make"))?;
    let token = browser.wait("its text", "find('field', 'Its text')?.value")?;
    let token = token.as_str().unwrap_or_default().to_owned();
    browser.click(The::Button("Close"))?;
    browser.wait(
        "it is usable",
        &format!("{} === 'usable'", cell("Tokens", "ci", "State")),
    )?;
    assert_eq!(
        browser.script("return document.documentElement.outerHTML.includes('sbx_')")?,
        false
    );
    let theirs = host.api.with_token(&token);
    assert_eq!(theirs.ok("GET", "/v1/whoami", b"")?["tenant"], "shop");
    browser.click(The::Button("Revoke ci"))?;
    browser.click(The::Button("Revoke"))?;
    browser.wait(
        "it is revoked",
        &format!("{} === 'revoked'", cell("Tokens", "ci", "State")),
    )?;
    assert_eq!(theirs.call("GET", "/v1/whoami", b"")?.0, 401);
    browser.is_clean(Some("409"))
}
