//! Dead letters on the page: looked at, and given back once what made them fail is corrected. And a key that is hot.

use super::*;
use crate::letters::{Case, LETTERS};
use sluicebox_tests::records::Rec;

/// Rows of the table that are seen.
fn rows() -> &'static str {
    "[...document.querySelectorAll('table')].find((t) => isSeen(t) && t.caption.textContent === 'Dead letters').querySelectorAll('tbody th').length"
}

fn shows(browser: &Browser, letters: i64) -> Result<()> {
    let what = format!("{letters} letters");
    let seen = format!("{} === {letters}", rows());
    browser.wait(&what, &seen).map(drop)
}

#[test]
fn dead_letters_are_looked_at_and_given_back() -> Result<()> {
    let case = Case::new()?;
    let browser = Browser::start(&case.host.url)?;
    sign_in(&browser, case.host.api.token())?;
    browser.click(The::Link(&case.job.name))?;
    browser.click(The::Link("Dead letters"))?;
    shows(&browser, LETTERS)?;
    browser.wait(
        "a letter",
        "[...document.querySelectorAll('table')].some((t) => isSeen(t) && t.textContent.includes('guard') && t.textContent.includes('poison 7'))",
    )?;
    browser.picture("dead-letters")?;
    browser.write(
        The::Field("Error contains"),
        &format!("no such error{}", key::ENTER),
    )?;
    shows(&browser, 0)?;
    browser.clear(The::Field("Error contains"))?;

    case.correct()?;
    browser.click(The::Button("Requeue"))?;
    browser.sees(&format!("{LETTERS} of guard"))?;
    browser.click(The::Button("Cancel"))?;
    browser.click(The::Button("Look again"))?;
    shows(&browser, LETTERS)?;
    browser.click(The::Button("Requeue"))?;
    browser.sees(&format!("{LETTERS} of guard"))?;
    browser.click(The::Button("Requeue"))?;
    browser.sees("The dead letters are requeued")?;
    shows(&browser, 0)?;
    case.check()?;
    has_a_hot_key(&case, &browser)?;
    browser.is_clean(None)
}

fn has_a_hot_key(case: &Case, browser: &Browser) -> Result<()> {
    browser.click(The::Link("Overview"))?;
    let hot = "[...document.querySelectorAll('table')].some((t) => isSeen(t) && t.caption.textContent === 'Shards' && /favourite \\(\\d+%\\)/.test(t.textContent))";
    let record = Rec::new(
        0,
        "favourite",
        "value",
        sluicebox_tests::workload::START_MS + 1_000,
    );
    let more = || (case.job.client()).produce(&case.job.input, &vec![record.clone(); 500]);
    browser.wait_while("a hot key", hot, more).map(drop)
}
