//! Which compiler to use: a decision from facts. A Rust with the wasm32 target installed is best; else one whose
//! standard library is there as source, with a linker, can build it (slower the first time).

use super::facts::{Compiler, Facts};
use anyhow::{Result, bail};
use std::path::PathBuf;

/// The compiler's target.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// What a user may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// An installed wasm32 target if there is one, else the standard library from source
    #[default]
    Auto,
    /// An installed wasm32 target
    Installed,
    /// The standard library from source
    Source,
}

/// What to build with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// This compiler has the target.
    Installed {
        /// The compiler.
        rustc: PathBuf,
    },
    /// This compiler has the source of its standard library.
    Source {
        /// The compiler.
        rustc: PathBuf,
        /// A linker for Wasm; `None`: the compiler brings its own.
        linker: Option<PathBuf>,
    },
}

/// Decide, or say what is missing and how to get it.
pub fn choose(choice: Choice, facts: &Facts) -> Result<Toolchain> {
    let found = match choice {
        Choice::Auto => installed(facts).or_else(|| source(facts)),
        Choice::Installed => installed(facts),
        Choice::Source => source(facts),
    };
    match found {
        Some(toolchain) => Ok(toolchain),
        None => bail!(missing(choice, facts)),
    }
}

fn installed(facts: &Facts) -> Option<Toolchain> {
    let with_target = facts
        .compilers
        .iter()
        .find(|compiler| compiler.has_target)?;
    Some(Toolchain::Installed {
        rustc: with_target.rustc.clone(),
    })
}

fn source(facts: &Facts) -> Option<Toolchain> {
    let buildable = |compiler: &&Compiler| {
        compiler.has_source && (compiler.has_linker || facts.wasm_ld.is_some())
    };
    let compiler = facts.compilers.iter().find(buildable)?;
    Some(Toolchain::Source {
        rustc: compiler.rustc.clone(),
        linker: if compiler.has_linker {
            None
        } else {
            facts.wasm_ld.clone()
        },
    })
}

fn missing(choice: Choice, facts: &Facts) -> String {
    let mut text = format!("no Rust compiler here can build for {TARGET}.");
    for compiler in &facts.compilers {
        text += &format!(
            "\n  {}: {}",
            compiler.rustc.display(),
            lacks(choice, compiler, facts)
        );
    }
    if facts.compilers.is_empty() {
        text += "\n  there is no rustc at all, neither on the PATH nor in /usr/bin";
    }
    let no_installed =
        format!("\nGet one with rustup (https://rustup.rs):\n  rustup target add {TARGET}");
    let no_source = "\nGet one on Debian or Ubuntu, where rustup has no such target:\n  sudo apt-get install rustc-web rust-web-src cargo-web lld";
    if choice != Choice::Source {
        text += &no_installed;
    }
    if choice != Choice::Installed {
        text += no_source;
    }
    text
}

fn lacks(choice: Choice, compiler: &Compiler, facts: &Facts) -> String {
    let mut lacks = Vec::new();
    if choice != Choice::Source {
        lacks.push("the target is not installed");
    }
    if choice != Choice::Installed {
        if !compiler.has_source {
            lacks.push("the standard library's source is not there");
        }
        if !compiler.has_linker && facts.wasm_ld.is_none() {
            lacks.push("there is no linker (wasm-ld)");
        }
    }
    lacks.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiler(rustc: &str, has_target: bool, has_source: bool) -> Compiler {
        Compiler {
            rustc: rustc.into(),
            has_target,
            has_source,
            has_linker: false,
        }
    }

    fn facts(compilers: Vec<Compiler>, wasm_ld: Option<&str>) -> Facts {
        let wasm_ld = wasm_ld.map(PathBuf::from);
        Facts { compilers, wasm_ld }
    }

    #[test]
    fn an_installed_target_goes_before_building_std_whatever_the_order() {
        let facts = facts(
            vec![
                compiler("rustc", false, true),
                compiler("/usr/bin/rustc", true, false),
            ],
            Some("/usr/bin/wasm-ld"),
        );
        let Toolchain::Installed { rustc } = choose(Choice::Auto, &facts).unwrap() else {
            panic!("source was chosen")
        };
        assert_eq!(rustc, PathBuf::from("/usr/bin/rustc"));
        assert!(matches!(
            choose(Choice::Source, &facts).unwrap(),
            Toolchain::Source {
                linker: Some(_),
                ..
            }
        ));
    }

    #[test]
    fn what_is_missing_is_named_with_the_commands_to_get_it() {
        let bare = facts(vec![compiler("/usr/bin/rustc", false, true)], None);
        let error = choose(Choice::Auto, &bare).unwrap_err().to_string();
        for part in [
            "/usr/bin/rustc: the target is not installed, there is no linker (wasm-ld)",
            "rustup target add wasm32-unknown-unknown",
            "sudo apt-get install rustc-web rust-web-src cargo-web lld",
        ] {
            assert!(error.contains(part), "{error}");
        }
        let nothing = choose(Choice::Source, &facts(vec![], None))
            .unwrap_err()
            .to_string();
        assert!(
            nothing.contains("no rustc at all") && !nothing.contains("rustup target"),
            "{nothing}"
        );
    }
}
