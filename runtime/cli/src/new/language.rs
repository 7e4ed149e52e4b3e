//! What a project has in each language: its files, and the words of its README.

use super::{operator, sdk};
use crate::build::manifest::Kind;
use clap::ValueEnum;
use std::collections::BTreeMap;

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Language {
    #[default]
    Rust,
    Js,
    Ts,
    Python,
    Go,
    C,
    Cpp,
}

/// What a project in a language is made of.
struct Template {
    /// Its name, for people.
    name: &'static str,
    /// Commands of the set-up, once; empty where there is none.
    setup: &'static [&'static str],
    /// Command of the unit tests.
    unit: &'static str,
    /// What version control should leave out.
    ignored: &'static str,
    /// Files, with their paths in the project; `NAME` is the module's.
    files: Vec<(&'static str, &'static str)>,
    /// Whether sluicebox.yaml says what it is (else Cargo's files do).
    has_manifest: bool,
}

/// The file of a kind.
macro_rules! of_kind {
    ($kind:expr, $language:literal, $end:literal) => {
        match $kind {
            Kind::Filter => include_str!(concat!("../../templates/", $language, "/filter", $end)),
            Kind::Map => include_str!(concat!("../../templates/", $language, "/map", $end)),
            Kind::WindowAggregate => {
                include_str!(concat!(
                    "../../templates/",
                    $language,
                    "/window-aggregate",
                    $end
                ))
            }
        }
    };
}

const README: &str = include_str!("../../templates/README.md");
const MANIFEST: &str = include_str!("../../templates/sluicebox.yaml");

impl Language {
    /// Its name, for people.
    pub fn words(self) -> &'static str {
        self.template(Kind::default()).name
    }

    /// Commands of the set-up.
    pub fn setup(self) -> &'static [&'static str] {
        self.template(Kind::default()).setup
    }

    /// All files of a project, but for its cases.
    pub fn files(self, name: &str, kind: Kind) -> BTreeMap<String, String> {
        let template = self.template(kind);
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for (path, text) in &template.files {
            files.insert((*path).to_owned(), text.replace("NAME", name));
        }
        files.insert("README.md".to_owned(), template.readme(name, kind));
        files.insert(".gitignore".to_owned(), template.ignored.to_owned());
        if template.has_manifest {
            let manifest = MANIFEST.replace("NAME", name).replace("LANG", &self.word());
            files.insert(
                "sluicebox.yaml".to_owned(),
                manifest.replace("KIND", kind.name()),
            );
        }
        let sdk = sdk::files(self).into_iter();
        files.extend(sdk.map(|(path, text)| (format!(".sluicebox/{path}"), text)));
        files
    }

    /// As the command line and sluicebox.yaml write it.
    fn word(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn template(self, kind: Kind) -> Template {
        match self {
            Self::Rust => Template {
                name: "Rust",
                setup: &[],
                unit: "cargo test",
                ignored: "/target\n*.wasm\n",
                files: vec![
                    (
                        "Cargo.toml",
                        include_str!("../../templates/rust/Cargo.toml"),
                    ),
                    ("src/lib.rs", of_kind!(kind, "rust", ".rs")),
                ],
                has_manifest: false,
            },
            Self::Js => Template {
                name: "JavaScript",
                setup: &["npm install"],
                unit: "npm test",
                ignored: "/.sluicebox/build\n/node_modules\n*.wasm\n",
                files: vec![
                    (
                        "package.json",
                        include_str!("../../templates/js/package.json"),
                    ),
                    ("src/udf.js", of_kind!(kind, "js", ".js")),
                    ("tests/udf.test.js", of_kind!(kind, "js", ".test.js")),
                ],
                has_manifest: true,
            },
            Self::Ts => Template {
                name: "TypeScript",
                setup: &["npm install"],
                unit: "npm test",
                ignored: "/.sluicebox/build\n/node_modules\n*.wasm\n",
                files: vec![
                    (
                        "package.json",
                        include_str!("../../templates/ts/package.json"),
                    ),
                    (
                        "tsconfig.json",
                        include_str!("../../templates/ts/tsconfig.json"),
                    ),
                    ("src/udf.ts", of_kind!(kind, "ts", ".ts")),
                    ("tests/udf.test.ts", of_kind!(kind, "ts", ".test.ts")),
                ],
                has_manifest: true,
            },
            Self::Python => Template {
                name: "Python",
                setup: &[
                    "python3 -m venv .venv",
                    ".venv/bin/pip install -r requirements.txt",
                ],
                unit: "python3 -m unittest",
                ignored: "/.sluicebox/build\n/.venv\n__pycache__\n*.wasm\n",
                files: vec![
                    (
                        "pyproject.toml",
                        include_str!("../../templates/python/pyproject.toml"),
                    ),
                    (
                        "requirements.txt",
                        include_str!("../../templates/python/requirements.txt"),
                    ),
                    (
                        "tests/__init__.py",
                        include_str!("../../templates/python/tests_init.py"),
                    ),
                    ("udf.py", of_kind!(kind, "python", ".py")),
                    ("tests/test_udf.py", of_kind!(kind, "python", "_test.py")),
                ],
                has_manifest: true,
            },
            Self::Go => Template {
                name: "Go",
                setup: &[],
                unit: "go test ./...",
                ignored: "/.sluicebox/build\n*.wasm\n",
                files: vec![
                    ("go.mod", include_str!("../../templates/go/go.mod")),
                    ("udf.go", of_kind!(kind, "go", ".go")),
                    ("udf_test.go", of_kind!(kind, "go", "_test.go")),
                ],
                has_manifest: true,
            },
            Self::C => Template {
                name: "C",
                setup: &[],
                unit: "make test",
                ignored: "/.sluicebox/build\n/out\n*.wasm\n",
                files: vec![
                    ("Makefile", include_str!("../../templates/c/Makefile")),
                    ("src/udf.c", of_kind!(kind, "c", ".c")),
                    ("tests/udf_test.c", of_kind!(kind, "c", "_test.c")),
                ],
                has_manifest: true,
            },
            Self::Cpp => Template {
                name: "C++",
                setup: &[],
                unit: "make test",
                ignored: "/.sluicebox/build\n/out\n*.wasm\n",
                files: vec![
                    ("Makefile", include_str!("../../templates/cpp/Makefile")),
                    ("src/udf.cpp", of_kind!(kind, "cpp", ".cpp")),
                    ("tests/udf_test.cpp", of_kind!(kind, "cpp", "_test.cpp")),
                ],
                has_manifest: true,
            },
        }
    }
}

impl Template {
    fn readme(&self, name: &str, kind: Kind) -> String {
        let setup = self
            .setup
            .iter()
            .map(|command| format!("    {command:<32} # once\n"));
        let text = README.replace("SETUP", &setup.collect::<String>());
        let text = text.replace("UNIT", &format!("{:<32} ", self.unit));
        let text = text
            .replace("OPERATOR", &operator(kind, name))
            .replace("LANGUAGE", self.name);
        text.replace("NAME", name).replace("KIND", kind.name())
    }
}
