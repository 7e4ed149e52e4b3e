//! The page in a real browser: what a person sees and does there, against a host that runs jobs on a real broker. After each
//! test nothing may stand in the browser's console, and nobody else may have been asked for anything.

mod jobs;
mod keyboard;
mod letters;
mod looks;
mod session;
mod tenants;

use super::*;
use serde_json::json;
use sluicebox_tests::browser::{Browser, The, key};
use sluicebox_tests::serving::Served;
use std::path::Path;

/// A host, and a browser at it that has not signed in.
fn open(installation: &Installation) -> Result<(Served, Browser)> {
    let host = installation.start("one", None)?;
    let browser = Browser::start(&host.url)?;
    Ok((host, browser))
}

/// A browser of whoever may do everything.
fn open_signed_in(installation: &Installation) -> Result<(Served, Browser)> {
    let (host, browser) = open(installation)?;
    sign_in(&browser, host.api.token())?;
    browser.wait("the frame", "!document.getElementById('bar').hidden")?;
    Ok((host, browser))
}

fn sign_in(browser: &Browser, token: &str) -> Result<()> {
    browser.clear(The::Field("Token"))?;
    browser.write(The::Field("Token"), token)?;
    browser.click(The::Button("Sign in"))
}

/// The words of a cell of a table, by its row's and its column's head.
fn cell(table: &str, row: &str, column: &str) -> String {
    format!(
        "(() => {{
            const table = [...document.querySelectorAll('table')].find((t) => isSeen(t) && t.caption.textContent === {});
            const heads = table ? [...table.querySelectorAll('thead th')].map((th) => th.textContent) : [];
            const row = table && [...table.querySelectorAll('tbody tr')].find((tr) => tr.cells[0].textContent === {});
            return row ? row.cells[heads.indexOf({})].innerText.trim() : null;
        }})()",
        json!(table),
        json!(row),
        json!(column)
    )
}

/// The job's state, as its own view says it.
fn badge(state: &str) -> String {
    format!(
        "document.querySelector('.head .badge')?.textContent === {}",
        json!(state)
    )
}

/// A file for a field that takes files.
fn file(folder: &Path, name: &str, text: &str) -> Result<String> {
    let path = folder.join(name);
    std::fs::write(&path, text)?;
    Ok(path.display().to_string())
}
