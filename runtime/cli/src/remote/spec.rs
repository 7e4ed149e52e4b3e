//! What is wrong with a spec that is to be deployed, said of the file that it came from, whoever found it.

use super::error::{Error, Refusal};
use super::text::harmless;
use crate::spec_file::Invalid;
use anyhow::Result;
use sluicebox_core::spec::{JobSpec, ModuleRef, Place, Problem};
use std::path::Path;

/// A host has no files of whoever deploys.
pub fn refuse_files(file: &Path, spec: &JobSpec) -> Result<()> {
    let problems = spec
        .operators
        .iter()
        .enumerate()
        .filter_map(|(i, operator)| {
            let ModuleRef::Path(path) = &operator.module else {
                return None;
            };
            let kind = operator.kind.name();
            let path = path.display();
            Some(Problem {
                place: Place::default(),
                path: format!("operators[{i}].{kind}.module"),
                message: format!("`{path}` is a file, and a host runs pushed modules"),
                help: Some(format!(
                    "`sluicebox push {path}`, then write the NAME@VERSION that it answers"
                )),
            })
        });
    match problems.collect::<Vec<_>>() {
        problems if problems.is_empty() => Ok(()),
        problems => Err(Invalid::new(file, problems).into()),
    }
}

/// What the host finds wrong with a spec is shown in the file that it came from: lines are where they were.
pub fn of_file(file: &Path, error: Error) -> anyhow::Error {
    match error {
        Error::Refused(refusal) if !refusal.problems.is_empty() => {
            let Refusal { problems, .. } = *refusal;
            let problems = problems.into_iter().map(|problem| Problem {
                place: Place {
                    line: problem.line.unwrap_or(0),
                    column: problem.column.unwrap_or(1),
                },
                path: harmless(&problem.path),
                message: harmless(&problem.message),
                help: problem.help.as_deref().map(harmless),
            });
            Invalid::new(file, problems.collect()).into()
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure;

    #[test]
    fn problems_are_shown_in_the_file() {
        let spec = "
apiVersion: sluicebox/v1
job: copy
source: { kafka: { topic: a, start: earliest } }
operators:
  - { id: valid, filter: { module: ./valid.wasm } }
sink: { kafka: { topic: b } }
";
        let spec = JobSpec::parse(spec, &|_| None).expect("a spec");
        let local = refuse_files(Path::new("job.yaml"), &spec).expect_err("refused");
        let refusal = r#"{"status": 422, "detail": "x", "problems": [{"line": 3, "column": 6, "path": "job", "message": "taken"}, {"path": "kafka", "message": "unknown"}]}"#;
        let refusal = Error::Refused(serde_json::from_str(refusal).expect("a problem"));
        let remote = of_file(Path::new("job.yaml"), refusal);
        let seen = [failure::shown(&local), failure::shown(&remote)];
        insta::assert_snapshot!(seen.join("\n"), @r"
        exit 2
        error: job.yaml has a problem
          job.yaml: operators[0].filter.module: `./valid.wasm` is a file, and a host runs pushed modules
              `sluicebox push ./valid.wasm`, then write the NAME@VERSION that it answers

        exit 2
        error: job.yaml has 2 problems
          job.yaml:3:6: job: taken
          job.yaml: kafka: unknown
        ");
    }
}
