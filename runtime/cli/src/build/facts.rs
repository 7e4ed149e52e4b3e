//! What this machine has to build Wasm with. Asks compilers about themselves, starts nothing else, writes nothing.

use super::toolchain::TARGET;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What was found.
#[derive(Debug, Default)]
pub struct Facts {
    /// Compilers that answer, the project's default first.
    pub compilers: Vec<Compiler>,
    /// A linker for Wasm on the PATH.
    pub wasm_ld: Option<PathBuf>,
}

/// A Rust compiler.
#[derive(Debug)]
pub struct Compiler {
    /// How to call it.
    pub rustc: PathBuf,
    /// The target's standard library is installed.
    pub has_target: bool,
    /// The standard library's source is installed.
    pub has_source: bool,
    /// It brings a linker that can link Wasm.
    pub has_linker: bool,
}

/// Names under which LLVM's linker may be installed, newest first.
const LINKERS: [&str; 9] = [
    "wasm-ld",
    "wasm-ld-22",
    "wasm-ld-21",
    "wasm-ld-20",
    "wasm-ld-19",
    "wasm-ld-18",
    "wasm-ld-16",
    "wasm-ld-15",
    "wasm-ld-14",
];

/// Look for compilers as cargo would in `project` (whose rust-toolchain.toml counts), then for the system's.
pub fn gather(project: &Path) -> Facts {
    let default = std::env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from);
    let mut facts = Facts {
        compilers: Vec::new(),
        wasm_ld: LINKERS.iter().find_map(|name| on_path(name)),
    };
    let mut sysroots = Vec::new();
    for rustc in [default, "/usr/bin/rustc".into()] {
        let Some(sysroot) = ask(&rustc, project, &["--print", "sysroot"]) else {
            continue;
        };
        if !sysroots.contains(&sysroot) {
            facts
                .compilers
                .push(compiler(rustc, project, Path::new(&sysroot)));
            sysroots.push(sysroot);
        }
    }
    facts
}

fn compiler(rustc: PathBuf, project: &Path, sysroot: &Path) -> Compiler {
    let target = ask(
        &rustc,
        project,
        &["--print", "target-libdir", "--target", TARGET],
    );
    let host = ask(&rustc, project, &["--print", "target-libdir"]);
    let tools = host.map(|libdir| Path::new(&libdir).with_file_name("bin"));
    Compiler {
        has_target: target.is_some_and(|libdir| has_std(Path::new(&libdir))),
        has_source: sysroot
            .join("lib/rustlib/src/rust/library/std/Cargo.toml")
            .is_file(),
        has_linker: tools.is_some_and(|tools| tools.join("rust-lld").is_file()),
        rustc,
    }
}

fn has_std(libdir: &Path) -> bool {
    let is_std = |name: &str| name.starts_with("libstd-") && name.ends_with(".rlib");
    std::fs::read_dir(libdir).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_str().is_some_and(is_std))
    })
}

/// The answer's first line, `None` if there is no such program or it refuses.
fn ask(program: &Path, folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| answer.trim().to_owned())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
