//! C and C++, by clang with wasi-libc, or by zig, which brings both.

use super::manifest::{Language, Manifest};
use super::{Flags, tool};
use crate::failure::Usage;
use anyhow::{Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Versions of clang that Debian packages with a wasi-libc for them, newest first.
const CLANGS: [&str; 9] = [
    "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16", "clang",
    "clang-15",
];
const GET: &str = "on Debian or Ubuntu: sudo apt-get install clang-22 lld-22 wasi-libc libclang-rt-22-dev-wasm32\n      \
    for C++ also: libc++-22-dev-wasm32 libc++abi-22-dev-wasm32; elsewhere: pip install ziglang==0.17.1, or zig on the PATH";

/// More would be taken from every instance's memory, and none that is honest needs it: 256 KiB.
const STACK: &str = "-Wl,-z,stack-size=262144";

/// Compile; answers the core module.
pub fn compile(project: &Manifest, flags: &Flags) -> Result<PathBuf> {
    let is_cpp = project.language == Language::Cpp;
    let (sdk, work) = (project.sdk()?, project.work()?);
    let sources = sources(&project.folder.join("src"), is_cpp)?;
    let compiler = compiler(is_cpp)?;
    let failed = "the project does not compile: see above";
    let core = work.join("core.wasm");
    let sdk_source = sdk.join("sluicebox.c");

    let mut command = compiler.command(is_cpp);
    command.current_dir(&project.folder);
    if is_cpp {
        // The SDK's own code is C.
        let object = work.join("sluicebox.o");
        let mut first = compiler.command(false);
        first.args(["-std=c17", "-c"]).args(optimised(flags));
        first.arg("-I").arg(&sdk).arg(&sdk_source);
        tool::run(first.arg("-o").arg(&object), failed)?;
        command.args(["-std=c++23", "-fno-exceptions", "-fno-rtti"]);
        command.arg(sdk.join("sluicebox.cpp")).arg(object);
    } else {
        command.arg("-std=c17").arg(sdk_source);
    }
    command.args(["-mexec-model=reactor", "-Wall", "-Wextra", STACK]);
    command.args(optimised(flags)).args(compiler.linking());
    if !flags.debug {
        command.arg("-Wl,--strip-debug");
    }
    command.arg("-I").arg(&sdk).args(sources);
    tool::run(command.arg("-o").arg(&core), failed)?;
    Ok(core)
}

fn optimised(flags: &Flags) -> &'static [&'static str] {
    match flags.debug {
        true => &["-O1", "-g"],
        false => &["-O2"],
    }
}

/// All sources of a folder, in order.
fn sources(folder: &Path, is_cpp: bool) -> Result<Vec<OsString>> {
    let ends = |path: &PathBuf| {
        let extension = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        match is_cpp {
            true => ["cpp", "cc", "cxx"].contains(&extension),
            false => extension == "c",
        }
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(ends).collect();
    found.sort();
    if found.is_empty() {
        let what = if is_cpp { "C++ (.cpp)" } else { "C (.c)" };
        bail!(Usage(format!(
            "there is no source in {what} in {}",
            folder.display()
        )));
    }
    Ok(found
        .into_iter()
        .map(|path| std::path::absolute(&path).unwrap_or(path).into_os_string())
        .collect())
}

/// The target's name today, and where C libraries may still be found under the one from before.
const TARGETS: [&str; 2] = ["wasm32-wasip1", "wasm32-wasi"];

/// What compiles.
enum Compiler {
    /// clang, the linker of its version, and the target that there is a library for.
    Clang(PathBuf, PathBuf, &'static str),
    /// zig, by these words.
    Zig(Vec<OsString>),
}

impl Compiler {
    fn command(&self, is_cpp: bool) -> Command {
        match self {
            Self::Clang(clang, _, target) => {
                let mut command = Command::new(clang);
                if is_cpp {
                    command.arg("--driver-mode=g++");
                }
                command
                    .arg(format!("--target={target}"))
                    .arg("-Wno-deprecated");
                command
            }
            Self::Zig(words) => {
                let mut command = Command::new(&words[0]);
                command
                    .args(&words[1..])
                    .arg(if is_cpp { "c++" } else { "cc" });
                command.args(["--target=wasm32-wasi", "-fno-sanitize=undefined"]);
                command
            }
        }
    }

    /// What only the linking needs. A stack that is first in memory traps when it overflows; zig puts it there anyway, and refuses the word.
    fn linking(&self) -> Vec<OsString> {
        match self {
            Self::Clang(_, linker, _) => {
                let mut flag = OsString::from("-fuse-ld=");
                flag.push(linker);
                vec![flag, "-Wl,--stack-first".into()]
            }
            Self::Zig(_) => Vec::new(),
        }
    }
}

fn compiler(is_cpp: bool) -> Result<Compiler> {
    for name in CLANGS {
        let Some(clang) = tool::on_path(name) else {
            continue;
        };
        let linker = name.replace("clang", "wasm-ld");
        let linker = tool::on_path(&linker).or_else(|| tool::on_path("wasm-ld"));
        let target = TARGETS
            .into_iter()
            .find(|target| has_library(&clang, target, is_cpp));
        if let (Some(linker), Some(target)) = (linker, target) {
            return Ok(Compiler::Clang(clang, linker, target));
        }
    }
    if let Some(zig) = tool::on_path("zig") {
        return Ok(Compiler::Zig(vec![zig.into()]));
    }
    let python = tool::on_path("python3");
    if let Some(python) =
        python.filter(|python| tool::ask(python, &["-m", "ziglang", "version"]).is_some())
    {
        return Ok(Compiler::Zig(
            [python.as_os_str(), "-m".as_ref(), "ziglang".as_ref()]
                .map(OsString::from)
                .to_vec(),
        ));
    }
    let what = if is_cpp {
        "a C++ compiler for Wasm"
    } else {
        "a C compiler for Wasm"
    };
    Err(tool::missing(what, GET))
}

/// Whether clang has what a module is linked with: its own runtime, a C library, and for C++ that library.
fn has_library(clang: &Path, target: &str, is_cpp: bool) -> bool {
    let target = format!("--target={target}");
    let ask = |question: &str| tool::ask(clang, &[&target, "-Wno-deprecated", question]);
    let is_there = |path: Option<String>| {
        path.is_some_and(|p| Path::new(&p).is_absolute() && Path::new(&p).exists())
    };
    is_there(ask("-print-libgcc-file-name"))
        && is_there(ask("-print-file-name=libc.a"))
        && (!is_cpp || is_there(ask("-print-file-name=libc++.a")))
}
