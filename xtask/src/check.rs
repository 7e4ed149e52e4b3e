//! `cargo xtask check`: what a reviewer should not have to look for. All checks run, also after one has failed.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::command::{cargo, output, program, run as run_command, say};
use crate::paths::Paths;
use crate::{deploy, packages, tidy};

/// What the core may not depend on, however indirectly.
const NOT_IN_CORE: &[&str] = &[
    "tokio",
    "rdkafka",
    "rdkafka-sys",
    "rocksdb",
    "librocksdb-sys",
    "wasmtime",
];
/// Crates of the project that another one of its crates may not depend on.
const NOT_BETWEEN: &[(&str, &[&str])] = &[
    (
        "sluicebox-core",
        &[
            "sluicebox-wasm",
            "sluicebox-state",
            "sluicebox-kafka",
            "sluicebox-host",
        ],
    ),
    (
        "sluicebox-wasm",
        &[
            "sluicebox-kafka",
            "sluicebox-state",
            "sluicebox-host",
            "rdkafka",
            "rocksdb",
        ],
    ),
    (
        "sluicebox-state",
        &[
            "sluicebox-kafka",
            "sluicebox-wasm",
            "sluicebox-host",
            "rdkafka",
            "wasmtime",
        ],
    ),
    (
        "sluicebox-kafka",
        &[
            "sluicebox-wasm",
            "sluicebox-state",
            "sluicebox-host",
            "rocksdb",
            "wasmtime",
        ],
    ),
    (
        "sluicebox-catalog",
        &[
            "sluicebox-kafka",
            "sluicebox-wasm",
            "sluicebox-state",
            "sluicebox-host",
            "rdkafka",
            "rocksdb",
            "wasmtime",
        ],
    ),
    (
        "sluicebox-udf",
        &[
            "sluicebox-core",
            "sluicebox-wasm",
            "sluicebox-host",
            "wasmtime",
        ],
    ),
];

type Check = (&'static str, fn(&Paths) -> Result<()>);

const CHECKS: &[Check] = &[
    ("formatting", formatting),
    ("tidiness", tidy::check),
    ("dependency direction", direction),
    ("deployment files", deploy::check),
    ("lints", lints),
    ("documentation", documentation),
];

/// Run the checks.
pub fn run(paths: &Paths, arguments: &[String]) -> Result<()> {
    let mut checks = CHECKS.to_vec();
    if !arguments.iter().any(|argument| argument == "--no-deny") {
        checks.push(("licences and sources", deny));
    }
    packages::ensure(packages::EVERYTHING)?;
    let mut failed = Vec::new();
    for (name, check) in checks {
        say(&format!("check: {name}"));
        if let Err(error) = check(paths) {
            say(&format!("{name}: {error:#}"));
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("these checks failed: {}", failed.join(", "));
    }
    say("all checks passed");
    Ok(())
}

fn formatting(paths: &Paths) -> Result<()> {
    run_command(cargo(paths).args(["fmt", "--all", "--check"]))?;
    for folder in ["example-udfs", "tests/guests"] {
        if paths.root.join(folder).join("Cargo.toml").is_file() {
            let manifest = format!("{folder}/Cargo.toml");
            run_command(cargo(paths).args([
                "fmt",
                "--all",
                "--check",
                "--manifest-path",
                &manifest,
            ]))?;
        }
    }
    Ok(())
}

fn lints(paths: &Paths) -> Result<()> {
    let mut clippy = cargo(paths);
    clippy.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--release",
        "--",
        "-D",
        "warnings",
    ]);
    run_command(&mut clippy)
}

fn documentation(paths: &Paths) -> Result<()> {
    let mut doc = cargo(paths);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run_command(doc.args([
        "doc",
        "--workspace",
        "--no-deps",
        "--release",
        "--document-private-items",
    ]))
}

fn direction(paths: &Paths) -> Result<()> {
    let mut wrong = Vec::new();
    let core = ("sluicebox-core", NOT_IN_CORE);
    for (package, forbidden) in NOT_BETWEEN.iter().copied().chain([core]) {
        let mut tree = cargo(paths);
        tree.args([
            "tree",
            "--prefix",
            "none",
            "--format",
            "{lib}",
            "--edges",
            "normal,build",
            "-p",
            package,
        ]);
        let (ok, text) = output(&mut tree);
        if !ok {
            bail!("cargo tree -p {package}: {text}");
        }
        for name in forbidden.iter().filter(|name| depends(&text, name)) {
            wrong.push(format!("{package} depends on {name}"));
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => bail!("{}", wrong.join("; ")),
    }
}

/// Whether a crate (by its package's name) is among the library names that cargo tree prints.
fn depends(tree: &str, package: &str) -> bool {
    let library = package.replace('-', "_");
    tree.lines().any(|line| line.trim() == library)
}

/// Licences and sources always; advisories where their database can be had.
fn deny(paths: &Paths) -> Result<()> {
    let tool = cargo_deny(paths)?;
    let check = |what: &[&str]| {
        let mut command = program(paths, &tool);
        command.args(["--workspace", "check", "--hide-inclusion-graph"]);
        command.args(what);
        command
    };
    run_command(&mut check(&["bans", "licenses", "sources"]))?;
    let (ok, text) = output(&mut check(&["advisories"]));
    if ok {
        return Ok(());
    }
    if text.contains("failed to fetch advisory database") {
        say("the advisory database cannot be reached from here: advisories are NOT checked");
        return Ok(());
    }
    bail!("advisories:\n{text}")
}

fn cargo_deny(paths: &Paths) -> Result<PathBuf> {
    let tools = paths.cache.join("tools");
    let tool = tools.join("bin/cargo-deny");
    if !tool.is_file() {
        say("installing cargo-deny (once, several minutes)");
        let mut install = cargo(paths);
        install.env("CARGO_TARGET_DIR", tools.join("target"));
        install
            .args(["install", "cargo-deny", "--locked", "--root"])
            .arg(&tools);
        run_command(&mut install)
            .context("cargo-deny does not install; `--no-deny` goes without")?;
    }
    Ok(tool)
}

#[cfg(test)]
mod tests {
    use super::depends;

    #[test]
    fn a_tree_names_libraries() {
        let tree = "sluicebox_core\nserde_json\nlibrocksdb_sys\n\n";
        assert!(depends(tree, "librocksdb-sys"));
        assert!(!depends(tree, "serde"));
    }
}
