//! Toolchains of the languages that UDFs are written in, and the example modules in them. (Rust's are `builds`'.)

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{output, program, run, say};
use crate::packages;
use crate::paths::Paths;
use crate::python::{self, Requirements};

const LANGUAGES: [&str; 6] = ["c", "cpp", "go", "js", "ts", "python"];
const EXAMPLES: [&str; 3] = ["orders-valid", "orders-enrich", "spend-per-user"];
const REQUIREMENTS: &[Requirements] = &[("tests/languages/requirements.txt", &[])];
const NPM_PACKAGES: &str = "tests/languages/package.json";
/// As `sluicebox build` wants it.
const GO_MINOR_MIN: u32 = 24;

/// Where the tools are, in front of everything else on the PATH.
pub struct Tools {
    path: OsString,
    python: PathBuf,
}

impl Tools {
    /// For a command that may build modules.
    pub fn on<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("PATH", &self.path)
    }
}

/// Install what is missing.
pub fn ensure(paths: &Paths) -> Result<Tools> {
    packages::ensure(packages::LANGUAGES)?;
    go()?;
    let node = npm(paths)?;
    let what = "the compilers of modules in Python and Zig";
    let python = python::environment(paths, "languages", what, REQUIREMENTS)?;
    let mut folders = vec![node];
    folders.extend(python.parent().map(Path::to_owned));
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).context("a folder of the tools can't be on a PATH")?;
    Ok(Tools { path, python })
}

/// No package of Debian is new enough.
fn go() -> Result<()> {
    let (_, version) = output(Command::new("go").args(["env", "GOVERSION"]));
    let minor = version.trim().strip_prefix("go1.").and_then(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u32>().ok()
    });
    match minor {
        Some(minor) if minor >= GO_MINOR_MIN => Ok(()),
        _ => bail!(
            "install Go 1.{GO_MINOR_MIN} or later from https://go.dev/dl, then run this again"
        ),
    }
}

/// Node.js's packages, in a folder of their own; made anew when others are asked for. Answers the folder of their programs.
fn npm(paths: &Paths) -> Result<PathBuf> {
    let folder = paths.cache.join("tools/js");
    let (programs, done) = (folder.join("node_modules/.bin"), folder.join("installed"));
    let wanted = fs::read_to_string(paths.root.join(NPM_PACKAGES))?;
    if fs::read_to_string(&done).is_ok_and(|there| there == wanted) {
        return Ok(programs);
    }
    say("installing the compilers of modules in JavaScript (once, half a minute)");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("package.json"), &wanted)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-package-lock"]);
    run(npm.arg("--loglevel=error").current_dir(&folder))?;
    fs::write(done, wanted)?;
    Ok(programs)
}

/// The examples in every language, each in the folder of its language.
pub fn modules(paths: &Paths, tools: &Tools) -> Result<()> {
    say("building the examples in C, C++, Go, JavaScript, TypeScript, Python and Zig");
    for language in LANGUAGES {
        let out = paths.guests().join(language);
        for example in EXAMPLES {
            let mut command = program(paths, paths.binary("sluicebox"));
            command
                .arg("build")
                .arg(format!("example-udfs/{language}/{example}"));
            run(tools.on(command.arg("--out").arg(&out)))?;
        }
    }
    zig(paths, tools)
}

/// By hand, as docs/sdk-for-another-language.md says.
fn zig(paths: &Paths, tools: &Tools) -> Result<()> {
    let out = paths.guests().join("zig");
    fs::create_dir_all(&out)?;
    let core = out.join("core.wasm");
    let mut command = Command::new(&tools.python);
    command.args(["-m", "ziglang", "build-exe", "src/orders_valid.zig"]);
    command.args(["-target", "wasm32-freestanding", "-O", "ReleaseFast"]);
    command.args(["-fno-entry", "-rdynamic", "-fstrip", "--stack", "262144"]);
    command.arg(format!("-femit-bin={}", core.display()));
    let cache = paths.target.join("zig-cache");
    command.arg("--cache-dir").arg(&cache);
    command.arg("--global-cache-dir").arg(&cache);
    run(command.current_dir(paths.root.join("example-udfs/zig/orders-valid")))?;
    let mut command = program(paths, paths.binary("sluicebox"));
    command
        .arg("build")
        .arg(&core)
        .args(["--kind", "filter", "--out"]);
    run(command.arg(out.join("orders-valid.wasm")))?;
    fs::remove_file(core).context("the core module in Zig")
}
