//! A job spec from a file: read, with the environment for its variables, its paths relative to its own folder.

use crate::failure::{Usage, advised};
use anyhow::Result;
use sluicebox_core::spec::{JobSpec, Problem, Problems};
use std::fmt;
use std::path::{Path, PathBuf};

/// A spec with problems, each shown with its place in the form that editors and terminals make a link of.
#[derive(Debug)]
pub struct Invalid {
    file: PathBuf,
    problems: Vec<Problem>,
}

impl Invalid {
    /// At least one problem of a spec that was read from this file.
    pub fn new(file: &Path, problems: Vec<Problem>) -> Self {
        let file = file.to_owned();
        Self { file, problems }
    }

    /// The problems of a text that was read from this file.
    pub fn of(file: &Path, problems: Problems) -> Self {
        Self::new(file, problems.list().to_vec())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.problems.as_slice() {
            [_] => write!(f, "{file} has a problem")?,
            several => write!(f, "{file} has {} problems", several.len())?,
        }
        for problem in &self.problems {
            let place = problem.place;
            write!(f, "\n  {file}")?;
            if place.line > 0 {
                write!(f, ":{}:{}", place.line, place.column)?;
            }
            let path = match problem.path.as_str() {
                "" => String::new(),
                path => format!("{path}: "),
            };
            write!(f, ": {path}{}", problem.message)?;
            if let Some(help) = &problem.help {
                write!(f, "\n      {help}")?;
            }
        }
        Ok(())
    }
}
impl std::error::Error for Invalid {}

/// Read a spec; its paths become relative to the working folder.
pub fn read(path: &Path) -> Result<JobSpec> {
    let text = text(path)?;
    let mut spec =
        JobSpec::parse(&text, &environment).map_err(|problems| Invalid::of(path, problems))?;
    spec.resolve_paths(path.parent().unwrap_or(Path::new("")));
    Ok(spec)
}

/// Read a spec as it is, and its text with the variables replaced.
#[cfg(feature = "serve")]
pub fn read_expanded(path: &Path) -> Result<(JobSpec, String)> {
    let read = JobSpec::parse_expanded(&text(path)?, &environment);
    Ok(read.map_err(|problems| Invalid::of(path, problems))?)
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        let message = format!("can't read the job spec {}: {error}", path.display());
        advised(
            Usage(message),
            "name a file that has a job spec, such as `sluicebox check job.yaml`",
        )
    })
}
