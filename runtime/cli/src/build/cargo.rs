//! Calls cargo: what is in the project, and compile it. Cargo's own messages, the compiler's among them, go to
//! standard error as the user knows them.

use super::Args;
use super::toolchain::{TARGET, Toolchain};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Cargo project, as `cargo metadata` tells it.
#[derive(Debug)]
pub struct Project {
    /// Its folder.
    pub folder: PathBuf,
    manifest: PathBuf,
    workspace: PathBuf,
    members: Vec<Package>,
}

#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

/// A package of the project.
#[derive(Clone, Debug, Deserialize)]
pub struct Package {
    name: String,
    id: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Clone, Debug, Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

impl Package {
    fn is_module(&self) -> bool {
        let mut crate_types = self.targets.iter().flat_map(|target| &target.crate_types);
        crate_types.any(|crate_type| crate_type == "cdylib")
    }
}

impl Project {
    /// Read the project in a folder.
    pub fn read(path: &Path, offline: bool) -> Result<Self> {
        let manifest = if path.is_dir() {
            path.join("Cargo.toml")
        } else {
            path.to_owned()
        };
        let manifest = manifest.canonicalize().with_context(|| {
            format!(
                "there is no Cargo project at {}: {} is missing",
                path.display(),
                manifest.display()
            )
        })?;
        let folder = manifest.parent().unwrap_or(Path::new("/")).to_owned();
        let mut command = cargo(&folder);
        command
            .args([
                "metadata",
                "--no-deps",
                "--format-version",
                "1",
                "--manifest-path",
            ])
            .arg(&manifest);
        if offline {
            command.arg("--offline");
        }
        let stdout = output(command, "`cargo metadata` failed")?;
        let Metadata {
            packages,
            workspace_root,
        } = serde_json::from_slice(&stdout)
            .context("what `cargo metadata` prints can't be read")?;
        let own = |package: &Package| {
            package
                .manifest_path
                .canonicalize()
                .is_ok_and(|own| own == manifest)
        };
        let members = match packages.iter().find(|package| own(package)) {
            Some(package) if workspace_root != folder => vec![package.clone()],
            _ => packages,
        };
        Ok(Self {
            folder,
            manifest,
            workspace: workspace_root,
            members,
        })
    }

    /// The packages that become modules: all, or those named.
    pub fn modules(&self, named: &[String]) -> Result<Vec<Package>> {
        for name in named {
            if !self.members.iter().any(|member| member.name == *name) {
                let names: Vec<&str> = self
                    .members
                    .iter()
                    .map(|member| member.name.as_str())
                    .collect();
                bail!(
                    "there is no package `{name}` in {}; there are: {}",
                    self.manifest.display(),
                    names.join(", ")
                );
            }
        }
        let wanted = |package: &&Package| named.is_empty() || named.contains(&package.name);
        let (modules, others): (Vec<_>, Vec<_>) = self
            .members
            .iter()
            .filter(wanted)
            .cloned()
            .partition(Package::is_module);
        let Some(other) = others
            .first()
            .filter(|_| modules.is_empty() || !named.is_empty())
        else {
            return Ok(modules);
        };
        bail!(
            "package `{}` is not a module. Add this to {}:\n\n  [lib]\n  crate-type = [\"cdylib\"]",
            other.name,
            other.manifest_path.display()
        );
    }
}

/// Compile packages; answers each one's name and core module.
pub fn compile(
    project: &Project,
    packages: &[Package],
    toolchain: &Toolchain,
    args: &Args,
) -> Result<Vec<(String, PathBuf)>> {
    let mut command = cargo(&project.folder);
    command.args([
        "build",
        "--release",
        "--lib",
        "--target",
        TARGET,
        "--message-format",
        "json-render-diagnostics",
    ]);
    command.arg("--manifest-path").arg(&project.manifest);
    for package in packages {
        command.args(["--package", &package.name]);
    }
    if let Some(target_dir) = &args.target_dir {
        command
            .arg("--target-dir")
            .arg(std::path::absolute(target_dir)?);
    }
    if args.offline {
        command.arg("--offline");
    }
    configure(&mut command, project, toolchain);
    let stdout = output(command, "the module does not compile: see above")?;
    let artifacts = artifacts(&stdout);
    let core = |package: &Package| {
        let artifact = artifacts.iter().find(|(id, _)| *id == package.id);
        let path = artifact.map(|(_, path)| path.clone());
        Ok((
            package.name.clone(),
            path.with_context(|| format!("cargo built no module of `{}`", package.name))?,
        ))
    };
    packages.iter().map(core).collect()
}

/// Choose compiler and linker, and keep this machine's paths out of the module: its name is its hash.
fn configure(command: &mut Command, project: &Project, toolchain: &Toolchain) {
    if let Toolchain::Source { rustc, linker } = toolchain {
        command.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
        command.arg("-Zbuild-std=std,panic_abort");
        if let Some(linker) = linker {
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
    }
    if let Toolchain::Installed { rustc } = toolchain {
        command.env("RUSTC", rustc);
    }
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let mut flags = vec![remap(&project.workspace, "/src")];
    flags.extend(home.map(|home| remap(&home, "/cargo")));
    command.arg("--config").arg(format!(
        "target.{TARGET}.rustflags={}",
        serde_json::json!(flags)
    ));
}

fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
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

/// Package ids and files of the cdylibs that cargo says it has built.
fn artifacts(stdout: &[u8]) -> Vec<(String, PathBuf)> {
    let messages = stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    let built = messages.filter(|message| message.reason == "compiler-artifact");
    let modules = built.filter(|message| {
        message
            .target
            .as_ref()
            .is_some_and(|target| target.crate_types.iter().any(|kind| kind == "cdylib"))
    });
    modules
        .filter_map(|message| {
            let wasm = message
                .filenames
                .into_iter()
                .find(|file| file.extension().is_some_and(|e| e == "wasm"));
            Some((message.package_id, wasm?))
        })
        .collect()
}

fn cargo(folder: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(folder).stderr(Stdio::inherit());
    command
}

fn output(mut command: Command, failed: &str) -> Result<Vec<u8>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| {
        format!("`{program}` can't be started: install Rust with its cargo, see https://rustup.rs")
    })?;
    if !output.status.success() {
        bail!("{failed}");
    }
    Ok(output.stdout)
}
