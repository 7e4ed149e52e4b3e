//! The SDK for Rust, as it was when this program was built: it goes into each project, as the version that the project was made
//! with, and no registry has to have it.

use std::collections::BTreeMap;

macro_rules! file {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../../", $path)))
    };
}

/// Its files, with their paths in the repository.
const FILES: &[(&str, &str)] = &[
    file!("sdk/rust/Cargo.toml"),
    file!("sdk/rust/macros/Cargo.toml"),
    file!("sdk/rust/macros/src/accumulator.rs"),
    file!("sdk/rust/macros/src/aggregate.rs"),
    file!("sdk/rust/macros/src/function.rs"),
    file!("sdk/rust/macros/src/lib.rs"),
    file!("sdk/rust/macros/src/signature.rs"),
    file!("sdk/rust/macros/src/tests.rs"),
    file!("sdk/rust/macros/src/versions.rs"),
    file!("sdk/rust/src/accumulator.rs"),
    file!("sdk/rust/src/codec.rs"),
    file!("sdk/rust/src/config.rs"),
    file!("sdk/rust/src/guest/accumulator_format.rs"),
    file!("sdk/rust/src/guest/filter.rs"),
    file!("sdk/rust/src/guest/lifecycle.rs"),
    file!("sdk/rust/src/guest/map.rs"),
    file!("sdk/rust/src/guest/mod.rs"),
    file!("sdk/rust/src/guest/window_aggregate.rs"),
    file!("sdk/rust/src/lib.rs"),
    file!("sdk/rust/src/log.rs"),
    file!("sdk/rust/src/output.rs"),
    file!("sdk/rust/src/packed.rs"),
    file!("sdk/rust/src/record.rs"),
    file!("sdk/rust/src/run/aggregate.rs"),
    file!("sdk/rust/src/run/filter.rs"),
    file!("sdk/rust/src/run/map.rs"),
    file!("sdk/rust/src/run/mod.rs"),
    file!("sdk/rust/src/testing/mod.rs"),
    file!("sdk/rust/src/testing/records.rs"),
    file!("sdk/rust/src/testing/window.rs"),
    file!("sdk/rust/src/udf.rs"),
    file!("wit/udf.wit"),
];

/// The manifest of the workspace that these files are part of.
const MANIFEST: &str = include_str!("../../../../Cargo.toml");
/// What they take from it.
const DEPENDENCIES: [&str; 5] = [
    "serde",
    "serde_json",
    "serde_path_to_error",
    "sluicebox-udf",
    "wit-bindgen",
];

/// All files of the SDK, with a manifest that holds them together.
pub fn files() -> BTreeMap<String, String> {
    let own = FILES.iter();
    let mut files: BTreeMap<String, String> = own
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    files.insert("Cargo.toml".to_owned(), manifest());
    files
}

fn manifest() -> String {
    let package = section("workspace.package");
    let dependency = |name: &&str| {
        let head = format!("{name} = ");
        section("workspace.dependencies")
            .lines()
            .filter(|line| line.starts_with(&head))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let dependencies: String = DEPENDENCIES.iter().map(dependency).collect();
    format!(
        "# The SDK of sluicebox for Rust, made by `sluicebox new`.\n[workspace]\nresolver = \"2\"\nmembers = [\"sdk/rust\", \"sdk/rust/macros\"]\n\n\
         [workspace.package]\n{package}\n[workspace.dependencies]\n{dependencies}\n[workspace.lints.rust]\n"
    )
}

/// The lines of a section of the repository's manifest.
fn section(name: &str) -> String {
    let head = format!("[{name}]");
    let lines = MANIFEST.lines().skip_while(|line| *line != head).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("sdk/rust/tests") {
                sources(&path, found);
            } else if path
                .extension()
                .is_some_and(|ext| ext == "rs" || ext == "toml")
            {
                found.push(path);
            }
        }
    }

    /// A file that is missing would be missed only by whoever makes a project.
    #[test]
    fn the_whole_sdk_is_here() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut found = Vec::new();
        sources(&root.join("sdk/rust"), &mut found);
        found.push(root.join("wit/udf.wit"));
        let known = found
            .iter()
            .map(|path| path.strip_prefix(&root).expect("below it"));
        let mut known: Vec<_> = known.map(|path| path.display().to_string()).collect();
        known.sort_unstable();
        let listed: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        assert_eq!(known, listed);
    }

    #[test]
    fn its_manifest_has_what_it_needs() {
        let manifest = manifest();
        for name in DEPENDENCIES {
            assert!(
                manifest.contains(&format!("\n{name} = ")),
                "{name}: {manifest}"
            );
        }
        assert!(manifest.contains("edition = "), "{manifest}");
    }
}
