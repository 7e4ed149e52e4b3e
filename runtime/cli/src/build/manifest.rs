//! `sluicebox.yaml`: what a project in another language than Rust is. (Cargo's files say it of one in Rust.)

use crate::failure::Usage;
use crate::spec_file::Invalid;
use anyhow::{Result, bail};
use sluicebox_core::spec::document::{self, Cursor, Form};
use std::path::{Path, PathBuf};

/// Name of the file.
pub const NAME: &str = "sluicebox.yaml";

const FORM: Form<'_> = Form {
    what: "project file",
    begins_with: "`module`, `language` and `kind`",
};

/// A language other than Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// JavaScript.
    Js,
    /// TypeScript.
    Ts,
    /// Python.
    Python,
    /// Go.
    Go,
    /// C.
    C,
    /// C++.
    Cpp,
}

/// What runs JavaScript in the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Small, quick to build.
    #[default]
    QuickJs,
    /// Large, quicker with JSON.
    StarlingMonkey,
}

/// A kind of UDF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Keeps some records
    #[default]
    Filter,
    /// Makes none, one or many records of each
    Map,
    /// Folds the records of each key and window into results
    WindowAggregate,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Filter, Self::Map, Self::WindowAggregate];

    /// As specs, project files and the command line write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Map => "map",
            Self::WindowAggregate => "window-aggregate",
        }
    }

    /// Its world in the contract.
    pub fn world(self) -> &'static str {
        match self {
            Self::Filter => "filter-udf",
            Self::Map => "map-udf",
            Self::WindowAggregate => "window-aggregate-udf",
        }
    }
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Folder of the project.
    pub folder: PathBuf,
    /// Name of the module.
    pub module: String,
    /// What it is written in.
    pub language: Language,
    /// What it is.
    pub kind: Kind,
    /// Engine of a JavaScript module.
    pub engine: Engine,
    /// Folder of the SDK.
    pub sdk: PathBuf,
}

impl Manifest {
    /// The project in a folder (or of its file); nothing where there is none.
    pub fn find(path: &Path) -> Result<Option<Self>> {
        let file = match path.is_dir() {
            true => path.join(NAME),
            false if path.file_name().is_some_and(|name| name == NAME) => path.to_owned(),
            false => return Ok(None),
        };
        if !file.is_file() {
            return Ok(None);
        }
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => bail!(Usage(format!("can't read {}: {error}", file.display()))),
        };
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        Self::parse(&text, folder)
            .map(Some)
            .map_err(|problems| Invalid::of(&file, problems).into())
    }

    fn parse(text: &str, folder: PathBuf) -> Result<Self, sluicebox_core::spec::Problems> {
        document::read(text, &FORM, &|_| None, |root| Self::read(root, folder))
    }

    fn read(root: &Cursor<'_>, folder: PathBuf) -> Option<Self> {
        let fields = root.fields(&["apiVersion", "module", "language", "kind", "engine", "sdk"])?;
        let module = fields
            .require("module", "name the module")
            .and_then(|field| field.name());
        let language = fields
            .require("language", "say what it is written in")
            .and_then(|field| {
                field.choice(&[
                    ("js", Language::Js),
                    ("ts", Language::Ts),
                    ("python", Language::Python),
                    ("go", Language::Go),
                    ("c", Language::C),
                    ("cpp", Language::Cpp),
                ])
            });
        let kinds = Kind::ALL.map(|kind| (kind.name(), kind));
        let kind = fields
            .require("kind", "say what it is")
            .and_then(|field| field.choice(&kinds));
        let engine = fields.or("engine", Engine::default(), |field| {
            field.choice(&[
                ("quickjs", Engine::QuickJs),
                ("starlingmonkey", Engine::StarlingMonkey),
            ])
        });
        let sdk = fields.or("sdk", None, |field| {
            field.text().map(|text| Some(text.to_owned()))
        });
        let (language, sdk) = (language?, sdk?);
        let sdk = sdk.unwrap_or_else(|| format!(".sluicebox/sdk/{}", language.sdk()));
        Some(Self {
            sdk: folder.join(sdk),
            folder,
            module: module?,
            language,
            kind: kind?,
            engine: engine?,
        })
    }

    /// Where what comes between source and module is kept; made where it is missing.
    pub fn work(&self) -> Result<PathBuf> {
        let work = std::path::absolute(self.folder.join(".sluicebox/build"))?;
        std::fs::create_dir_all(&work)?;
        Ok(work)
    }

    /// The SDK's folder, which must be there.
    pub fn sdk(&self) -> Result<PathBuf> {
        match self.sdk.is_dir() {
            true => Ok(std::path::absolute(&self.sdk)?),
            false => bail!(Usage(format!(
                "the SDK is not at {}: `sluicebox new` puts it there; commit it with the project, or name its folder by `sdk` in {NAME}",
                self.sdk.display()
            ))),
        }
    }
}

impl Language {
    /// Name of its SDK's folder.
    pub fn sdk(self) -> &'static str {
        match self {
            Self::Js | Self::Ts => "js",
            Self::Python => "python",
            Self::Go => "go",
            Self::C | Self::Cpp => "c",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_file_says_what_a_module_is() {
        let text = "apiVersion: sluicebox/v1\nmodule: big\nlanguage: cpp\nkind: map\n";
        let manifest = Manifest::parse(text, "p".into()).unwrap();
        assert_eq!(manifest.kind.world(), "map-udf");
        assert_eq!(manifest.sdk, Path::new("p/.sluicebox/sdk/c"));
        let text = format!("{text}engine: starlingmonkey\nsdk: ../sdk\n");
        let manifest = Manifest::parse(&text, "p".into()).unwrap();
        assert_eq!(
            (manifest.engine, manifest.sdk.as_path()),
            (Engine::StarlingMonkey, Path::new("p/../sdk"))
        );
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let text = "apiVersion: sluicebox/v1\nmodule: Big\nlanguage: golang\nkynd: map\n";
        let problems = Manifest::parse(text, "p".into()).unwrap_err();
        insta::assert_snapshot!(problems.to_string());
    }
}
