//! How it looks: light and dark as the system says or the user chooses, on wide and narrow screens; everything has a name and can
//! be read.

use super::*;

const AUDIT: &str = include_str!("audit.js");

/// Every view, with the tabs of a job.
fn views(job: &str) -> Vec<(&'static str, String)> {
    let place = |view: &str| format!("#/t/{TENANT}/{view}");
    vec![
        ("jobs", place("jobs")),
        ("job", place(&format!("jobs/{job}"))),
        ("job-ledger", place(&format!("jobs/{job}/ledger"))),
        ("job-versions", place(&format!("jobs/{job}/versions"))),
        ("job-logs", place(&format!("jobs/{job}/logs"))),
        ("modules", place("modules/orders-valid")),
        ("deploy", format!("{}?job={job}", place("deploy"))),
        ("tenants", place("tenants")),
        ("tokens", place("tokens")),
    ]
}

/// Go to a view and wait until what it shows is there.
fn go(browser: &Browser, place: &str) -> Result<()> {
    browser.script(&format!("location.hash = {}", json!(place)))?;
    let there = "[...document.querySelectorAll('#main table')].filter(isSeen).every((t) => t.tBodies[0].rows.length) && document.querySelector('#main h1') !== null";
    let shown = format!(
        "decodeURI(location.hash) === decodeURI({}) && {there}",
        json!(place)
    );
    browser.wait(place, &shown).map(drop)
}

/// Names and contrasts of everything, and no scrolling to the side. Colours on their way from one scheme to the other are of neither.
fn audit(browser: &Browser, what: &str) -> Result<()> {
    browser.wait("the colours", "document.getAnimations().length === 0")?;
    let found = browser.script(&format!("{AUDIT}\nreturn audit()"))?;
    assert_eq!(found, json!([]), "{what}");
    Ok(())
}

#[test]
fn each_view_can_be_read_in_light_and_dark_wide_and_narrow() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up(&options)?;
    let (mut host, browser) = open(&installation)?;
    let workload = workload(1_000);
    deploy(&installation, &host.api, &mut job, &options)?;
    job.produce(&workload, 0, workload.length())?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    for scheme in ["light", "dark"] {
        browser.prefers(scheme)?;
        audit(&browser, &format!("login {scheme}"))?;
        browser.picture(&format!("login-{scheme}"))?;
    }
    sign_in(&browser, host.api.token())?;
    browser.wait("the frame", "!document.getElementById('bar').hidden")?;
    for (name, place) in views(&job.name) {
        go(&browser, &place)?;
        for (scheme, width) in [
            ("light", 1280),
            ("dark", 1280),
            ("dark", 390),
            ("light", 390),
        ] {
            browser.prefers(scheme)?;
            browser.resize(width, 900)?;
            browser.wait("the new width", &format!("innerWidth === {width}"))?;
            audit(&browser, &format!("{name} {scheme} {width}"))?;
            browser.picture(&format!("{name}-{scheme}-{width}"))?;
        }
    }
    browser.is_clean(None)
}

/// The user's choice stands over the system's, and is kept.
#[test]
fn the_theme_is_the_systems_until_it_is_chosen() -> Result<()> {
    let (installation, _) = set_up(&Options::default())?;
    let (_host, browser) = open_signed_in(&installation)?;
    let is_dark = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).every((c) => c < 60)";
    let is_light = format!("!({is_dark})");
    browser.prefers("dark")?;
    browser.wait("dark", is_dark)?;
    browser.prefers("light")?;
    browser.wait("light", &is_light)?;
    browser.prefers("dark")?;
    browser.click(The::Button("Theme"))?;
    browser.wait("light, as chosen", &is_light)?;
    browser.reload()?;
    browser.wait("light, as chosen before", &is_light)?;
    browser.click(The::Button("Theme"))?;
    browser.prefers("light")?;
    browser.wait("dark, as chosen", is_dark)?;
    browser.click(The::Button("Theme"))?;
    browser.wait("as the system again", &is_light)?;
    browser.is_clean(None)
}
