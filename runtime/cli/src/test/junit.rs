//! Results as JUnit XML, the form that CI servers read.

use super::report::{Done, failures};
use crate::output::Paint;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::path::Path;

/// Write them all into a file.
pub fn write(path: &Path, suite: &str, all: &[Done]) -> Result<()> {
    std::fs::write(path, document(suite, all))
        .with_context(|| format!("can't write {}", path.display()))
}

fn document(suite: &str, all: &[Done]) -> String {
    let failed = all.iter().filter(|done| !done.passed()).count();
    let seconds: f64 = all.iter().map(|done| done.took.as_secs_f64()).sum();
    let head = format!(
        "name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" time=\"{seconds:.3}\"",
        escaped(suite),
        all.len()
    );
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {head}>\n<testsuite {head}>\n"
    );
    for done in all {
        let name = escaped(&done.file.display().to_string());
        // A String takes any write.
        let _ = write!(
            out,
            "<testcase classname=\"{}\" name=\"{name}\" time=\"{:.3}\"",
            escaped(suite),
            done.took.as_secs_f64()
        );
        if done.passed() {
            out.push_str("/>\n");
            continue;
        }
        out.push_str(">\n");
        for failure in failures(done, 0, Paint::plain()) {
            let first = escaped(failure.lines().next().unwrap_or_default());
            let _ = writeln!(
                out,
                "<failure message=\"{first}\">{}</failure>",
                escaped(&failure)
            );
        }
        out.push_str("</testcase>\n");
    }
    out.push_str("</testsuite>\n</testsuites>\n");
    out
}

/// As text or attribute. Characters that XML has no way to write become the replacement character.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_breaks_the_document() {
        assert_eq!(
            escaped("<a b=\"1\">&\u{1b}[0m"),
            "&lt;a b=&quot;1&quot;&gt;&amp;\u{fffd}[0m"
        );
    }
}
