//! Whether the files of `deploy/` are valid: by the validators of those who read them, never by looks. What they pass is
//! also broken on purpose, and then has to be refused.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{output, program, run};
use crate::packages;
use crate::paths::Paths;
use crate::python::{self, Requirements};

/// Of the validators: those with what they need, and those without.
const REQUIREMENTS: &[Requirements] = &[
    ("deploy/check/requirements.txt", &[]),
    ("deploy/check/requirements-alone.txt", &["--no-deps"]),
];
const UNIT: &str = "deploy/sluicebox.service";
/// What the unit starts is not on every machine that checks it.
const UNIT_PROGRAM: &str = "/usr/local/bin/sluicebox";
const ANY_PROGRAM: &str = "/bin/true";
/// Ways in which a unit is broken, and what is put in their place.
const UNIT_BREAKAGES: &[(&str, &str)] = &[
    ("NoNewPrivileges=", "NoNewPrivilege="),
    ("ProtectSystem=strict", "ProtectSystem=strictly"),
    ("TimeoutStopSec=90", "TimeoutStopSec=long"),
];

/// Check manifests, compose file, Dockerfile and unit.
pub fn check(paths: &Paths) -> Result<()> {
    packages::ensure(packages::DEPLOY)?;
    let what = "the validators of deploy/";
    let python = python::environment(paths, "validators", what, REQUIREMENTS)?;
    run(program(paths, &python).args(["-I", "deploy/check/check.py", "deploy"]))?;
    unit(paths)?;
    let read = |name: &str| fs::read_to_string(paths.root.join(name)).context(name.to_owned());
    let wrong = image(&read("deploy/Dockerfile")?, &read("Cargo.toml")?);
    match wrong.is_empty() {
        true => Ok(()),
        false => bail!("deploy/Dockerfile: {}", wrong.join("; ")),
    }
}

/// The systemd unit.
fn unit(paths: &Paths) -> Result<()> {
    let text = fs::read_to_string(paths.root.join(UNIT))?;
    let text = text.replace(UNIT_PROGRAM, ANY_PROGRAM);
    let folder = paths.cache.join("tools");
    let complaints = |text: &str| -> Result<String> {
        let place = folder.join("sluicebox.service");
        fs::write(&place, text)?;
        let (ok, said) = output(Command::new("systemd-analyze").arg("verify").arg(&place));
        // Unknown keys are only warnings to it. What it says of other units of this machine is not ours.
        let ours: Vec<&str> = said.lines().filter(|l| l.contains("sluicebox")).collect();
        Ok(match (ok, ours.as_slice()) {
            (false, []) => said,
            (_, ours) => ours.join("\n"),
        })
    };
    let wrong = complaints(&text)?;
    if !wrong.is_empty() {
        bail!("{UNIT}: {wrong}");
    }
    for (good, bad) in UNIT_BREAKAGES {
        if !text.contains(good) || complaints(&text.replace(good, bad))?.is_empty() {
            bail!("{UNIT}: with {bad} it was not refused, so the check is worth nothing");
        }
    }
    Ok(())
}

/// What no linter knows of the image: the compiler and the packages that this project is built with.
fn image(dockerfile: &str, manifest: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .map_or("?", |version| version.trim_matches('"'));
    if !dockerfile.contains(&format!("FROM rust:{version}-")) {
        wrong.push(format!(
            "it is not built with Rust {version}, as Cargo.toml wants"
        ));
    }
    let words: Vec<&str> = dockerfile.split_whitespace().collect();
    let missing = packages::BUILD.iter().filter(|name| !words.contains(name));
    wrong.extend(missing.map(|name| format!("it is built without {name}")));
    let user = dockerfile.lines().rfind(|line| line.starts_with("USER "));
    if !user
        .is_some_and(|user| user["USER ".len()..].starts_with(|c: char| ('1'..='9').contains(&c)))
    {
        wrong.push("it does not end as a user by number that is not root".to_owned());
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::image;

    const MANIFEST: &str = "[workspace.package]\nrust-version = \"1.95\"\n";

    #[test]
    fn an_image_is_built_as_the_project_is() {
        let good = "FROM rust:1.95-bookworm AS build\nRUN apt-get install build-essential pkg-config libssl-dev clang libclang-dev \\\n\
            \nUSER 10001:10001\n";
        assert_eq!(image(good, MANIFEST), Vec::<String>::new());
        for (part, worse) in [
            ("rust:1.95", "rust:1.80"),
            (" libclang-dev", ""),
            ("USER 10001", "USER 0"),
            ("USER 10001:10001", "USER sluicebox"),
            ("USER 10001:10001", ""),
        ] {
            assert_eq!(
                image(&good.replace(part, worse), MANIFEST).len(),
                1,
                "{worse}"
            );
        }
    }
}
