//! Each SDK's own tests, and the examples' that have some, by the tools of its language.

use super::ok;
use anyhow::{Result, ensure};
use sluicebox_tests::host::root;
use std::process::Command;

fn run(folder: &str, program: &str, args: &[&str]) -> Result<String> {
    let mut command = Command::new(program);
    ok(command.args(args).current_dir(root().join(folder)))
}

#[test]
fn go() -> Result<()> {
    run("sdk/go", "go", &["vet", "./..."])?;
    let said = run("sdk/go", "go", &["test", "./..."])?;
    ensure!(said.contains("ok  \tsluicebox"), "{said}");
    Ok(())
}

#[test]
fn js() -> Result<()> {
    let said = run("sdk/js", "node", &["--test", "tests/"])?;
    ensure!(
        said.contains("# fail 0") && !said.contains("# pass 0"),
        "{said}"
    );
    Ok(())
}

#[test]
fn python() -> Result<()> {
    let said = run(
        "sdk/python",
        "python3",
        &["-m", "unittest", "discover", "-s", "tests", "-t", "."],
    )?;
    ensure!(said.contains("OK") && !said.contains("Ran 0"), "{said}");
    Ok(())
}

/// Under the sanitizers.
#[test]
fn c_and_cpp() -> Result<()> {
    let out = tempfile::tempdir()?;
    for folder in ["sdk/c/tests", "example-udfs/c", "example-udfs/cpp"] {
        let into = format!(
            "OUT={}",
            out.path().join(folder.replace('/', "-")).display()
        );
        run(folder, "make", &[&into, "test"])?;
    }
    Ok(())
}
