//! How what a host says is shown: nothing of it may steer the terminal.

use sluicebox_core::spec::format_time_ms;

/// Without control characters, except for ends of lines.
pub fn harmless(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' => c,
        '\t' => ' ',
        c if c.is_control() => '?',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// Rows of texts as columns, all to the left, two blanks apart.
pub fn columns(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|text| text.chars().count()).collect();
    for row in rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.chars().count());
        }
    }
    let header: Vec<String> = header.iter().map(|text| (*text).to_owned()).collect();
    let mut out = String::new();
    for row in std::iter::once(&header).chain(rows) {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(text, width)| format!("{:<width$}", harmless(text).replace('\n', " ")))
            .collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// A time, to the second.
pub fn time(ms: i64) -> String {
    let text = format_time_ms(ms);
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// As many of a digest's characters as people compare.
pub fn short(digest: &str) -> &str {
    const SHOWN: usize = 12;
    digest.get(..SHOWN).unwrap_or(digest)
}

/// A list, or a word for none.
pub fn list<T: AsRef<str>>(items: &[T], none: &str) -> String {
    match items {
        [] => none.to_owned(),
        items => items
            .iter()
            .map(AsRef::as_ref)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(harmless("a\x1b[31m\tb\r\nc\u{9b}"), "a?[31m b?\nc?");
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["ä".to_owned(), "long".to_owned(), "z".to_owned()]];
        assert_eq!(
            columns(&["name", "x", "y"], &rows),
            "name  x     y\nä     long  z\n"
        );
    }

    #[test]
    fn times_are_shown_to_the_second() {
        assert_eq!(time(1_767_225_600_123), "2026-01-01T00:00:00Z");
    }
}
