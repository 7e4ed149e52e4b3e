//! The compiler for modules: rustup's Wasm target, or, where rustup cannot get it, Debian's own compiler with its
//! standard library's source. `sluicebox build` chooses between them; here one is made sure to exist.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{output, say, works};
use crate::packages;

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN: &[&str] = &["rustc-web", "rust-web-src", "cargo-web", "lld"];

/// Make sure that Rust can be compiled to Wasm.
pub fn ensure() -> Result<()> {
    if rustup_target() || debian_compiler() {
        return Ok(());
    }
    say(&format!("adding Rust's target {TARGET}"));
    let (added, why) = output(Command::new("rustup").args(["target", "add", TARGET]));
    if added && rustup_target() {
        return Ok(());
    }
    say(&format!(
        "rustup cannot add it ({}); trying Debian's compiler",
        last_line(&why)
    ));
    packages::install(DEBIAN).with_context(|| {
        format!("there is no compiler to Wasm: `rustup target add {TARGET}` failed, and so did its replacement")
    })
}

/// rustc answers with a folder also for targets that are not installed.
fn rustup_target() -> bool {
    let (ok, folder) =
        output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    ok && std::fs::read_dir(folder.trim()).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
    })
}

fn debian_compiler() -> bool {
    Path::new("/usr/bin/rustc").is_file()
        && works("wasm-ld", &["--version"])
        && works("dpkg", &["-s", "rust-web-src"])
}

fn last_line(text: &str) -> &str {
    text.trim().lines().last().unwrap_or("no reason given")
}
