//! Building the programs and the modules.
//!
//! Always `--workspace --bin NAME`, never `-p PACKAGE`: cargo chooses the features of shared dependencies by what is
//! selected, and one difference far down (a feature of `cc` that RocksDB asks for) would compile wasmtime a second time.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::command::{build, cargo, program, run, say};
use crate::paths::Paths;
use crate::setup::{self, Needs};

/// Which edition of the command line tool.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// Without Kafka and RocksDB: what the demo needs, in a third of the time.
    Embedded,
    /// With everything.
    Full,
}

impl Edition {
    /// What the demo is built as: where the full edition has been built, that is quicker, and stays in its place.
    pub fn for_demo(paths: &Paths) -> Self {
        match paths.built("rocksdb") {
            true => Self::Full,
            false => Self::Embedded,
        }
    }
}

/// Build programs into the shared target folder.
pub fn binaries(paths: &Paths, edition: Edition, names: &[&str]) -> Result<()> {
    let (heaviest, minutes) = match edition {
        Edition::Embedded => ("wasmtime", "5 to 10 minutes on two cores"),
        Edition::Full => (
            "rocksdb",
            "20 to 30 minutes on two cores: RocksDB, librdkafka and wasmtime are large",
        ),
    };
    if !paths.built(heaviest) {
        say(&format!(
            "building {}; the first time takes {minutes}",
            names.join(", ")
        ));
    } else {
        say(&format!("building {}", names.join(", ")));
    }
    let mut command = cargo(paths);
    command.args(["build", "--release", "--workspace"]);
    if edition == Edition::Embedded {
        command.arg("--no-default-features");
    }
    for name in names {
        command.args(["--bin", name]);
    }
    build(&mut command)
}

/// Build the modules of a folder with the tool's own `build`.
pub fn modules(paths: &Paths, folder: &str) -> Result<()> {
    say(&format!("building the modules of {folder}"));
    fs::create_dir_all(paths.guests())?;
    let mut command = program(paths, paths.binary("sluicebox"));
    command
        .args(["build", folder, "--out"])
        .arg(paths.guests())
        .arg("--target-dir")
        .arg(paths.target.join("guests-build"));
    run(&mut command).with_context(|| format!("the modules of {folder} do not build"))
}

/// `cargo xtask bench`.
pub fn bench(paths: &Paths, arguments: &[String]) -> Result<()> {
    with_everything(paths, "sluicebox-bench", arguments)
}

/// `cargo xtask crash`.
pub fn crash(paths: &Paths, arguments: &[String]) -> Result<()> {
    with_everything(paths, "crash", arguments)
}

fn with_everything(paths: &Paths, name: &str, arguments: &[String]) -> Result<()> {
    setup::run(paths, Needs::Everything)?;
    binaries(paths, Edition::Full, &["sluicebox", name])?;
    for folder in ["example-udfs", "tests/guests"] {
        modules(paths, folder)?;
    }
    run(program(paths, paths.binary(name)).args(forwarded(arguments)))
}

/// Arguments for the program that a task runs: a leading `--` only separates.
pub fn forwarded(arguments: &[String]) -> &[String] {
    match arguments.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => arguments,
    }
}

/// Whether a folder of the repository has modules to build.
pub fn has_modules(paths: &Paths, folder: &str) -> bool {
    Path::new(&paths.root)
        .join(folder)
        .join("Cargo.toml")
        .is_file()
}
