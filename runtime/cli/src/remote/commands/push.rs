//! `sluicebox push`: a module to a host. Pushing the same bytes again changes nothing, so scripts need not look first.

use super::super::HostArgs;
use super::super::answers::ModuleVersion;
use super::super::names::{name, of_file};
use super::super::text::harmless;
use crate::failure::{Usage, advised};
use crate::output::Format;
use anyhow::Result;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  sluicebox push orders_valid.wasm                 # as `orders-valid`, with the next version
  sluicebox push build/out.wasm --name orders-valid --version 7
  sluicebox push orders_valid.wasm --output json | jq -r .digest

The same bytes pushed again keep their version.";

/// Arguments of `push`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The module (see `sluicebox build`)
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// What to call it; else it is called as its file
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Which version it is to be; else the next one
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// Accept a module that asks for more than the version before it does
    #[arg(long)]
    allow_new_imports: bool,
    #[command(flatten)]
    host: HostArgs,
    /// How to print what it is
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Push and print.
pub fn run(args: Args) -> Result<()> {
    let module = match &args.name {
        Some(module) => name("module", module)?.to_owned(),
        None => of_file(&args.file)?,
    };
    let bytes = std::fs::read(&args.file).map_err(|error| {
        advised(
            Usage(format!(
                "can't read the module {}: {error}",
                args.file.display()
            )),
            "name a module's file; `sluicebox build` makes one",
        )
    })?;
    let client = args.host.connect()?;
    let mut path = client.of_tenant(&format!("/modules/{module}"))?;
    path.push_str(&format!("?allow_new_imports={}", args.allow_new_imports));
    if let Some(version) = args.version {
        path.push_str(&format!("&version={version}"));
    }
    let tenant = client.tenant()?.to_owned();
    let answer = client.put(&path, "application/wasm", &bytes)?;
    answer.print(args.output, |version| text(&tenant, &version))
}

fn text(tenant: &str, module: &ModuleVersion) -> String {
    harmless(&format!(
        "{tenant}/{}@{} sha256:{}\n",
        module.name, module.version, module.digest
    ))
}
