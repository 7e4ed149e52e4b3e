//! `sluicebox build`: a project to the component that `push`, `run` and `inspect` take. It uses the toolchain that is there, fetches none, and
//! where none fits says which commands would get one.

mod c;
mod cargo;
mod contract;
mod encode;
mod facts;
mod go;
mod js;
pub mod manifest;
mod project;
mod python;
mod tool;
mod toolchain;

use crate::failure::Usage;
use crate::output::{Format, print, print_json};
use anyhow::{Context, Result, bail};
use manifest::{Kind, Language, Manifest};
use sluicebox_wasm::Inspection;
use std::path::{Path, PathBuf};

/// Compile UDFs to Wasm components.
///
/// Takes the folder of a project as `sluicebox new` makes it, in any of its languages (sluicebox.yaml says which), or of a Cargo project. A
/// Cargo workspace is built whole: each member that is a `cdylib` becomes NAME.wasm. Of a language that sluicebox has no SDK for it takes the core
/// module that its compiler made, and the kind.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  sluicebox build                              the project in this folder, to ./NAME.wasm
  sluicebox build orders-valid --out v2.wasm
  sluicebox build example-udfs --out modules   all of a workspace, into a folder
  sluicebox build core.wasm --kind filter --out udf.wasm")]
pub struct Args {
    /// Folder of the project (or its sluicebox.yaml or Cargo.toml)
    #[arg(default_value = ".", value_name = "PROJECT")]
    pub project: PathBuf,
    /// File to write if its name ends in .wasm (one module only), else the folder to write NAME.wasm into
    #[arg(long, short, default_value = ".", value_name = "FILE|DIR")]
    pub out: PathBuf,
    /// Of a core module: what it exports
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
    /// Build only this member of a Cargo workspace (may be repeated)
    #[arg(long, short, value_name = "NAME")]
    pub package: Vec<String>,
    #[command(flatten)]
    pub flags: Flags,
    /// How to print what was built
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// How to build.
#[derive(clap::Args, Clone, Debug)]
pub struct Flags {
    /// Go, C, C++: keep names and line numbers, and optimise less; JavaScript: keep the code as written
    #[arg(long)]
    pub debug: bool,
    /// Rust: Cargo's target folder; the project's own by default
    #[arg(long, value_name = "DIR")]
    pub target_dir: Option<PathBuf>,
    /// Take libraries only from what was downloaded before
    #[arg(long)]
    pub offline: bool,
    /// Rust: which compiler to use
    #[arg(long, value_enum, default_value_t)]
    pub toolchain: toolchain::Choice,
}

/// A module that was built.
#[derive(Debug, serde::Serialize)]
pub struct Built {
    /// The package's name.
    pub name: String,
    /// Where the component is.
    pub path: PathBuf,
    /// What is in it.
    #[serde(flatten)]
    pub inspection: Option<Inspection>,
    /// Why a host would refuse it, if one would (under the default limits).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Build and print what came out.
pub fn run(args: Args) -> Result<()> {
    let built = build(&args)?;
    for module in &built {
        if let Some(refused) = &module.refused {
            let warning = crate::output::stderr_paint().warn("warning:");
            eprintln!("{warning} a host would refuse {}: {refused}", module.name);
        }
    }
    match args.output {
        Format::Json => print_json(&built),
        Format::Text => print(&built.iter().map(line).collect::<String>()),
    }
}

/// Build the only module of a project into its folder, as `build` there does. Answers its path.
pub fn for_test(project: &Path, flags: &Flags) -> Result<PathBuf> {
    let out = match project.is_dir() {
        true => project,
        false => project.parent().unwrap_or(Path::new("")),
    };
    let built = build(&Args {
        project: project.to_owned(),
        out: out.to_owned(),
        kind: None,
        package: Vec::new(),
        flags: flags.clone(),
        output: Format::Text,
    })?;
    match built.as_slice() {
        [only] => Ok(only.path.clone()),
        _ => bail!(Usage(format!(
            "{} has {} modules: name the folder of one of them",
            project.display(),
            built.len()
        ))),
    }
}

/// Build without printing more than compilers do (to standard error).
pub fn build(args: &Args) -> Result<Vec<Built>> {
    if args.project.is_file() && is_wasm(&args.project) {
        return Ok(vec![core_module(args)?]);
    }
    if args.kind.is_some() {
        bail!(Usage(
            "`--kind` is for a core module (.wasm): a project says itself what it is".into()
        ));
    }
    if let Some(project) = Manifest::find(&args.project)? {
        return Ok(vec![other(&project, args)?]);
    }
    let project = project::Project::read(&args.project, args.flags.offline)?;
    let packages = project.modules(&args.package)?;
    let out = Out::new(&args.out, packages.len())?;
    let toolchain = toolchain::choose(args.flags.toolchain, &facts::gather(&project.folder))?;
    let options = cargo::Options {
        target_dir: args.flags.target_dir.as_deref(),
        offline: args.flags.offline,
    };
    let compiled = cargo::compile(&project, &packages, &toolchain, options)?;
    compiled
        .into_iter()
        .map(|(name, core)| finish(&name, &core, &out.of(&name)))
        .collect()
}

/// What the compiler of some language made.
fn core_module(args: &Args) -> Result<Built> {
    let Some(kind) = args.kind else {
        bail!(Usage(format!(
            "say by `--kind` what {} exports",
            args.project.display()
        )));
    };
    let core = read(&args.project)?;
    if !wasmparser::Parser::is_core_wasm(&core) {
        bail!(Usage(format!(
            "{} is not a core module of WebAssembly: a component needs no building",
            args.project.display()
        )));
    }
    let name = args.project.file_stem().unwrap_or_default();
    let name = name.to_string_lossy();
    let path = Out::new(&args.out, 1)?.of(&name);
    if path.exists() && std::fs::canonicalize(&path)? == std::fs::canonicalize(&args.project)? {
        bail!(Usage(format!(
            "the component would take the place of {}: give `--out` another name",
            path.display()
        )));
    }
    look_and_write(&name, &contract::component(&core, kind)?, &path)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading {}", path.display()))
}

fn is_wasm(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "wasm")
}

/// A project in another language than Rust.
fn other(project: &Manifest, args: &Args) -> Result<Built> {
    let path = Out::new(&args.out, 1)?.of(&project.module);
    let flags = &args.flags;
    let component = match project.language {
        Language::Go => contract::component(&read(&go::compile(project, flags)?)?, project.kind)?,
        Language::C | Language::Cpp => {
            contract::component(&read(&c::compile(project, flags)?)?, project.kind)?
        }
        Language::Js | Language::Ts => read(&js::compile(project, flags)?)?,
        Language::Python => read(&python::compile(project)?)?,
    };
    look_and_write(&project.module, &component, &path)
}

/// Encode, look at it as a host will, and write one module. What a host would refuse is written none the less: limits
/// are a host's to set, and its tests need something to refuse.
fn finish(name: &str, core: &Path, path: &Path) -> Result<Built> {
    let component = encode::component(&read(core)?).with_context(|| name.to_owned())?;
    look_and_write(name, &component, path)
}

fn look_and_write(name: &str, component: &[u8], path: &Path) -> Result<Built> {
    write(path, component)?;
    let (inspection, refused) = match sluicebox_wasm::inspect(component) {
        Ok(inspection) => (Some(inspection), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(Built {
        name: name.to_owned(),
        path: path.to_owned(),
        inspection,
        refused,
    })
}

/// Whole or not at all: a host may be reading the old one.
fn write(path: &Path, component: &[u8]) -> Result<()> {
    let partial = path.with_extension("wasm.partial");
    std::fs::write(&partial, component)
        .and_then(|()| std::fs::rename(&partial, path))
        .with_context(|| format!("writing {}", path.display()))
}

/// Where components go.
enum Out {
    File(PathBuf),
    Folder(PathBuf),
}

impl Out {
    fn new(path: &Path, modules: usize) -> Result<Self> {
        let is_file = is_wasm(path) && !path.is_dir();
        if is_file && modules > 1 {
            bail!(Usage(format!(
                "{modules} modules don't fit in one file: give `--out` a folder, or choose one with `--package`"
            )));
        }
        let folder = if is_file { path.parent() } else { Some(path) };
        if let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("creating {}", folder.display()))?;
        }
        Ok(if is_file {
            Self::File(path.into())
        } else {
            Self::Folder(path.into())
        })
    }

    fn of(&self, name: &str) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Folder(folder) => folder.join(format!("{name}.wasm")),
        }
    }
}

fn line(built: &Built) -> String {
    let path = built.path.display();
    match &built.inspection {
        Some(module) => {
            let size_kib = module.size_bytes.div_ceil(1024);
            format!("{path}  {size_kib} KiB  {}\n", module.exports)
        }
        None => format!("{path}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_is_a_file_only_with_its_extension_and_for_one_module() {
        let dir = std::env::temp_dir().join(format!("sluicebox-out-{}", std::process::id()));
        let file = dir.join("m.wasm");
        assert_eq!(Out::new(&file, 1).unwrap().of("x"), file);
        assert!(
            Out::new(&file, 2)
                .err()
                .unwrap()
                .to_string()
                .contains("--package")
        );
        assert_eq!(
            Out::new(&dir.join("all"), 2).unwrap().of("x"),
            dir.join("all/x.wasm")
        );
        std::fs::remove_dir_all(dir).unwrap();
    }
}
