//! What the errors of other crates are to a client: the one place that decides on statuses for them.

use super::problem::{Kind, Problem, SpecProblem};
use sluicebox_catalog::{self as catalog, Refused};
use sluicebox_core::spec;
use sluicebox_wasm::ModuleError;

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let kind = match &refused {
            Refused::Missing { .. } => Kind::Missing,
            Refused::Conflict { .. } => Kind::Conflict,
            Refused::Invalid { .. } => Kind::Invalid,
            Refused::Quota { .. } => Kind::Quota,
        };
        Self::new(kind, refused.to_string())
    }
}

impl From<catalog::Error> for Problem {
    fn from(error: catalog::Error) -> Self {
        let cause = error.to_string();
        match error {
            catalog::Error::Refused(refused) => refused.into(),
            catalog::Error::Uncertain { .. } => {
                Self::unavailable("it is not known whether the change was made")
                    .help("look before you repeat it")
                    .cause(cause)
            }
            catalog::Error::Removing { .. } => Self::unavailable(
                "nothing referred to this module, and its bytes are just being removed; nothing was changed",
            )
            .help("push it again in a few minutes")
            .cause(cause),
            error if error.kind() == catalog::Kind::Retry => {
                Self::unavailable("the catalog can't be reached; nothing was changed").cause(cause)
            }
            _ => Self::internal(cause),
        }
    }
}

impl From<ModuleError> for Problem {
    fn from(error: ModuleError) -> Self {
        let kind = match error.is_too_large() {
            true => Kind::TooLarge,
            false => Kind::Module,
        };
        Self::new(kind, error.to_string())
    }
}

/// What to do stands below the first line of the host's messages.
impl From<sluicebox_host::Error> for Problem {
    fn from(error: sluicebox_host::Error) -> Self {
        let (detail, help) = match error.message.split_once('\n') {
            Some((detail, help)) => (detail.to_owned(), Some(help.to_owned())),
            None => (error.message, None),
        };
        let problem = match error.kind {
            sluicebox_host::Kind::Input => Self::new(Kind::Invalid, detail),
            sluicebox_host::Kind::Halted => Self::new(Kind::Conflict, detail),
            sluicebox_host::Kind::Failed => {
                let cause = detail.clone();
                Self::unavailable(detail).cause(cause)
            }
        };
        Self { help, ..problem }
    }
}

impl From<spec::Problems> for Problem {
    fn from(problems: spec::Problems) -> Self {
        let known = |number: u64| (number > 0).then_some(number);
        let problem = |problem: &spec::Problem| SpecProblem {
            line: known(problem.place.line),
            column: known(problem.place.column),
            path: problem.path.clone(),
            message: problem.message.clone(),
            help: problem.help.clone(),
        };
        Self::spec(problems.list().iter().map(problem).collect())
    }
}
