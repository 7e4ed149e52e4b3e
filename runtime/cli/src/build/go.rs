//! Go, by its own compiler.

use super::manifest::Manifest;
use super::{Flags, tool};
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// First version with `go:wasmexport` in libraries.
const MINOR_MIN: u32 = 24;

/// Compile; answers the core module.
pub fn compile(project: &Manifest, flags: &Flags) -> Result<PathBuf> {
    let go = go()?;
    // go.mod names it, and Go's own words for a missing one say less.
    project.sdk()?;
    let core = project.work()?.join("core.wasm");
    let mut command = Command::new(go);
    command
        .current_dir(&project.folder)
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm");
    if flags.offline {
        command.env("GOPROXY", "off");
    }
    command.args(["build", "-buildmode=c-shared", "-trimpath"]);
    if !flags.debug {
        command.arg("-ldflags=-s -w");
    }
    command.arg("-o").arg(&core).arg(".");
    tool::run(&mut command, "the project does not compile: see above")?;
    Ok(core)
}

fn go() -> Result<PathBuf> {
    let get = format!("get version 1.{MINOR_MIN} or later from https://go.dev/dl");
    let go = tool::on_path("go").ok_or_else(|| tool::missing("the Go compiler (`go`)", &get))?;
    let version = tool::ask(&go, &["env", "GOVERSION"]).unwrap_or_default();
    match minor(&version) {
        Some(minor) if minor < MINOR_MIN => {
            Err(tool::missing(&format!("a newer Go than {version}"), &get))
        }
        _ => Ok(go),
    }
}

fn minor(version: &str) -> Option<u32> {
    version
        .strip_prefix("go1.")?
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions_are_read() {
        let read = ["go1.26.8", "go1.24rc1", "devel"].map(super::minor);
        assert_eq!(read, [Some(26), Some(24), None]);
    }
}
