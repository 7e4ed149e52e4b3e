//! What can go wrong between this program and a host, and what to do about it. Hosts answer with RFC 9457 problems, whose
//! words are shown as they are.

use super::text::harmless;
use crate::failure::{Usage, advised};
use serde::Deserialize;
use std::fmt::Write;

/// A request that did not do what it should.
#[derive(Debug)]
pub enum Error {
    /// The host refused it, or failed.
    Refused(Box<Refusal>),
    /// No answer: whether the host did it is not known.
    Unreachable {
        /// The host.
        url: String,
        /// Why.
        why: String,
    },
    /// Something answered, but not as a host does.
    Foreign {
        /// What was asked.
        url: String,
        /// What it answered.
        why: String,
    },
    /// Its certificate does not lead to a root that is trusted here.
    Untrusted {
        /// The host.
        url: String,
        /// Why.
        why: String,
    },
}

/// What a host says when it refuses.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// What happened.
    pub detail: String,
    /// What to do.
    #[serde(default)]
    pub help: Option<String>,
    /// Each thing that is wrong with a spec.
    #[serde(default)]
    pub problems: Vec<SpecProblem>,
    /// When to try again, from the answer's head.
    #[serde(skip)]
    pub retry_after_s: Option<u64>,
}

/// One thing that is wrong with a spec.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SpecProblem {
    /// Line, from 1.
    pub line: Option<u64>,
    /// Character in the line, from 1.
    pub column: Option<u64>,
    /// Where in the structure.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Error {
    /// Whether the same request may do better later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_passing(),
            Self::Unreachable { .. } => true,
            Self::Foreign { .. } | Self::Untrusted { .. } => false,
        }
    }
}

impl Refusal {
    fn is_passing(&self) -> bool {
        matches!(self.status, 408 | 429 | 500..)
    }

    fn what(&self) -> String {
        let mut out = harmless(&self.detail);
        for problem in &self.problems {
            // A String takes any write.
            let _ = write!(out, "\n  ");
            if let Some(line) = problem.line {
                let _ = write!(out, "{line}:{}: ", problem.column.unwrap_or(1));
            }
            if !problem.path.is_empty() {
                let _ = write!(out, "{}: ", harmless(&problem.path));
            }
            let _ = write!(out, "{}", harmless(&problem.message));
            if let Some(help) = &problem.help {
                let _ = write!(out, "\n      {}", harmless(help));
            }
        }
        out
    }

    fn help(&self) -> Option<String> {
        if let Some(help) = &self.help {
            return Some(harmless(help).replace('\n', "\n      "));
        }
        match (self.status, self.retry_after_s) {
            (401, _) => Some(
                "get a token from whoever runs the host, then `sluicebox login URL`".to_owned(),
            ),
            (_, Some(seconds)) => Some(format!("try again in {seconds} s")),
            _ if self.is_passing() => Some("try again later".to_owned()),
            _ => None,
        }
    }
}

/// With the kind of error that decides the exit code.
impl From<Error> for anyhow::Error {
    fn from(error: Error) -> Self {
        let passing = error.is_passing();
        let (what, help) = match error {
            Error::Refused(refusal) => (refusal.what(), refusal.help()),
            Error::Unreachable { url, why } => (
                format!("no answer from {url}: {why}"),
                Some("see whether the host runs and the address is right; `sluicebox login URL` changes it".to_owned()),
            ),
            Error::Foreign { url, why } => (
                format!("{url} does not answer as a sluicebox host: {why}"),
                Some("check the address, or `sluicebox login` with the right one".to_owned()),
            ),
            Error::Untrusted { url, why } => (
                format!("the certificate of {url} is not trusted: {why}"),
                Some("if the host has a certificate of your own, `sluicebox login URL --ca FILE` names its root".to_owned()),
            ),
        };
        let error = match passing {
            true => anyhow::Error::msg(what),
            false => Usage(what).into(),
        };
        match help {
            Some(help) => advised(error, help),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure;

    fn seen(error: Error) -> String {
        failure::shown(&error.into())
    }

    fn refused(json: &str) -> Error {
        let refusal = serde_json::from_str(json).expect("a problem");
        Error::Refused(Box::new(refusal))
    }

    #[test]
    fn hosts_words_are_shown_and_the_code_says_whether_to_try_again() {
        let url = || "https://sluice.example".to_owned();
        let seen = [
            seen(refused(
                r#"{"type": "/problems/scope", "title": "x", "status": 403, "detail": "this needs a token with the scope `push`", "help": "this one has `view`"}"#,
            )),
            seen(refused(
                r#"{"status": 401, "detail": "the token is not valid\u001b[31m"}"#,
            )),
            seen(refused(
                r#"{"status": 422, "detail": "the job spec has 2 problems", "problems": [
                {"line": 3, "column": 5, "path": "source", "message": "unknown key `tpic`", "help": "did you mean `topic`?"},
                {"path": "kafka", "message": "this host has no connection `eu`"}]}"#,
            )),
            seen(Error::Refused(Box::new(Refusal {
                status: 429,
                detail: "this token may make 50 requests a second".to_owned(),
                retry_after_s: Some(1),
                ..Refusal::default()
            }))),
            seen(refused(
                r#"{"status": 500, "detail": "the request failed through no fault of yours"}"#,
            )),
            seen(Error::Unreachable {
                url: url(),
                why: "connection refused".to_owned(),
            }),
            seen(Error::Foreign {
                url: url(),
                why: "its answer is no JSON".to_owned(),
            }),
            seen(Error::Untrusted {
                url: url(),
                why: "UnknownIssuer".to_owned(),
            }),
        ];
        insta::assert_snapshot!(seen.join("\n"), @r"
        exit 2
        error: this needs a token with the scope `push`
        help: this one has `view`

        exit 2
        error: the token is not valid?[31m
        help: get a token from whoever runs the host, then `sluicebox login URL`

        exit 2
        error: the job spec has 2 problems
          3:5: source: unknown key `tpic`
              did you mean `topic`?
          kafka: this host has no connection `eu`

        exit 1
        error: this token may make 50 requests a second
        help: try again in 1 s

        exit 1
        error: the request failed through no fault of yours
        help: try again later

        exit 1
        error: no answer from https://sluice.example: connection refused
        help: see whether the host runs and the address is right; `sluicebox login URL` changes it

        exit 2
        error: https://sluice.example does not answer as a sluicebox host: its answer is no JSON
        help: check the address, or `sluicebox login` with the right one

        exit 2
        error: the certificate of https://sluice.example is not trusted: UnknownIssuer
        help: if the host has a certificate of your own, `sluicebox login URL --ca FILE` names its root
        ");
    }
}
