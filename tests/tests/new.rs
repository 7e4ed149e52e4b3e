//! `sluicebox new`, as somebody follows it: make a project, build and test it.

use anyhow::{Result, ensure};
use sluicebox_tests::host::{binary, target_folder};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// What it prints; an error if it fails.
fn ok(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", said(&output));
    Ok(String::from_utf8(output.stdout)?)
}

fn sluicebox(folder: &Path) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.current_dir(folder);
    command.env("SLUICEBOX_DATA_DIR", folder.join("data"));
    Ok(command)
}

/// Make it and do what its README says.
fn follow(folder: &Path, name: &str, kind: &str) -> Result<()> {
    ok(sluicebox(folder)?.args(["new", name, "--kind", kind]))?;
    let project = folder.join(name);
    let mut test = sluicebox(&project)?;
    test.args(["test", "--target-dir"]);
    let tested = ok(test.arg(target_folder("guests-build")?))?;
    ensure!(
        tested.contains("1 passed, 0 failed") && tested.contains("ns a record"),
        "{tested}"
    );
    // Its dependencies are built once for all of them.
    let mut unit = Command::new("cargo");
    unit.arg("test").current_dir(&project);
    unit.env("CARGO_TARGET_DIR", target_folder("new-native")?);
    let tested = ok(&mut unit)?;
    ensure!(tested.contains("1 passed"), "{tested}");
    let module = format!("{name}.wasm");
    let inspected = ok(sluicebox(&project)?.args(["inspect", &module]))?;
    ensure!(inspected.contains(kind), "{inspected}");
    let readme = fs::read_to_string(project.join("README.md"))?;
    ensure!(
        readme.contains(&module) && !readme.contains("NAME"),
        "{readme}"
    );
    Ok(())
}

#[test]
fn a_project_of_each_kind_is_built_and_tested_as_it_comes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for kind in ["filter", "map", "window-aggregate"] {
        follow(folder.path(), &format!("my-{kind}"), kind)?;
    }
    Ok(())
}

#[test]
fn nothing_is_written_over_what_is_there() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    fs::create_dir(folder.join("mine"))?;
    fs::write(folder.join("mine/README.md"), "mine")?;
    for (name, words) in [
        ("mine", "`mine` is there already"),
        ("Mine", "no name of a module"),
        ("../mine", "no name of a module"),
    ] {
        let output = sluicebox(folder)?.args(["new", name]).output()?;
        let said = said(&output);
        ensure!(output.status.code() == Some(2), "{name}: {said}");
        ensure!(said.contains(words), "{said}");
    }
    let files = fs::read_dir(folder.join("mine"))?.count();
    ensure!(files == 1 && fs::read_to_string(folder.join("mine/README.md"))? == "mine");
    Ok(())
}
