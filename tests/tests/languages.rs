//! The example UDFs in every language: one table of cases that all must pass, and on random orders the answers of those in Rust, byte for byte. And
//! the SDKs' own tests.
#![expect(clippy::unwrap_used, reason = "in helpers of tests, too")]

#[path = "languages/alike.rs"]
mod alike;
#[path = "languages/leaks.rs"]
mod leaks;
#[path = "languages/projects.rs"]
mod projects;
#[path = "languages/sdks.rs"]
mod sdks;
#[path = "examples/support.rs"]
#[expect(
    dead_code,
    reason = "what only the comparison with native answers needs"
)]
mod support;

use anyhow::{Result, ensure};
use sluicebox_tests::host::{binary, root};
use std::process::{Command, Output};

const EXAMPLES: [&str; 3] = ["orders-valid", "orders-enrich", "spend-per-user"];

/// What a program said on both of its outputs.
fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Run it; an error with what it said if it fails.
fn ok(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", said(&output));
    Ok(said(&output))
}

/// The table, on the modules in a folder: that of a language, or for Rust none.
fn passes_the_table(folder: &str) -> Result<()> {
    let data = tempfile::tempdir()?;
    for example in EXAMPLES {
        let module = support::guest_path(&format!("{folder}{example}"));
        let mut command = Command::new(binary()?);
        command.env("SLUICEBOX_DATA_DIR", data.path());
        command
            .arg("test")
            .arg(&module)
            .args(["--no-cost", "--cases"]);
        command.arg(root().join(format!("example-udfs/cases/{example}.jsonl")));
        let said = ok(&mut command)?;
        ensure!(said.contains("1 passed, 0 failed"), "{said}");
    }
    Ok(())
}

#[test]
fn rust_passes_the_table() -> Result<()> {
    passes_the_table("")
}

macro_rules! languages {
    ($($language:ident),+) => {
        $(
            mod $language {
                #[test]
                fn passes_the_table() -> anyhow::Result<()> {
                    super::passes_the_table(concat!(stringify!($language), "/"))
                }

                #[test]
                fn answers_as_rust_does() {
                    super::alike::with_rust(stringify!($language));
                }
            }
        )+
    };
}

languages!(c, cpp, go, js, ts, python);

/// Without an SDK, from the contract alone.
#[test]
fn the_filter_in_zig_does_what_its_cases_say() -> Result<()> {
    let mut command = Command::new(binary()?);
    command
        .arg("test")
        .arg(support::guest_path("zig/orders-valid"));
    command.args(["--no-cost", "--cases"]);
    let said = ok(command.arg(root().join("example-udfs/zig/orders-valid/tests")))?;
    ensure!(said.contains("1 passed, 0 failed"), "{said}");
    Ok(())
}
