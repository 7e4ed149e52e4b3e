//! The SDKs, as they were when this program was built: one goes into each project, as the version that the project was made with, and no
//! registry has to have it.

use super::language::Language;
use std::collections::BTreeMap;

macro_rules! file {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../../", $path)))
    };
}

/// Files, with their paths in the repository.
type Files = &'static [(&'static str, &'static str)];

/// Files of that for Rust.
const RUST: Files = &[
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

/// Files of that for JavaScript and TypeScript.
const JS: Files = &[
    file!("sdk/js/package.json"),
    file!("sdk/js/src/aggregate.js"),
    file!("sdk/js/src/config.js"),
    file!("sdk/js/src/fields.js"),
    file!("sdk/js/src/index.d.ts"),
    file!("sdk/js/src/index.js"),
    file!("sdk/js/src/log.js"),
    file!("sdk/js/src/output.js"),
    file!("sdk/js/src/packed.js"),
    file!("sdk/js/src/record.js"),
    file!("sdk/js/src/testing.d.ts"),
    file!("sdk/js/src/testing.js"),
    file!("sdk/js/src/utf8.js"),
];

/// Files of that for Go.
const GO: Files = &[
    file!("sdk/go/aggregate.go"),
    file!("sdk/go/doc.go"),
    file!("sdk/go/go.mod"),
    file!("sdk/go/guest.go"),
    file!("sdk/go/log.go"),
    file!("sdk/go/log_native.go"),
    file!("sdk/go/output.go"),
    file!("sdk/go/packed.go"),
    file!("sdk/go/record.go"),
    file!("sdk/go/run.go"),
    file!("sdk/go/udftest/udftest.go"),
];

/// Files of that for C and C++.
const C: Files = &[
    file!("sdk/c/sluicebox.c"),
    file!("sdk/c/sluicebox.cpp"),
    file!("sdk/c/sluicebox.h"),
    file!("sdk/c/sluicebox.hpp"),
    file!("sdk/c/sluicebox_abi.h"),
    file!("sdk/c/sluicebox_codec.hpp"),
    file!("sdk/c/sluicebox_json.h"),
    file!("sdk/c/sluicebox_module.h"),
    file!("sdk/c/sluicebox_module.hpp"),
    file!("sdk/c/sluicebox_testing.h"),
    file!("sdk/c/src/abi.c"),
    file!("sdk/c/src/aggregate.c"),
    file!("sdk/c/src/json_fields.c"),
    file!("sdk/c/src/json_read.c"),
    file!("sdk/c/src/json_write.c"),
    file!("sdk/c/src/memory.c"),
    file!("sdk/c/src/number.c"),
    file!("sdk/c/src/output.c"),
    file!("sdk/c/src/record.c"),
    file!("sdk/c/src/run.c"),
    file!("sdk/c/src/testing.c"),
    file!("sdk/c/src/testing_window.c"),
    file!("sdk/c/src/text.c"),
];

/// Files of that for Python.
const PYTHON: Files = &[
    file!("sdk/python/pyproject.toml"),
    file!("sdk/python/sluicebox_udf/__init__.py"),
    file!("sdk/python/sluicebox_udf/aggregate.py"),
    file!("sdk/python/sluicebox_udf/config.py"),
    file!("sdk/python/sluicebox_udf/guest/__init__.py"),
    file!("sdk/python/sluicebox_udf/guest/filter.py"),
    file!("sdk/python/sluicebox_udf/guest/map.py"),
    file!("sdk/python/sluicebox_udf/guest/window_aggregate.py"),
    file!("sdk/python/sluicebox_udf/log.py"),
    file!("sdk/python/sluicebox_udf/output.py"),
    file!("sdk/python/sluicebox_udf/packed.py"),
    file!("sdk/python/sluicebox_udf/record.py"),
    file!("sdk/python/sluicebox_udf/run.py"),
    file!("sdk/python/sluicebox_udf/testing.py"),
    file!("sdk/python/sluicebox_udf/typed.py"),
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

/// All files of the SDK for a language.
pub fn files(language: Language) -> BTreeMap<String, String> {
    let own = match language {
        Language::Rust => RUST,
        Language::Js | Language::Ts => JS,
        Language::Go => GO,
        Language::C | Language::Cpp => C,
        Language::Python => PYTHON,
    };
    let own = own
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let mut files: BTreeMap<String, String> = own.collect();
    if language == Language::Rust {
        // What holds its crates together.
        files.insert("Cargo.toml".to_owned(), manifest());
    }
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

    /// Files of these kinds below a folder, but for an SDK's own tests.
    fn sources(folder: &Path, kinds: &[&str], found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .expect("a name");
            let is_test = name == "tests" || name.ends_with("_test.go");
            if path.is_dir() && !is_test {
                sources(&path, kinds, found);
            } else if !is_test && kinds.iter().any(|kind| name.ends_with(kind)) {
                found.push(path);
            }
        }
    }

    /// A file that is missing would be missed only by whoever makes a project.
    #[test]
    fn the_whole_of_each_sdk_is_here() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let cases: [(&str, &[&str], Files); 5] = [
            ("rust", &[".rs", ".toml"], RUST),
            ("js", &[".js", ".ts", ".json"], JS),
            ("go", &[".go", ".mod"], GO),
            ("c", &[".c", ".h", ".cpp", ".hpp"], C),
            ("python", &[".py", ".toml"], PYTHON),
        ];
        for (language, kinds, files) in cases {
            let mut found = Vec::new();
            sources(&root.join("sdk").join(language), kinds, &mut found);
            if language == "rust" {
                found.push(root.join("wit/udf.wit"));
            }
            let known = found
                .iter()
                .map(|path| path.strip_prefix(&root).expect("below it"));
            let mut known: Vec<_> = known.map(|path| path.display().to_string()).collect();
            known.sort_unstable();
            let listed: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
            assert_eq!(known, listed);
        }
    }

    /// What the tests of modules build with is what projects name, and the examples.
    #[test]
    fn tools_have_one_version_everywhere() {
        let read = |path: &str| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            std::fs::read_to_string(root.join(path)).expect(path)
        };
        let npm = |path: &str| -> serde_json::Map<String, serde_json::Value> {
            let package: serde_json::Value = serde_json::from_str(&read(path)).expect(path);
            let tools = package["devDependencies"].as_object();
            tools.expect("tools").clone()
        };
        let tested = npm("tests/languages/package.json");
        for folder in ["js", "ts"] {
            for of in ["runtime/cli/templates", "example-udfs"] {
                for (name, version) in npm(&format!("{of}/{folder}/package.json")) {
                    assert_eq!(tested.get(&name), Some(&version), "{of}/{folder}: {name}");
                }
            }
        }
        let tested = read("tests/languages/requirements.txt");
        for of in ["runtime/cli/templates", "example-udfs"] {
            let all = read(&format!("{of}/python/requirements.txt"));
            for line in all.lines().filter(|line| !line.starts_with('#')) {
                assert!(tested.lines().any(|other| other == line), "{of}: {line}");
            }
        }
        let zig = tested.lines().find(|line| line.starts_with("ziglang=="));
        let zig = zig.expect("Zig");
        for path in [
            "runtime/cli/src/build/c.rs",
            "docs/udf-c.md",
            "docs/sdk-for-another-language.md",
        ] {
            assert!(read(path).contains(zig), "{path}: {zig}");
        }
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
