//! Python: the project and the SDK are put into an interpreter that is a component.

use super::manifest::{Kind, Manifest};
use super::{contract, tool};
use crate::failure::Usage;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// Module that componentize-py starts with: the SDK's classes, under the names of the world.
const ENTRY: &str = "sluicebox_entry";

/// Build; answers the component.
pub fn compile(project: &Manifest) -> Result<PathBuf> {
    let (work, sdk) = (project.work()?, project.sdk()?);
    if !project.folder.join("udf.py").is_file() {
        bail!(Usage(format!(
            "udf.py is missing in {}",
            project.folder.display()
        )));
    }
    let componentize = componentize(project)?;
    let (wit, world) = contract::folder(&work, project.kind)?;
    let entry = work.join("entry");
    std::fs::create_dir_all(&entry)?;
    let text = entry_module(project.kind);
    std::fs::write(entry.join(format!("{ENTRY}.py")), text).context("the module's entry")?;
    let component = work.join("component.wasm");
    let mut command = Command::new(componentize);
    command.current_dir(&project.folder);
    command.arg("-d").arg(&wit).args(["-w", &world]);
    command
        .args(["componentize", ENTRY, "--stub-wasi", "-p"])
        .arg(&entry);
    command
        .arg("-p")
        .arg(&sdk)
        .args(["-p", "."])
        .arg("-o")
        .arg(&component);
    tool::run(
        &mut command,
        "the module can't be put into its interpreter: see above",
    )?;
    Ok(component)
}

/// componentize-py looks for classes of the names of the interfaces that a world exports.
fn entry_module(kind: Kind) -> String {
    let (module, class) = match kind {
        Kind::Filter => ("filter", "Filter"),
        Kind::Map => ("map", "Mapper"),
        Kind::WindowAggregate => ("window_aggregate", "WindowAggregate"),
    };
    format!(
        "\"\"\"Made by `sluicebox build`: the exports of the component.\"\"\"\n\nimport udf  # noqa: F401  (registers)\n\
         from sluicebox_udf.guest.{module} import Lifecycle, {class}  # noqa: F401\n"
    )
}

fn componentize(project: &Manifest) -> Result<PathBuf> {
    let folder = std::path::absolute(&project.folder)?;
    tool::near(&folder, ".venv/bin", "componentize-py").ok_or_else(|| {
        let place = project.folder.display();
        let get = format!("python3 -m venv {place}/.venv && {place}/.venv/bin/pip install -r {place}/requirements.txt");
        tool::missing("`componentize-py`, which the project's requirements.txt names,", &get)
    })
}
