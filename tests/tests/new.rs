//! `sluicebox new`, as somebody follows it: make a project, test it, build it, and run the module over the same data.

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
    // Its dependencies are built once for all of them.
    let mut test = Command::new("cargo");
    test.arg("test").current_dir(&project);
    test.env("CARGO_TARGET_DIR", target_folder("new-native")?);
    let tested = ok(&mut test)?;
    ensure!(tested.contains("1 passed"), "{tested}");
    let mut build = sluicebox(&project)?;
    build.args(["build", "--target-dir"]);
    ok(build.arg(target_folder("guests-build")?))?;
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

/// What the module gives for the project's data, in the sandbox.
fn run(folder: &Path, name: &str, operator: &str) -> Result<()> {
    let spec = format!(
        "apiVersion: sluicebox/v1
job: try
source: {{ file: {{ path: {name}/tests/in.jsonl }} }}
operators:
  - {{ id: udf, {operator}, on_error: skip }}
sink: stdout
"
    );
    let job = folder.join(format!("{name}.yaml"));
    fs::write(&job, spec)?;
    let out = ok(sluicebox(folder)?.arg("run").arg(&job))?;
    let expected = fs::read_to_string(folder.join(name).join("tests/out.jsonl"))?;
    ensure!(out == expected, "{out}\nis not\n{expected}");
    Ok(())
}

#[test]
fn a_project_of_each_kind_is_tested_and_built_as_it_comes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    follow(folder, "large-orders", "filter")?;
    let module = "large-orders/large-orders.wasm";
    run(
        folder,
        "large-orders",
        &format!("filter: {{ module: {module}, config: {{ minimum: 1000 }} }}"),
    )?;
    follow(folder, "rated", "map")?;
    let module = "rated/rated.wasm";
    run(
        folder,
        "rated",
        &format!("map: {{ module: {module}, config: {{ large: 1000 }} }}"),
    )?;
    follow(folder, "totals", "window-aggregate")
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
