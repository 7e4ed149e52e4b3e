//! Everything can be done with the keyboard alone, and where the focus is can be seen all the way.

use super::*;

const IN_DIALOG: &str = "document.activeElement?.closest('dialog[open]') !== null";

/// Sign in, skip the navigation, open a job, ask to pause it, leave the dialog, then pause it: without a pointer.
#[test]
fn a_job_is_reached_and_paused_by_keys() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up(&options)?;
    let (host, browser) = open(&installation)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    browser.wait("the field", "isFocused('field', 'Token')")?;
    browser.press(host.api.token())?;
    browser.press(key::ENTER)?;
    browser.wait(
        "the job",
        &format!("find('link', {}) !== null", json!(job.name)),
    )?;

    browser.tab_to(The::Link("Skip to content"))?;
    browser.wait(
        "the link is seen",
        "document.activeElement.getBoundingClientRect().top >= 0",
    )?;
    browser.press(key::ENTER)?;
    browser.wait("the content", "document.activeElement.id === 'main'")?;
    browser.tab_to(The::Link(&job.name))?;
    browser.press(key::ENTER)?;
    browser.wait("it runs", &badge("running"))?;
    follow(&browser)?;

    browser.tab_to(The::Button("Pause"))?;
    browser.press(key::ENTER)?;
    browser.wait("the dialog has the focus", IN_DIALOG)?;
    // Tab does not get out of it.
    for _ in 0..5 {
        browser.press(key::TAB)?;
        let inside = format!("return {IN_DIALOG} || document.activeElement === document.body");
        assert_eq!(browser.script(&inside)?, true);
    }
    browser.press(key::ESCAPE)?;
    browser.wait(
        "the focus is back",
        "!document.querySelector('dialog') && isFocused('button', 'Pause')",
    )?;
    assert_eq!(host.api.job(TENANT, &job.name)?["desired"], "running");
    browser.press(key::SPACE)?;
    browser.wait("the dialog has the focus", IN_DIALOG)?;
    if browser.script("return isFocused('button', 'Pause')")? == false {
        browser.tab_to(The::Button("Pause"))?;
    }
    browser.press(key::ENTER)?;
    browser.wait("it stands", &badge("paused"))?;
    look_at_a_chart(&browser)?;
    browser.is_clean(None)
}

/// Be where a link leads to: until then Tab would go on in the view before.
fn follow(browser: &Browser) -> Result<()> {
    let there = "document.activeElement.id === 'main'";
    browser
        .wait("the focus is in the new view", there)
        .map(drop)
}

/// A chart tells the values of a moment that the arrow keys choose.
fn look_at_a_chart(browser: &Browser) -> Result<()> {
    browser.wait("a chart has values", "document.querySelector('.chart svg')?.getAttribute('aria-label').includes('last 5 minutes')")?;
    browser.script("document.querySelector('.chart svg').focus()")?;
    browser.press(key::LEFT)?;
    browser.wait(
        "a moment",
        "/^\\d\\d:\\d\\d:\\d\\d$/.test(document.querySelector('.chart .now').textContent)",
    )?;
    browser.press(key::ESCAPE)
}

/// What goes for good is not what Enter does by itself, and a field that takes many lines lets go of Tab.
#[test]
fn forms_are_filled_by_keys_and_danger_is_not_at_hand() -> Result<()> {
    let (installation, _) = set_up(&Options::default())?;
    let (host, browser) = open_signed_in(&installation)?;
    browser.tab_to(The::Link("Deploy"))?;
    browser.press(key::ENTER)?;
    follow(&browser)?;
    browser.tab_to(The::Field("Spec"))?;
    browser.press("job: by-keys")?;
    browser.wait("the name", "find('field', 'Job').value === 'by-keys'")?;
    browser.tab_to(The::Button("Dry run"))?;
    browser.press(key::ENTER)?;
    browser.sees("The job spec is refused")?;
    browser.wait(
        "the focus is at the result",
        "document.activeElement.className === 'result'",
    )?;

    browser.tab_to(The::Link("Tenants"))?;
    browser.press(key::ENTER)?;
    follow(&browser)?;
    browser.tab_to(The::Button("Disable default"))?;
    browser.press(key::ENTER)?;
    browser.wait("the dialog", "isFocused('button', 'Cancel')")?;
    browser.press(key::ENTER)?;
    browser.wait("it is gone", "isFocused('button', 'Disable default')")?;
    let tenant = host.api.ok("GET", &format!("/v1/tenants/{TENANT}"), b"")?;
    assert_eq!(tenant["disabled"], false);
    browser.is_clean(Some("422"))
}
