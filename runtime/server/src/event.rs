//! What the API tells whoever runs it. Never a token's text, nor a body.

use crate::logs::LogLine;
use std::fmt;
use std::net::SocketAddr;

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiEvent {
    /// The API takes connections.
    Listening {
        /// Where.
        address: SocketAddr,
        /// With TLS.
        tls: bool,
    },
    /// The first start of an installation: its first token was written.
    FirstToken {
        /// Its file, as the configuration's paths are written.
        path: String,
    },
    /// A token was refused.
    Denied {
        /// Why; whoever presented it isn't told.
        why: String,
    },
    /// A request failed through no fault of its sender.
    Failed {
        /// Method and route.
        request: String,
        /// Why.
        why: String,
    },
    /// The catalog changed.
    Changed {
        /// Number of the revision.
        revision: u64,
        /// Id of the token.
        by: String,
        /// What was asked for: method and path.
        request: String,
    },
    /// Records of dead letters were given back to a job's source.
    Requeued {
        /// How many.
        records: u64,
        /// The source topic.
        topic: String,
        /// Id of the token.
        by: String,
        /// What was asked for: method and path.
        request: String,
    },
    /// The catalog can't be read for what other hosts wrote; the last one known is used.
    Stale {
        /// Why.
        why: String,
    },
    /// The other hosts can't be told that this one is there; they don't ask it then.
    Unannounced {
        /// Why.
        why: String,
    },
    /// The bytes of a module that nothing referred to for a day were removed.
    Removed {
        /// Its digest.
        digest: String,
    },
    /// What nothing refers to could not be removed; it will be tried again.
    Unswept {
        /// Why.
        why: String,
    },
    /// The files of the certificates have changed.
    Certificates {
        /// Why the new ones can't be used; none: they are in use.
        wrong: Option<String>,
    },
    /// Traces no longer arrive where they are sent, or do again.
    Traces {
        /// Why they don't.
        wrong: Option<String>,
    },
    /// A line of a job's log.
    Job {
        /// Whose it is.
        tenant: String,
        /// Its name.
        job: String,
        /// The line.
        line: LogLine,
    },
    /// No more connections are taken; running requests have a while to end.
    Stopping,
}

impl fmt::Display for ApiEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening { address, tls: true } => {
                write!(f, "the API listens on https://{address}")
            }
            Self::Listening {
                address,
                tls: false,
            } => write!(f, "the API listens on http://{address}"),
            Self::FirstToken { path } => {
                write!(
                    f,
                    "the first token, for the whole installation, is in {path}"
                )
            }
            Self::Denied { why } => write!(f, "a token was refused: {why}"),
            Self::Failed { request, why } => write!(f, "{request} failed: {why}"),
            Self::Changed {
                revision,
                by,
                request,
            } => write!(f, "revision {revision} by token {by}: {request}"),
            Self::Requeued {
                records,
                topic,
                by,
                request,
            } => write!(
                f,
                "{records} records were given back to topic {topic} by token {by}: {request}"
            ),
            Self::Stale { why } => write!(f, "the catalog can't be read anew: {why}"),
            Self::Unannounced { why } => {
                write!(f, "other hosts can't be told that this one is there: {why}")
            }
            Self::Removed { digest } => {
                write!(
                    f,
                    "nothing refers to module {digest}: its bytes were removed"
                )
            }
            Self::Unswept { why } => {
                write!(
                    f,
                    "modules that nothing refers to could not be removed: {why}"
                )
            }
            Self::Certificates { wrong: None } => f.write_str("the certificates were read anew"),
            Self::Certificates { wrong: Some(why) } => {
                write!(
                    f,
                    "the certificates in use stay, for the new ones are refused: {why}"
                )
            }
            Self::Traces { wrong: None } => f.write_str("traces arrive again"),
            Self::Traces { wrong: Some(why) } => {
                write!(
                    f,
                    "traces don't arrive (see `telemetry` in host.yaml), and what is too much to keep is dropped: {why}"
                )
            }
            Self::Job { tenant, job, line } => {
                write!(f, "{tenant}/{job}: ")?;
                if let Some(shard) = line.shard {
                    write!(f, "shard {shard}: ")?;
                }
                if let Some(operator) = &line.operator {
                    write!(f, "{operator}: ")?;
                }
                f.write_str(&line.text)
            }
            Self::Stopping => f.write_str("the API stops"),
        }
    }
}

/// Gets the events of the API, from several threads.
pub trait ApiObserver: Send + Sync + 'static {
    /// Something happened. Must not block.
    fn event(&self, event: ApiEvent);
}
