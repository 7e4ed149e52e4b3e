//! Errors as the user sees them: what happened, why, what to do next; and the exit code, by which scripts and service
//! managers decide whether to start again. The codes are listed in `args.rs`.

use crate::output::{Paint, stderr_paint};
use sluicebox_core::spec;
use sluicebox_host as host;
use std::fmt::{self, Write};
use std::process::ExitCode;

/// Something outside failed.
const FAILED: u8 = 1;
/// The input is wrong.
const USAGE: u8 = 2;
/// Somebody must act.
const HALTED: u8 = 3;

/// Wrong input, found by the command itself.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for Usage {}

/// A job on a host that stands because somebody must act.
#[cfg(feature = "serve")]
#[derive(Debug)]
pub struct Halted(pub String);

#[cfg(feature = "serve")]
impl fmt::Display for Halted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
#[cfg(feature = "serve")]
impl std::error::Error for Halted {}

/// What to do about the error that this is put onto.
#[derive(Debug)]
struct Help(String);

/// An error that carries advice: printed as its own line, below what happened.
#[derive(Debug)]
struct Advised {
    error: anyhow::Error,
    help: Help,
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)
    }
}
impl std::error::Error for Advised {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Put advice onto an error.
pub fn advised(error: impl Into<anyhow::Error>, help: impl Into<String>) -> anyhow::Error {
    let (error, help) = (error.into(), Help(help.into()));
    Advised { error, help }.into()
}

/// Print an error; answers the exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    // A closed pipe (`| head`) is how a reader says that it has enough.
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    eprint!("{}", render(error, stderr_paint()));
    ExitCode::from(code(error))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

fn code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if let Some(Advised { error, .. }) = cause.downcast_ref() {
            return code(error);
        }
        if cause.is::<Usage>()
            || cause.is::<spec::Problems>()
            || cause.is::<crate::spec_file::Invalid>()
        {
            return USAGE;
        }
        #[cfg(feature = "serve")]
        if let Some(error) = cause.downcast_ref::<sluicebox_server::Error>() {
            return match error.kind() {
                sluicebox_server::ErrorKind::Input => USAGE,
                sluicebox_server::ErrorKind::Operator => HALTED,
                sluicebox_server::ErrorKind::Retry | sluicebox_server::ErrorKind::Report => FAILED,
            };
        }
        #[cfg(feature = "serve")]
        if cause.is::<Halted>() {
            return HALTED;
        }
        if let Some(host::Error { kind, .. }) = cause.downcast_ref() {
            return match kind {
                host::Kind::Input => USAGE,
                host::Kind::Halted => HALTED,
                host::Kind::Failed => FAILED,
            };
        }
    }
    FAILED
}

/// All that [`report`] says, for snapshots.
#[cfg(test)]
pub fn shown(error: &anyhow::Error) -> String {
    format!("exit {}\n{}", code(error), render(error, Paint::plain()))
}

fn render(error: &anyhow::Error, paint: Paint) -> String {
    let mut out = String::new();
    let mut helps = Vec::new();
    let mut said = String::new();
    for (i, cause) in error.chain().enumerate() {
        let (what, help) = split(cause);
        helps.extend(help);
        // A String takes any write.
        if i == 0 {
            let _ = writeln!(out, "{} {what}", paint.error("error:"));
        } else if !said.contains(&what) {
            // Else a library repeats its cause in its own message.
            let what = what.replace('\n', "\n    ");
            let _ = writeln!(out, "  {} {what}", paint.dim("because:"));
        }
        said = what;
    }
    for help in helps {
        let _ = writeln!(out, "{} {help}", paint.help("help:"));
    }
    out
}

/// What happened, and what to do. The host puts its advice below the first line of its messages.
fn split(cause: &(dyn std::error::Error + 'static)) -> (String, Option<String>) {
    let text = cause.to_string();
    if let Some(Advised { help, .. }) = cause.downcast_ref() {
        return (text, Some(help.0.clone()));
    }
    match text.split_once('\n') {
        Some((what, help)) if cause.is::<host::Error>() => {
            (what.to_owned(), Some(help.replace('\n', "\n      ")))
        }
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn what_why_and_what_to_do() {
        let error = anyhow::anyhow!("no such file").context("can't read job.yaml");
        let error = advised(error, "name a file that is there");
        let seen = render(&error, Paint::plain());
        assert_eq!(
            seen,
            "error: can't read job.yaml\n  because: no such file\nhelp: name a file that is there\n"
        );
        assert_eq!(code(&error), FAILED);
    }

    #[test]
    fn the_host_gives_advice_below_its_first_line() {
        let error =
            host::Error::halted("the record at offset 7 failed\nSkip it.\nOr correct the module.")
                .into();
        assert_eq!(
            render(&error, Paint::plain()),
            "error: the record at offset 7 failed\nhelp: Skip it.\n      Or correct the module.\n"
        );
    }

    #[test]
    fn the_code_says_whether_to_start_again() {
        let cases = [
            (host::Error::input("x"), USAGE),
            (host::Error::halted("x"), HALTED),
            (host::Error::failed("x"), FAILED),
        ];
        for (error, want) in cases {
            let error = advised(
                Err::<(), _>(error).context("outer").expect_err("an error"),
                "do",
            );
            assert_eq!(code(&error), want, "{error:?}");
        }
        assert_eq!(code(&Usage("x".to_owned()).into()), USAGE);
    }
}
