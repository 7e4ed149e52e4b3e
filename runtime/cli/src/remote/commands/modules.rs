//! `sluicebox modules`: what was pushed to a host.

use super::super::HostArgs;
use super::super::answers::{Module, ModuleVersion};
use super::super::names::{name, version};
use super::super::text::{columns, harmless, list, short, time};
use crate::output::{Format, print};
use anyhow::{Context, Result};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  sluicebox modules list
  sluicebox modules show orders-valid
  sluicebox modules pull orders-valid@3 -o orders-valid.wasm
  sluicebox modules delete orders-valid@3";

/// Arguments of `modules`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    host: HostArgs,
    /// How to print it
    #[arg(long, global = true, value_enum, default_value_t)]
    output: Format,
}

/// What to do.
#[derive(clap::Subcommand)]
enum What {
    /// List the modules
    List,
    /// Show the versions of a module
    Show {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Fetch a version
    Pull {
        /// Which
        #[arg(value_name = "NAME@VERSION")]
        version: String,
        /// Where to
        #[arg(short = 'o', long = "file", value_name = "FILE")]
        file: PathBuf,
    },
    /// Delete a version that no job needs; its number is not given again
    Delete {
        /// Which
        #[arg(value_name = "NAME@VERSION")]
        version: String,
    },
}

/// Do it.
pub fn run(args: Args) -> Result<()> {
    let client = args.host.connect()?;
    match args.what {
        What::List => {
            let answer = client.get(&client.of_tenant("/modules")?)?;
            answer.print(args.output, |modules: Vec<Module>| listed(&modules))
        }
        What::Show { name: module } => {
            let path = format!("/modules/{}", name("module", &module)?);
            let answer = client.get(&client.of_tenant(&path)?)?;
            answer.print(args.output, |module| shown(&module))
        }
        What::Pull {
            version: wanted,
            file,
        } => {
            let wanted = version(&wanted)?;
            let path = format!("/modules/{}/{}/content", wanted.name, wanted.version);
            let bytes = client.bytes(&client.of_tenant(&path)?)?;
            std::fs::write(&file, &bytes)
                .with_context(|| format!("can't write {}", file.display()))?;
            print(&format!("{}: {} bytes\n", file.display(), bytes.len()))
        }
        What::Delete { version: wanted } => {
            let wanted = version(&wanted)?;
            let path = format!("/modules/{}/{}", wanted.name, wanted.version);
            client.delete(&client.of_tenant(&path)?)?;
            print(&format!("deleted {}@{}\n", wanted.name, wanted.version))
        }
    }
}

fn listed(modules: &[Module]) -> String {
    if modules.is_empty() {
        return "no modules yet: `sluicebox push FILE.wasm`\n".to_owned();
    }
    let row = |module: &Module| {
        let newest = module.versions.first();
        let of_newest = |text: fn(&ModuleVersion) -> String| newest.map(text).unwrap_or_default();
        vec![
            module.name.clone(),
            of_newest(|v| v.version.to_string()),
            module.versions.len().to_string(),
            of_newest(|v| short(&v.digest).to_owned()),
            of_newest(|v| time(v.pushed_ms)),
        ]
    };
    let rows: Vec<_> = modules.iter().map(row).collect();
    columns(&["module", "newest", "versions", "sha256", "pushed"], &rows)
}

fn shown(module: &Module) -> String {
    let version = |version: &ModuleVersion| {
        format!(
            "{}@{}\n  digest   sha256:{}\n  size     {} bytes\n  exports  {}\n  imports  {}\n  pushed   {} by {}\n",
            version.name,
            version.version,
            version.digest,
            version.size_bytes,
            list(&version.exports, "none"),
            list(&version.imports, "none"),
            time(version.pushed_ms),
            version.pushed_by,
        )
    };
    harmless(&module.versions.iter().map(version).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_listed_and_shown() {
        let version = |version| ModuleVersion {
            name: "valid".to_owned(),
            version,
            digest: "0123456789abcdef".repeat(4),
            size_bytes: 4_711,
            exports: vec!["sluicebox:udf/filter".to_owned()],
            imports: Vec::new(),
            pushed_ms: 1_767_225_600_000,
            pushed_by: "abcdefghij".to_owned(),
        };
        let module = Module {
            name: "valid".to_owned(),
            versions: vec![version(12), version(3)],
        };
        insta::assert_snapshot!(shown(&module), @r"
        valid@12
          digest   sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
          size     4711 bytes
          exports  sluicebox:udf/filter
          imports  none
          pushed   2026-01-01T00:00:00Z by abcdefghij
        valid@3
          digest   sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
          size     4711 bytes
          exports  sluicebox:udf/filter
          imports  none
          pushed   2026-01-01T00:00:00Z by abcdefghij
        ");
        insta::assert_snapshot!(listed(&[module]), @r"
        module  newest  versions  sha256        pushed
        valid   12      2         0123456789ab  2026-01-01T00:00:00Z
        ");
        insta::assert_snapshot!(listed(&[]), @"no modules yet: `sluicebox push FILE.wasm`");
    }
}
