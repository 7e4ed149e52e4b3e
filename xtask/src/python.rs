//! Virtual environments of Python packages: tools that this project uses and does not keep.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{program, run, say};
use crate::paths::Paths;

/// A file of requirements, by its place in the repository, and further arguments for its installation.
pub type Requirements = (&'static str, &'static [&'static str]);

/// An environment with exactly these packages; made anew when others are asked for. Answers its Python.
pub fn environment(
    paths: &Paths,
    name: &str,
    what: &str,
    requirements: &[Requirements],
) -> Result<PathBuf> {
    let folder = paths.cache.join("tools").join(name);
    let (python, done) = (folder.join("bin/python"), folder.join("requirements"));
    let mut wanted = String::new();
    for (file, _) in requirements {
        wanted += &fs::read_to_string(paths.root.join(file))?;
    }
    if fs::read_to_string(&done).is_ok_and(|there| there == wanted) && python.is_file() {
        return Ok(python);
    }
    say(&format!("installing {what} (once, half a minute)"));
    let mut venv = Command::new("python3");
    run(venv.args(["-m", "venv", "--clear"]).arg(&folder))?;
    for (file, how) in requirements {
        let mut pip = program(paths, &python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        pip.args(*how).args(["-r", file]);
        run(&mut pip).with_context(|| format!("{what} does not install"))?;
    }
    fs::write(done, wanted)?;
    Ok(python)
}
