//! `sluicebox new`: a small project with a UDF, data for its test, and the SDK that it is built with.

mod language;
mod sdk;

use crate::failure::Usage;
use crate::output::print;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
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

/// A kind of UDF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Keeps some records
    #[default]
    Filter,
    /// Makes none, one or many records of each
    Map,
    /// Folds the records of each key and window into results
    WindowAggregate,
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
    write(&folder.join("tests/orders.jsonl"), args.kind.case())?;
    let (name, shown) = (&args.name, folder.display());
    let setup = args
        .lang
        .setup()
        .iter()
        .map(|command| format!("  {command}\n"));
    print(&format!(
        "made {shown}: {} in {}\n\nnext:\n  cd {shown}\n{}  sluicebox test\n  sluicebox push {name}.wasm\n",
        args.kind.words(),
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

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Map => "map",
            Self::WindowAggregate => "window-aggregate",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Filter => "a filter",
            Self::Map => "a map",
            Self::WindowAggregate => "a window-aggregate",
        }
    }

    /// Orders, and what becomes of them.
    fn case(self) -> &'static str {
        match self {
            Self::Filter => include_str!("../../templates/filter.jsonl"),
            Self::Map => include_str!("../../templates/map.jsonl"),
            Self::WindowAggregate => include_str!("../../templates/window-aggregate.jsonl"),
        }
    }

    /// The operator in a job's spec.
    fn operator(self, name: &str) -> String {
        match self {
            Self::Filter => format!("filter: {{ module: {name}@1, config: {{ minimum: 1000 }} }}"),
            Self::Map => format!("map: {{ module: {name}@1, config: {{ large: 1000 }} }}"),
            Self::WindowAggregate => {
                format!("window-aggregate: {{ module: {name}@1, window: {{ tumbling: 1m }} }}")
            }
        }
    }
}
