//! The house style as a test: short files that say why they are there, and nothing that belongs to one machine.

use std::fs;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{output, say};
use crate::paths::Paths;

const LINES_WARN: usize = 300;
const LINES_MAX: usize = 500;

/// What only one machine has. Split, or this file would find itself.
const MACHINE: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
];

/// Hosts of registries and mirrors: everyone's own configuration decides those.
const REGISTRIES: &[&str] = &[
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("repo1.maven", ".org"),
    concat!("repo.maven.apache", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("registry.npmjs", ".org"),
    concat!("registry.yarnpkg", ".com"),
    concat!("pypi", ".org"),
    concat!("files.pythonhosted", ".org"),
    concat!("artifact", "ory"),
];

const LOCKED_SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Look at every file that git knows.
pub fn check(paths: &Paths) -> Result<()> {
    let mut problems = Vec::new();
    for name in files(paths)? {
        // Deleted, or not text: nothing to read.
        let Ok(text) = fs::read_to_string(paths.root.join(&name)) else {
            continue;
        };
        problems.extend(foreign(&name, &text));
        if name.ends_with(".rs") {
            problems.extend(style(&name, &text));
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => bail!("{} problems\n  {}", problems.len(), problems.join("\n  ")),
    }
}

fn files(paths: &Paths) -> Result<Vec<String>> {
    let list = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let (ok, text) = output(Command::new("git").current_dir(&paths.root).args(list));
    if !ok {
        bail!("git ls-files: {text}");
    }
    Ok(text
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

/// Paths of a machine, hosts of registries.
fn foreign(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{name}:{}", number + 1);
        if let Some(path) = MACHINE.iter().find(|path| has_path(line, path)) {
            problems.push(format!("{place}: a path of one machine ({path})"));
        }
        if let Some(host) = REGISTRIES.iter().find(|host| line.contains(**host)) {
            problems.push(format!("{place}: a registry's host ({host})"));
        }
        if name.ends_with("Cargo.lock")
            && line.starts_with("source = ")
            && !line.contains(LOCKED_SOURCE)
        {
            problems.push(format!("{place}: not from the public registry: {line}"));
        }
    }
    problems
}

/// Whether an absolute path begins with `path` in this line (so not `framework/` or `docs/work/`).
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~}$*".contains(c))
    })
}

fn style(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        problems.push(format!(
            "{name}: {lines} lines, more than {LINES_MAX}: split it"
        ));
    } else if lines > LINES_WARN {
        say(&format!(
            "warning: {name} has {lines} lines, more than {LINES_WARN}"
        ));
    }
    if !text.starts_with("//!") {
        problems.push(format!(
            "{name}: does not open with `//!` and what it is for"
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::{foreign, style};

    #[test]
    fn machine_paths_are_found_and_others_are_not() {
        let found = |line: &str| foreign("a.md", line).len();
        assert_eq!(found(concat!("see /ho", "me/me/x")), 1);
        assert_eq!(found(concat!("\"/wo", "rk/x\"")), 1);
        assert_eq!(found("docs/work/x and ~/home/x"), 0);
        assert_eq!(found(concat!("https://static.crates", ".io/x")), 1);
    }

    #[test]
    fn a_lock_file_names_the_public_registry_only() {
        let found = |line: &str| foreign("Cargo.lock", line).len();
        assert_eq!(
            found("source = \"registry+https://github.com/rust-lang/crates.io-index\""),
            0
        );
        assert_eq!(
            found("source = \"registry+https://mirror.example/index\""),
            1
        );
    }

    #[test]
    fn long_and_unexplained_files_are_found() {
        assert!(style("a.rs", "//! why\nfn a() {}\n").is_empty());
        assert_eq!(style("a.rs", "fn a() {}\n").len(), 1);
        assert_eq!(
            style("a.rs", &format!("//! why\n{}", "x\n".repeat(600))).len(),
            1
        );
    }
}
