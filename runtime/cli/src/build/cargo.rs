//! Calls cargo to compile. Its own messages, the compiler's among them, go to standard error as the user knows them.

use super::project::{Package, Project, Target};
use super::toolchain::{TARGET, Toolchain};
use crate::failure::Usage;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What of the command line concerns cargo.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Where it compiles; the project's own target folder by default.
    pub target_dir: Option<&'a Path>,
    /// Nothing over the network.
    pub offline: bool,
}

/// Compile packages; answers each one's name and core module.
pub fn compile(
    project: &Project,
    packages: &[Package],
    toolchain: &Toolchain,
    options: Options<'_>,
) -> Result<Vec<(String, PathBuf)>> {
    let mut command = cargo(&project.folder);
    command.args(["build", "--release", "--lib", "--target", TARGET]);
    command.args([
        "--message-format",
        "json-render-diagnostics",
        "--manifest-path",
    ]);
    command.arg(&project.manifest);
    for package in packages {
        command.args(["--package", &package.name]);
    }
    if let Some(target_dir) = options.target_dir {
        command
            .arg("--target-dir")
            .arg(std::path::absolute(target_dir)?);
    }
    if options.offline {
        command.arg("--offline");
    }
    use_toolchain(&mut command, toolchain);
    command.arg("--config").arg(compiler_flags());
    let stdout = output(command, "the project does not compile: see above")?;
    let artifacts = artifacts(&stdout);
    let core = |package: &Package| {
        let of_package = artifacts.iter().find(|(id, _)| *id == package.id);
        let (_, path) =
            of_package.with_context(|| format!("cargo built no module of `{}`", package.name))?;
        Ok((package.name.clone(), path.clone()))
    };
    packages.iter().map(core).collect()
}

fn use_toolchain(command: &mut Command, toolchain: &Toolchain) {
    match toolchain {
        Toolchain::Installed { rustc } => {
            command.env("RUSTC", rustc);
        }
        Toolchain::Source { rustc, linker } => {
            // Building the standard library is an unstable option of cargo and rustc; this lets stable ones do it.
            command.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
            command.arg("-Zbuild-std=std,panic_abort");
            if let Some(linker) = linker {
                command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
            }
        }
    }
}

/// The compiler's flags, as a cargo setting. The same for every project: other flags would build everything in a
/// shared target folder anew.
///
/// Inlining far beyond the default saves a fifth of a JSON-reading module's time (see docs/benchmarks.md) for two
/// thirds more code. Remapping keeps the path of Cargo's folder, and with it often a user's name, out of the messages of
/// panics.
fn compiler_flags() -> String {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or(home);
    let remap = |from: PathBuf| format!("--remap-path-prefix={}=/cargo", from.display());
    let mut flags = vec!["-Cllvm-args=-inline-threshold=1000".to_owned()];
    flags.extend(cargo_home.map(remap));
    format!("target.{TARGET}.rustflags={}", serde_json::json!(flags))
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Package ids and files of the modules that cargo says it has built.
fn artifacts(stdout: &[u8]) -> Vec<(String, PathBuf)> {
    let lines = stdout.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    let is_module = |message: &Message| {
        message.reason == "compiler-artifact"
            && message.target.as_ref().is_some_and(Target::is_module)
    };
    let is_wasm = |file: &PathBuf| {
        file.extension()
            .is_some_and(|extension| extension == "wasm")
    };
    messages
        .filter(is_module)
        .filter_map(|message| {
            Some((
                message.package_id,
                message.filenames.into_iter().find(is_wasm)?,
            ))
        })
        .collect()
}

/// Cargo, to be run in a folder: the one that runs us, if one does.
pub fn cargo(folder: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(folder).stderr(Stdio::inherit());
    command
}

/// Run it for its standard output. It has said itself why it failed; `failed` says what that means.
pub fn output(mut command: Command, failed: &str) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| {
        let program = command.get_program().to_string_lossy();
        format!("`{program}` can't be started: install Rust with its cargo, see https://rustup.rs")
    })?;
    if !output.status.success() {
        bail!(Usage(failed.to_owned()));
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_among_cargos_messages() {
        let stdout = br#"{"reason":"compiler-artifact","package_id":"dep","target":{"crate_types":["lib"]},"filenames":["/t/libdep.rlib"]}
{"reason":"compiler-artifact","package_id":"m","target":{"crate_types":["cdylib"]},"filenames":["/t/m.d","/t/m.wasm"]}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(
            artifacts(stdout),
            [("m".to_owned(), PathBuf::from("/t/m.wasm"))]
        );
    }
}
