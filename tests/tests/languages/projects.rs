//! `sluicebox new` in each language, as somebody follows it: make a project of each kind, test it natively, build and test it.

use super::{ok, said};
use anyhow::{Result, ensure};
use sluicebox_tests::host::{binary, target_folder};
use std::fs;
use std::path::Path;
use std::process::Command;

const KINDS: [&str; 3] = ["filter", "map", "window-aggregate"];

fn sluicebox(folder: &Path) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.current_dir(folder);
    command.env("SLUICEBOX_DATA_DIR", folder.join("data"));
    Ok(command)
}

/// Make a project of each kind and do what its README says; `unit` are the words that its unit tests end with.
fn follow(language: &str, unit: &[&str], passed: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    for kind in KINDS {
        let name = format!("my-{kind}");
        ok(sluicebox(folder.path())?.args(["new", &name, "--lang", language, "--kind", kind]))?;
        let project = folder.path().join(&name);
        let mut command = Command::new(unit[0]);
        command.args(&unit[1..]).current_dir(&project);
        // Dependencies of Rust are built once for all of them.
        command.env("CARGO_TARGET_DIR", target_folder("new-native")?);
        let native = ok(&mut command)?;
        ensure!(native.contains(passed), "{native}");

        let mut test = sluicebox(&project)?;
        test.args(["test", "--target-dir"]);
        let tested = ok(test.arg(target_folder("guests-build")?))?;
        ensure!(
            tested.contains("1 passed, 0 failed") && tested.contains("ns a record"),
            "{tested}"
        );
        let module = format!("{name}.wasm");
        let inspected = ok(sluicebox(&project)?.args(["inspect", &module]))?;
        ensure!(
            inspected.contains(kind) && !inspected.contains("wasi"),
            "{inspected}"
        );
        let readme = fs::read_to_string(project.join("README.md"))?;
        ensure!(
            readme.contains(&module) && !readme.contains("NAME"),
            "{readme}"
        );
    }
    Ok(())
}

#[test]
fn rust() -> Result<()> {
    follow("rust", &["cargo", "test"], "1 passed")
}

#[test]
fn go() -> Result<()> {
    follow("go", &["go", "test", "./..."], "ok")
}

#[test]
fn python() -> Result<()> {
    follow("python", &["python3", "-m", "unittest"], "Ran 1 test")
}

#[test]
fn c() -> Result<()> {
    follow("c", &["make", "test"], "out/test")
}

#[test]
fn cpp() -> Result<()> {
    follow("cpp", &["make", "test"], "out/test")
}

/// The SDK is found by its own place: what npm would link.
fn with_linked_sdk(language: &str, unit: &str) -> Result<()> {
    let link = "mkdir -p node_modules && ln -sfn ../.sluicebox/sdk/js node_modules/sluicebox-udf && \
                ln -sfn \"$(dirname \"$(command -v tsc)\")/../@types\" node_modules/@types";
    follow(
        language,
        &["sh", "-c", &format!("{link} && {unit}")],
        "# pass 1",
    )
}

#[test]
fn js() -> Result<()> {
    with_linked_sdk("js", "npm test")
}

#[test]
fn ts() -> Result<()> {
    with_linked_sdk("ts", "npm run check && npm test")
}

#[test]
fn what_is_missing_is_named_with_the_command_that_gets_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (language, words) in [
        ("go", "https://go.dev/dl"),
        ("js", "npm install"),
        ("python", "pip install -r"),
        ("c", "apt-get install clang-22"),
        ("cpp", "libc++-22-dev-wasm32"),
    ] {
        ok(sluicebox(folder.path())?.args(["new", language, "--lang", language]))?;
        let mut build = sluicebox(&folder.path().join(language))?;
        let output = build.arg("build").env("PATH", folder.path()).output()?;
        let said = said(&output);
        ensure!(output.status.code() == Some(2), "{language}: {said}");
        ensure!(
            said.contains("is missing") && said.contains(words),
            "{language}: {said}"
        );
    }
    Ok(())
}

#[test]
fn mistakes_in_a_project_are_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    ok(sluicebox(folder.path())?.args(["new", "mine", "--lang", "go"]))?;
    let project = folder.path().join("mine");
    let refused = |wanted: &str| -> Result<()> {
        let output = sluicebox(&project)?.arg("build").output()?;
        let said = said(&output);
        ensure!(
            output.status.code() == Some(2) && said.contains(wanted),
            "{wanted}: {said}"
        );
        Ok(())
    };
    let source = fs::read_to_string(project.join("udf.go"))?;
    fs::write(
        project.join("udf.go"),
        source.replace("return *order.Amount", "return order.Amount"),
    )?;
    refused("udf.go:")?;
    fs::write(project.join("udf.go"), &source)?;
    let manifest = fs::read_to_string(project.join("sluicebox.yaml"))?;
    fs::write(
        project.join("sluicebox.yaml"),
        manifest.replace("kind: filter", "kind: filtre"),
    )?;
    refused("kind")?;
    fs::write(project.join("sluicebox.yaml"), &manifest)?;
    fs::remove_dir_all(project.join(".sluicebox/sdk"))?;
    refused("the SDK is not at")
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
