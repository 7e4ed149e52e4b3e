//! JavaScript and TypeScript: bundled with the SDK into one file, then put into an engine that is a component.

use super::manifest::{Engine, Kind, Language, Manifest};
use super::{Flags, contract, tool};
use crate::failure::Usage;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Build; answers the component.
pub fn compile(project: &Manifest, flags: &Flags) -> Result<PathBuf> {
    let (work, sdk) = (project.work()?, project.sdk()?);
    let (wit, world) = contract::folder(&work, project.kind)?;
    let bundle = work.join("udf.js");
    bundle_into(&bundle, project, &sdk, flags)?;
    let component = work.join("component.wasm");
    let failed = "the module can't be put into its engine: see above";
    match project.engine {
        Engine::QuickJs => {
            let mut command = script(project, "componentize-qjs")?;
            command.arg("--wit").arg(&wit).args(["--world", &world]);
            command
                .arg("--js")
                .arg(&bundle)
                .args(["--stub-wasi", "--sync"]);
            command.arg("-o").arg(&component);
            tool::run(&mut command, failed)?;
        }
        Engine::StarlingMonkey => {
            let mut command = script(project, "componentize-js")?;
            command
                .arg(&bundle)
                .arg("--wit")
                .arg(&wit)
                .args(["--world-name", &world]);
            // Nothing of WASI: what is left out is not imported.
            for feature in ["stdio", "random", "clocks", "http", "fetch-event"] {
                command.args(["--disable", feature]);
            }
            command.arg("--out").arg(&component);
            tool::run(&mut command, failed)?;
        }
    }
    Ok(component)
}

fn bundle_into(bundle: &Path, project: &Manifest, sdk: &Path, flags: &Flags) -> Result<()> {
    let source = match project.language {
        Language::Ts => "src/udf.ts",
        _ => "src/udf.js",
    };
    let folder = std::path::absolute(&project.folder)?;
    if !folder.join(source).is_file() {
        bail!(Usage(format!(
            "{source} is missing in {}",
            project.folder.display()
        )));
    }
    let entry = bundle.with_file_name("entry.js");
    let text = entry_module(project.kind, &folder.join(source), &sdk.join("src/log.js"));
    std::fs::write(&entry, text).context("the module's entry")?;
    let mut command = script(project, "esbuild")?;
    command.arg(&entry).args([
        "--bundle",
        "--format=esm",
        "--target=es2022",
        "--charset=utf8",
    ]);
    command.args(["--log-level=warning", "--external:sluicebox:*"]);
    command.arg(format!(
        "--alias:sluicebox-udf={}",
        sdk.join("src/index.js").display()
    ));
    command.arg(format!("--outfile={}", bundle.display()));
    if !flags.debug {
        command.arg("--minify-syntax");
    }
    tool::run(&mut command, "the project can't be bundled: see above")
}

/// What the engine starts with: the exports of the world, by their names in JavaScript, and the host's log.
fn entry_module(kind: Kind, udf: &Path, log: &Path) -> String {
    let interface = match kind {
        Kind::Filter => "filter",
        Kind::Map => "mapper",
        Kind::WindowAggregate => "windowAggregate",
    };
    let quoted = |path: &Path| serde_json::json!(path.to_string_lossy()).to_string();
    format!(
        "import {{ log }} from \"sluicebox:udf/log@0.1.0\";\nimport {{ writeTo }} from {};\nimport udf from {};\n\n\
         writeTo(log);\n\nexport const {{ lifecycle, {interface} }} = udf;\n",
        quoted(log),
        quoted(udf)
    )
}

/// A program that the project's package.json pins.
fn script(project: &Manifest, name: &str) -> Result<Command> {
    let folder = std::path::absolute(&project.folder)?;
    let Some(file) = tool::near(&folder, "node_modules/.bin", name) else {
        let get = match tool::on_path("npm") {
            Some(_) => format!("npm install --prefix {}", project.folder.display()),
            None => {
                "get Node.js 20 or later with its npm from https://nodejs.org, then: npm install"
                    .to_owned()
            }
        };
        return Err(tool::missing(
            &format!("`{name}`, which the project's package.json names,"),
            &get,
        ));
    };
    let mut command = Command::new(file);
    command.current_dir(&folder);
    Ok(command)
}
