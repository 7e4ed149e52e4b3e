//! Programs of others that a build calls: found, or named with the command that gets them.

use crate::failure::{Usage, advised};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program on the PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// A program that a project has in a place of its own, it or a folder around it; else one on the PATH.
pub fn near(project: &Path, place: &str, name: &str) -> Option<PathBuf> {
    let mut places = project
        .ancestors()
        .map(|folder| folder.join(place).join(name));
    places.find(|file| file.is_file()).or_else(|| on_path(name))
}

/// What is missing, and how to get it.
pub fn missing(what: &str, get: &str) -> anyhow::Error {
    advised(Usage(format!("{what} is missing")), get)
}

/// Run it; what it says goes to standard error. It has said itself why it failed; `failed` says what that means.
pub fn run(command: &mut Command, failed: &str) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => bail!(Usage(format!("`{program}` can't be started: {error}"))),
    };
    if output.status.success() {
        return Ok(());
    }
    // Some compilers say on standard output what is wrong.
    eprint!("{}", String::from_utf8_lossy(&output.stdout));
    bail!(Usage(failed.to_owned()))
}

/// What it prints when it is asked; nothing where it can't be.
pub fn ask(program: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
