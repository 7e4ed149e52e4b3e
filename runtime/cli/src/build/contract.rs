//! From the core module of a language that knows nothing of components: the contract's types are put beside it, and the adapter under what it wants
//! of an operating system.

use super::manifest::Kind;
use anyhow::{Context, Result, anyhow};
use std::path::{Path, PathBuf};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The contract.
const WIT: &str = include_str!("../../../../wit/udf.wit");
/// WASI preview 1 without a world around it.
const ADAPTER: &str = include_str!("../../../../sdk/adapter/preview1.wat");
/// What the adapter imports.
const ADAPTER_WORLD: &str =
    "package sluicebox:adapter; world adapter { import sluicebox:udf/log@0.1.0; }";
const FORMAT: &str = "sluicebox:udf/accumulator-format@0.1.0#format";
const PREVIEW1: &str = "wasi_snapshot_preview1";

/// For tools that read it themselves: its folder, written below `work`, and the name of a kind's world in it.
pub fn folder(work: &Path, kind: Kind) -> Result<(PathBuf, String)> {
    let folder = work.join("wit");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("udf.wit"), WIT).context("the contract")?;
    Ok((folder, format!("sluicebox:udf/{}@0.1.0", kind.world())))
}

/// Encode and validate.
pub fn component(core: &[u8], kind: Kind) -> Result<Vec<u8>> {
    let mut module = core.to_vec();
    embed(&mut module, None, world(core, kind)?)?;
    let encoder = ComponentEncoder::default().validate(true);
    let encoder = encoder
        .module(&module)
        .and_then(|encoder| encoder.adapter(PREVIEW1, &adapter()?));
    let component = encoder.and_then(|mut encoder| encoder.encode());
    component
        .map_err(|error| anyhow!("the compiled module can't be encoded as a component: {error:#}"))
}

/// The world of a kind; of an aggregate the one with formats if the module has them.
fn world(core: &[u8], kind: Kind) -> Result<&'static str> {
    let versioned = || -> Result<bool> {
        for payload in wasmparser::Parser::new(0).parse_all(core) {
            if let wasmparser::Payload::ExportSection(exports) = payload? {
                for export in exports {
                    if export?.name == FORMAT {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    };
    match kind == Kind::WindowAggregate && versioned().context("the compiled module")? {
        true => Ok("versioned-window-aggregate-udf"),
        false => Ok(kind.world()),
    }
}

/// The adapter, with the types of what it imports.
fn adapter() -> Result<Vec<u8>> {
    let mut adapter = wat::parse_str(ADAPTER).context("the adapter")?;
    embed(&mut adapter, Some(ADAPTER_WORLD), "adapter")?;
    Ok(adapter)
}

/// Put a world's types into a core module.
fn embed(module: &mut Vec<u8>, more: Option<&str>, world: &str) -> Result<()> {
    let mut resolve = Resolve::default();
    let mut package = resolve.push_str("udf.wit", WIT)?;
    if let Some(more) = more {
        package = resolve.push_str("world.wit", more)?;
    }
    let world = resolve.select_world(&[package], Some(world))?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
}
