//! `sluicebox inspect`: what is in a component, as a host sees it before it compiles or runs anything of it.

use crate::failure::Usage;
use crate::output::{Format, print, print_json};
use anyhow::{Context, Result};
use sluicebox_wasm::Inspection;
use std::path::PathBuf;

/// Show what a module exports and imports, its size and its memory.
///
/// Fails with the reason if a host would refuse the module.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  sluicebox inspect orders-valid.wasm
  sluicebox inspect orders-valid.wasm --output json")]
pub struct Args {
    /// The component
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// Inspect and print.
pub fn run(args: Args) -> Result<()> {
    let file = args.file.display();
    let bytes = std::fs::read(&args.file).with_context(|| format!("reading {file}"))?;
    let inspection = sluicebox_wasm::inspect(&bytes)
        .map_err(|error| Usage(format!("a host would refuse {file}: {error}")))?;
    match args.output {
        Format::Text => print(&text(&inspection)),
        Format::Json => print_json(&inspection),
    }
}

fn text(module: &Inspection) -> String {
    let list = |items: &[String]| match items {
        [] => "none".to_owned(),
        items => items.join("\n            "),
    };
    format!(
        "kind        {}\ndigest      sha256:{}\nsize        {} bytes, {} of them code in {} functions\nmemory      {} KiB at start\nexports     {}\nimports     {}\n",
        module.exports,
        module.digest,
        module.size_bytes,
        module.code_bytes,
        module.functions,
        module.memory_bytes_min / 1024,
        list(&module.exported),
        list(&module.imports),
    )
}
