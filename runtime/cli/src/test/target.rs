//! What is tried, and on which cases.

use super::none;
use crate::build::{self, Flags};
use crate::failure::advised;
use crate::spec_file;
use anyhow::Result;
use sluicebox_core::spec::JobSpec;
use sluicebox_host::trial::Trial;
use std::path::{Path, PathBuf};

/// What is tried.
pub struct Target {
    /// Its name.
    pub name: String,
    what: What,
}

enum What {
    Module(Vec<u8>),
    Job(Box<JobSpec>),
}

impl Target {
    /// Read it; a project is built.
    pub fn of(path: &Path, flags: &Flags) -> Result<Self> {
        let name = |path: &Path| {
            path.file_stem()
                .map_or("udf".to_owned(), |stem| stem.to_string_lossy().into_owned())
        };
        let ends = |end: &str| path.extension().is_some_and(|extension| extension == end);
        if !path.is_dir() && (ends("yaml") || ends("yml") || ends("json")) {
            let spec = spec_file::read(path)?;
            return Ok(Self {
                name: spec.job.clone(),
                what: What::Job(Box::new(spec)),
            });
        }
        let module = match ends("wasm") {
            true => path.to_owned(),
            false => build::for_test(path, flags)?,
        };
        let bytes = std::fs::read(&module)
            .map_err(|error| none(format!("can't read {}: {error}", module.display())))?;
        Ok(Self {
            name: name(&module),
            what: What::Module(bytes),
        })
    }

    /// Ready to run cases.
    pub fn trial(&self, cache_dir: Option<PathBuf>) -> Result<Trial> {
        Ok(match &self.what {
            What::Module(bytes) => Trial::of_module(&self.name, bytes.clone(), cache_dir)?,
            // The spec's paths are relative to the working folder already.
            What::Job(spec) => Trial::of_job(spec.as_ref().clone(), PathBuf::new(), cache_dir)?,
        })
    }
}

/// The folder that a target is in, or is.
pub fn folder(target: &Path) -> PathBuf {
    if target.is_dir() {
        return target.to_owned();
    }
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The files of cases, in order.
pub fn cases(target: &Path, named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if named.is_empty() {
        let folder = match folder(target) {
            here if here == Path::new(".") => PathBuf::from("tests"),
            folder => folder.join("tests"),
        };
        return in_folder(&folder);
    }
    let mut all = Vec::new();
    for path in named {
        match path.is_dir() {
            true => all.extend(in_folder(path)?),
            false if path.is_file() => all.push(path.clone()),
            false => return Err(none(format!("there is no case {}", path.display()))),
        }
    }
    Ok(all)
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).ok();
    let files = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .collect();
    files.sort();
    match files.is_empty() {
        false => Ok(files),
        true => Err(advised(
            none(format!(
                "there are no cases in {}: no file is called *.jsonl",
                folder.display()
            )),
            format!(
                "write records into {}, such as {{\"key\": \"k\", \"value\": {{\"any\": \"JSON\"}}, \"timestamp\": 0}},\n      and let `sluicebox test --update` add what comes out",
                folder.join("first.jsonl").display()
            ),
        )),
    }
}
