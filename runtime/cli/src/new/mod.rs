//! `sluicebox new`: a small project with a UDF, data for its test, and the SDK that it is built with.

mod language;
mod sdk;

use crate::build::manifest::Kind;
use crate::failure::Usage;
use crate::output::print;
use anyhow::{Context, Result, bail};
use language::Language;
use sluicebox_core::spec::name_problem;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Make a project: a UDF that works, tests, and a README.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  sluicebox new large-orders                             a filter in Rust, in ./large-orders
  sluicebox new large-orders --lang go                   the same in Go
  sluicebox new spend --kind window-aggregate")]
pub struct Args {
    /// Name of the module, and of the folder that is made for it
    #[arg(value_name = "NAME")]
    name: String,
    /// Language to write it in
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    /// What it does with records
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// Folder to make the project's folder in
    #[arg(long, default_value = ".", value_name = "DIR")]
    within: PathBuf,
}

/// Make it.
pub fn run(args: Args) -> Result<()> {
    if let Some(help) = name_problem(&args.name) {
        bail!(Usage(format!(
            "`{}` is no name of a module: {help}",
            args.name
        )));
    }
    let folder = match args.within == Path::new(".") {
        true => PathBuf::from(&args.name),
        false => args.within.join(&args.name),
    };
    make_folder(&folder)?;
    for (path, text) in args.lang.files(&args.name, args.kind) {
        write(&folder.join(path), &text)?;
    }
    write(&folder.join("tests/orders.jsonl"), case(args.kind))?;
    let (name, shown) = (&args.name, folder.display());
    let setup = args
        .lang
        .setup()
        .iter()
        .map(|command| format!("  {command}\n"));
    print(&format!(
        "made {shown}: {} in {}\n\nnext:\n  cd {shown}\n{}  sluicebox test\n  sluicebox push {name}.wasm\n",
        words(args.kind),
        args.lang.words(),
        setup.collect::<String>(),
    ))
}

/// What was there before stays as it is.
fn make_folder(folder: &Path) -> Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(Usage(format!(
            "`{}` is there already: take another name, or move it away",
            folder.display()
        ))),
        Err(error) => Err(error).with_context(|| format!("can't make `{}`", folder.display())),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let what = || format!("can't write `{}`", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(what)?;
    }
    fs::write(path, text).with_context(what)
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Filter => "a filter",
        Kind::Map => "a map",
        Kind::WindowAggregate => "a window-aggregate",
    }
}

/// Orders, and what becomes of them.
fn case(kind: Kind) -> &'static str {
    match kind {
        Kind::Filter => include_str!("../../templates/filter.jsonl"),
        Kind::Map => include_str!("../../templates/map.jsonl"),
        Kind::WindowAggregate => include_str!("../../templates/window-aggregate.jsonl"),
    }
}

/// The operator in a job's spec.
fn operator(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Filter => format!("filter: {{ module: {name}@1, config: {{ minimum: 1000 }} }}"),
        Kind::Map => format!("map: {{ module: {name}@1, config: {{ large: 1000 }} }}"),
        Kind::WindowAggregate => {
            format!("window-aggregate: {{ module: {name}@1, window: {{ tumbling: 1m }} }}")
        }
    }
}
