//! What is in a Cargo project, as `cargo metadata` tells it, and which of its packages become modules.

use super::cargo::{cargo, output};
use crate::failure::Usage;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A Cargo project: a package or a workspace.
#[derive(Debug)]
pub struct Project {
    /// Its folder.
    pub folder: PathBuf,
    /// Its Cargo.toml.
    pub manifest: PathBuf,
    members: Vec<Package>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

/// A package of the project.
#[derive(Clone, Debug, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// As cargo names it in its messages.
    pub id: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

/// A thing that cargo builds of a package.
#[derive(Clone, Debug, Deserialize)]
pub struct Target {
    crate_types: Vec<String>,
}

impl Target {
    /// It becomes a Wasm module.
    pub fn is_module(&self) -> bool {
        self.crate_types.iter().any(|kind| kind == "cdylib")
    }
}

impl Project {
    /// Read the project in a folder (or of a Cargo.toml). A member of a workspace is a project of its own; the
    /// workspace's root is all of it.
    pub fn read(path: &Path, offline: bool) -> Result<Self> {
        let named = if path.is_dir() {
            path.join("Cargo.toml")
        } else {
            path.to_owned()
        };
        let Ok(manifest) = named.canonicalize() else {
            let (path, named) = (path.display(), named.display());
            bail!(Usage(format!(
                "there is no Cargo project at {path}: {named} is missing. `cargo new --lib NAME` makes one"
            )));
        };
        let folder = manifest.parent().unwrap_or(Path::new("/")).to_owned();
        let Metadata {
            packages,
            workspace_root,
        } = metadata(&folder, &manifest, offline)?;
        let own = packages
            .iter()
            .find(|package| is_same(&package.manifest_path, &manifest));
        let members = match own {
            Some(own) if workspace_root != folder => vec![own.clone()],
            _ => packages,
        };
        Ok(Self {
            folder,
            manifest,
            members,
        })
    }

    /// The packages that become modules: all that can, or those named.
    pub fn modules(&self, named: &[String]) -> Result<Vec<Package>> {
        let manifest = self.manifest.display();
        let names: Vec<&str> = self
            .members
            .iter()
            .map(|member| member.name.as_str())
            .collect();
        if let Some(unknown) = named.iter().find(|name| !names.contains(&name.as_str())) {
            bail!(Usage(format!(
                "there is no package `{unknown}` in {manifest}; there are: {}",
                names.join(", ")
            )));
        }
        let is_wanted = |package: &&Package| named.is_empty() || named.contains(&package.name);
        let wanted = self.members.iter().filter(is_wanted).cloned();
        let (modules, others): (Vec<_>, Vec<_>) = wanted.partition(Package::is_module);
        match others.first() {
            Some(other) if modules.is_empty() || !named.is_empty() => bail!(Usage(format!(
                "package `{}` is not a module. Add this to {}:\n\n  [lib]\n  crate-type = [\"cdylib\"]",
                other.name,
                other.manifest_path.display()
            ))),
            None if modules.is_empty() => {
                bail!(Usage(format!("there is no package in {manifest}")))
            }
            _ => Ok(modules),
        }
    }
}

impl Package {
    fn is_module(&self) -> bool {
        self.targets.iter().any(Target::is_module)
    }
}

fn metadata(folder: &Path, manifest: &Path, offline: bool) -> Result<Metadata> {
    let mut command = cargo(folder);
    command.args([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--manifest-path",
    ]);
    command.arg(manifest);
    if offline {
        command.arg("--offline");
    }
    let stdout = output(command, "the project can't be read: see above")?;
    serde_json::from_slice(&stdout).context("what `cargo metadata` prints can't be read")
}

fn is_same(path: &Path, canonical: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| path == canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(members: &[(&str, &str)]) -> Project {
        let package = |(name, kind): &(&str, &str)| Package {
            name: (*name).into(),
            id: format!("id-{name}"),
            manifest_path: format!("/w/{name}/Cargo.toml").into(),
            targets: vec![Target {
                crate_types: vec![(*kind).into()],
            }],
        };
        Project {
            folder: "/w".into(),
            manifest: "/w/Cargo.toml".into(),
            members: members.iter().map(package).collect(),
        }
    }

    fn names(project: &Project, named: &[&str]) -> Result<Vec<String>> {
        let named: Vec<_> = named.iter().map(ToString::to_string).collect();
        let modules = project.modules(&named)?;
        Ok(modules.into_iter().map(|module| module.name).collect())
    }

    #[test]
    fn all_modules_of_a_workspace_or_those_named() {
        let project = project(&[("a", "cdylib"), ("shared", "lib"), ("b", "cdylib")]);
        assert_eq!(names(&project, &[]).unwrap(), ["a", "b"]);
        assert_eq!(names(&project, &["b"]).unwrap(), ["b"]);
    }

    #[test]
    fn what_can_be_no_module_is_told_how_to_become_one() {
        let refusal = |members: &[(&str, &str)], named: &[&str]| {
            names(&project(members), named).unwrap_err().to_string()
        };
        let lib = refusal(&[("a", "lib")], &[]);
        assert!(
            lib.contains("/w/a/Cargo.toml") && lib.contains("crate-type = [\"cdylib\"]"),
            "{lib}"
        );
        let named = refusal(&[("a", "lib"), ("b", "cdylib")], &["a", "b"]);
        assert!(named.contains("package `a` is not a module"), "{named}");
        let unknown = refusal(&[("a", "cdylib")], &["x"]);
        assert!(
            unknown.contains("no package `x`") && unknown.ends_with("there are: a"),
            "{unknown}"
        );
        assert!(refusal(&[], &[]).contains("no package in /w/Cargo.toml"));
    }
}
