//! What goes to the terminal: colours where a person looks, JSON where a program does.

use serde::Serialize;
use std::fmt::Display;
use std::io::{IsTerminal, Write};

/// How a command prints its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Print a JSON document to standard output.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// Print a text to standard output; a closed pipe is an error, not a panic.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    on: bool,
}

/// Colours of standard error: only on a terminal, and not where `NO_COLOR` (see no-color.org) is set.
pub fn stderr_paint() -> Paint {
    Paint {
        on: std::io::stderr().is_terminal() && wanted(),
    }
}

/// As [`stderr_paint`], for standard output.
pub fn stdout_paint() -> Paint {
    Paint {
        on: std::io::stdout().is_terminal() && wanted(),
    }
}

fn wanted() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl Paint {
    /// No colours.
    pub fn plain() -> Self {
        Self { on: false }
    }
    /// What failed.
    pub fn error(self, text: impl Display) -> String {
        self.sgr("1;31", text)
    }
    /// What to look at.
    pub fn warn(self, text: impl Display) -> String {
        self.sgr("1;33", text)
    }
    /// What to do.
    pub fn help(self, text: impl Display) -> String {
        self.sgr("1;36", text)
    }
    /// What should not be there, beside what should.
    pub fn bad(self, text: impl Display) -> String {
        self.sgr("31", text)
    }
    /// What is well.
    pub fn good(self, text: impl Display) -> String {
        self.sgr("32", text)
    }
    /// What can be skipped.
    pub fn dim(self, text: impl Display) -> String {
        self.sgr("2", text)
    }
    fn sgr(self, code: &str, text: impl Display) -> String {
        match self.on {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_string(),
        }
    }
}

/// Rows of texts as columns: the first to the left, the others, which are numbers, to the right.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|text| text.chars().count()).collect();
    for row in rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.chars().count());
        }
    }
    let header: Vec<String> = header.iter().map(|text| (*text).to_owned()).collect();
    let mut out = String::new();
    for row in std::iter::once(&header).chain(rows) {
        for (i, (text, width)) in row.iter().zip(&widths).enumerate() {
            let width = *width;
            match i {
                0 => out.push_str(&format!("{text:<width$}")),
                _ => out.push_str(&format!("  {text:>width$}")),
            }
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [
            vec!["a".to_owned(), "1".to_owned()],
            vec!["long".to_owned(), "1000".to_owned()],
        ];
        assert_eq!(
            table(&["name", "n"], &rows),
            "name     n\na        1\nlong  1000\n"
        );
    }
}
