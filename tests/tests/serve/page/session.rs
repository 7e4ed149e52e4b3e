//! Signing in and out, and where the token is.

use super::*;

#[test]
fn a_token_is_kept_for_the_tab_and_nowhere_else() -> Result<()> {
    let (installation, _) = set_up(&Options::default())?;
    let (host, browser) = open(&installation)?;
    browser.wait("the page", "location.pathname === '/ui/'")?;
    let wrong = format!("sbx_{}", "x".repeat(host.api.token().len() - 4));
    sign_in(&browser, &wrong)?;
    browser.sees("A valid token is needed")?;
    browser.wait("the field again", "isFocused('field', 'Token')")?;
    assert_eq!(browser.script("return sessionStorage.length")?, 0);
    // The browser itself writes down that an answer was 401.
    browser.is_clean(Some("401"))?;

    sign_in(&browser, host.api.token())?;
    browser.sees("no jobs: push a module, then deploy a spec")?;
    let kept = "return [Object.values(sessionStorage), JSON.stringify(localStorage), document.cookie, location.href]";
    let kept = browser.script(kept)?;
    assert_eq!(kept[0], json!([host.api.token()]));
    for place in 1..4 {
        let text = kept[place].as_str().unwrap_or_default();
        assert!(!text.contains("sbx_"), "{kept}");
    }
    browser.reload()?;
    browser.sees("no jobs: push a module, then deploy a spec")?;
    browser.click(The::Button("Sign out"))?;
    browser.wait("the field", "isFocused('field', 'Token')")?;
    assert_eq!(browser.script("return sessionStorage.length")?, 0);
    browser.is_clean(None)
}

/// Whoever's token ends while they look is told so, and sees nothing any more.
#[test]
fn a_revoked_token_leads_back_to_signing_in() -> Result<()> {
    let (installation, _) = set_up(&Options::default())?;
    let (host, browser) = open(&installation)?;
    let new = json!({ "name": "short", "scopes": ["view"] }).to_string();
    let path = format!("/v1/tenants/{TENANT}/tokens");
    let made = host.api.ok("POST", &path, new.as_bytes())?;
    sign_in(&browser, made["token"].as_str().unwrap_or_default())?;
    browser.sees("no jobs: push a module, then deploy a spec")?;
    // Looking is all it may: what needs more is not offered.
    let offered = browser.script(
        "return [find('link', 'Deploy'), find('link', 'Deploy a job'), find('link', 'Tokens')]",
    )?;
    assert_eq!(offered, json!([null, null, null]));
    let id = made["id"].as_str().unwrap_or_default();
    host.api.ok("DELETE", &format!("{path}/{id}"), b"")?;
    browser.sees("this token is not valid (any more)")?;
    browser.wait("the bar is gone", "document.getElementById('bar').hidden")?;
    assert_eq!(browser.script("return sessionStorage.length")?, 0);
    browser.is_clean(Some("401"))
}

/// What the policy forbids does not happen, whoever tries: markup, scripts in the page, other hosts.
#[test]
fn the_page_can_do_no_more_than_it_does() -> Result<()> {
    let (installation, _) = set_up(&Options::default())?;
    let (_host, browser) = open_signed_in(&installation)?;
    browser.is_clean(None)?;
    let refused = browser.script(
        "const refused = (act) => { try { act(); return false; } catch (error) { return error instanceof TypeError; } };
         return [
           refused(() => { document.body.innerHTML = '<b>markup</b>'; }),
           refused(() => { document.body.append(Object.assign(document.createElement('script'), { text: 'document.title = `taken`' })); }),
         ]",
    )?;
    assert_eq!(refused, json!([true, true]));
    // An address that nobody has: if the policy failed, so would this, but without a complaint about the policy.
    browser.script("fetch('http://127.0.0.1:9/').catch(() => {})")?;
    let complaints = browser.complaints()?;
    let told = |what: &str| complaints.iter().any(|c| c.contains(what));
    assert!(told("connect-src"), "{complaints:#?}");
    Ok(())
}
