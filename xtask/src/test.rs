//! `cargo xtask test`: everything, from a bare machine to the sum of all results.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::builds::{self, Edition};
use crate::command::{build, cargo, say};
use crate::counts::Counts;
use crate::languages;
use crate::packages;
use crate::paths::Paths;
use crate::setup::{self, Needs};

/// End-to-end tests run processes of their own: more of them at once than this only makes each slower.
const THREADS: &str = "--test-threads=4";
const GUESTS: &[&str] = &["example-udfs", "tests/guests"];

/// Run the tests.
pub fn run(paths: &Paths, arguments: &[String]) -> Result<()> {
    counted(|counts| all(paths, arguments, counts))
}

/// `cargo xtask kerberos`: another build of the program, and the tests that only it passes.
pub fn kerberos(paths: &Paths, arguments: &[String]) -> Result<()> {
    const FEATURES: [&str; 4] = ["--release", "--workspace", "--features", "kerberos"];
    setup::run(paths, Needs::Everything)?;
    packages::ensure(packages::KERBEROS)?;
    counted(|counts| {
        say("building sluicebox with Kerberos");
        let program = ["build", "--bin", "sluicebox"];
        build(cargo(paths).args(program).args(FEATURES))?;
        builds::modules(paths, "example-udfs")?;
        let tests = ["test", "--test", "kerberos"];
        build(cargo(paths).args(tests).args(FEATURES).arg("--no-run"))?;
        let mut command = cargo(paths);
        command.args(tests).args(FEATURES);
        count(command.args(libtest(arguments)), counts)
    })
}

/// Tests, and at the end their counts, whatever happens.
fn counted(tests: impl FnOnce(&mut Counts) -> Result<()>) -> Result<()> {
    let mut counts = Counts::default();
    let result = tests(&mut counts);
    let failed = counts.failed + u64::from(result.is_err() && counts.failed == 0);
    if let Err(error) = &result {
        say(&format!("{error:#}"));
    }
    println!("{} passed, {failed} failed", counts.passed);
    match failed {
        0 => Ok(()),
        _ => bail!("not all tests passed"),
    }
}

fn all(paths: &Paths, arguments: &[String], counts: &mut Counts) -> Result<()> {
    setup::run(paths, Needs::Everything)?;
    packages::ensure(packages::BROWSER)?;
    let tools = languages::ensure(paths)?;
    builds::binaries(paths, Edition::Full, &["sluicebox"])?;
    for folder in GUESTS
        .iter()
        .filter(|folder| builds::has_modules(paths, folder))
    {
        builds::modules(paths, folder)?;
    }
    languages::modules(paths, &tools)?;
    say("building the tests");
    build(cargo(paths).args(["test", "--release", "--workspace", "--no-run"]))?;

    let mut workspace = cargo(paths);
    workspace
        .args(["test", "--release", "--workspace", "--no-fail-fast"])
        .args(libtest(arguments));
    let workspace = count(tools.on(&mut workspace), counts);
    // Their own workspace, built for this machine here: UDFs are ordinary functions to their authors.
    let mut examples = cargo(paths);
    examples
        .args([
            "test",
            "--release",
            "--no-fail-fast",
            "--manifest-path",
            "example-udfs/Cargo.toml",
        ])
        .arg("--target-dir")
        .arg(paths.target.join("guests-native"))
        .args(libtest(arguments));
    say("testing the examples natively");
    workspace.and(count(&mut examples, counts))
}

/// The user's filter and libtest arguments, and ours.
fn libtest(arguments: &[String]) -> Vec<String> {
    let mut all = arguments.to_vec();
    if !all.iter().any(|argument| argument == "--") {
        all.push("--".to_owned());
    }
    if !all
        .iter()
        .any(|argument| argument.starts_with("--test-threads"))
    {
        all.push(THREADS.to_owned());
    }
    all
}

/// Run a test command, pass its output on, and count.
fn count(command: &mut Command, counts: &mut Counts) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line?;
        let text = String::from_utf8_lossy(&line);
        counts.line(&text);
        println!("{text}");
    }
    counts.end();
    let status = child.wait()?;
    if !status.success() {
        bail!("cargo test failed ({status})");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::libtest;

    fn arguments(given: &[&str]) -> Vec<String> {
        libtest(&given.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_filter_and_libtest_arguments_pass_through() {
        assert_eq!(arguments(&[]), ["--", "--test-threads=4"]);
        assert_eq!(
            arguments(&["windows"]),
            ["windows", "--", "--test-threads=4"]
        );
        assert_eq!(
            arguments(&["w", "--", "--test-threads=1"]),
            ["w", "--", "--test-threads=1"]
        );
    }
}
