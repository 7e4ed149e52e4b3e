//! Traces for OpenTelemetry: what a request, a deployment, a recovery or an epoch took. Off unless the configuration names
//! where they go.
//!
//! Whoever ends a span hands it to a bounded queue and goes on: a full one drops it. One task sends what is queued
//! ([`Exporter`]), so a receiver that is slow or away costs spans and nothing else.

mod export;
mod otlp;
mod span;

pub use export::{Exporter, exporter};
pub use otlp::Resource;
pub use span::{Attributes, Context, Kind, Span, Value};

use crate::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// Where traces go.
#[derive(Clone, PartialEq, Eq)]
pub struct Otlp {
    /// Base of its URL; `/v1/traces` is added.
    pub endpoint: String,
    /// Sent with each request; values are secret.
    pub headers: Vec<(String, String)>,
    /// How many of a hundred traces are kept.
    pub sample_percent: u8,
}

impl std::fmt::Debug for Otlp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Otlp")
            .field("endpoint", &self.endpoint)
            .field("headers", &names)
            .field("sample_percent", &self.sample_percent)
            .finish()
    }
}

/// Spans that were sent, and that nobody will see.
#[derive(Debug, Default)]
struct Counts {
    exported: AtomicU64,
    dropped: AtomicU64,
}

/// Takes spans. Clones are the same; the default one takes none.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Shared>>);

struct Shared {
    queue: mpsc::Sender<Span>,
    sample_percent: u8,
    clock: Arc<dyn Clock>,
    counts: Arc<Counts>,
}

impl Tracer {
    /// A new trace; none if it is not to be kept.
    fn begin(&self) -> Option<Context> {
        let shared = self.0.as_ref()?;
        Context::random().filter(|context| context.sampled(shared.sample_percent))
    }

    /// A request's part of the trace that its `traceparent` names, if it is to be kept; a trace of its own if it names none.
    pub fn take_up(&self, traceparent: Option<&str>) -> Option<(Context, Option<Context>)> {
        self.0.as_ref()?;
        match traceparent.and_then(span::parse_traceparent) {
            Some((parent, true)) => Some((parent.child()?, Some(parent))),
            Some((_, false)) => None,
            None => Some((self.begin()?, None)),
        }
    }

    /// Something that the host has just done by itself, in a trace of its own. `attributes` is called if that is kept.
    pub fn did(
        &self,
        name: &str,
        took: Duration,
        error: Option<String>,
        attributes: impl FnOnce() -> Attributes,
    ) -> Option<Context> {
        let context = self.begin()?;
        self.ended(Span {
            context,
            parent: None,
            name: name.to_owned(),
            kind: Kind::Internal,
            interval: self.interval(took),
            attributes: attributes(),
            error,
        });
        Some(context)
    }

    /// The last part of something that has just ended.
    pub fn part(&self, of: Context, name: &str, took: Duration) {
        let Some(context) = of.child() else { return };
        self.ended(Span {
            context,
            parent: Some(of.span),
            name: name.to_owned(),
            kind: Kind::Internal,
            interval: self.interval(took),
            attributes: Attributes::new(),
            error: None,
        });
    }

    /// A span that has just ended. Never waits.
    pub fn ended(&self, span: Span) {
        let Some(shared) = &self.0 else { return };
        if shared.queue.try_send(span).is_err() {
            shared.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// When something began that has just ended and took this long, and when it ended: in nanoseconds since 1970.
    pub fn interval(&self, took: Duration) -> (u64, u64) {
        let now_ms = self.0.as_ref().map_or(0, |shared| shared.clock.now_ms());
        let end = u64::try_from(now_ms).unwrap_or(0).saturating_mul(1_000_000);
        (end.saturating_sub(nanos(took)), end)
    }

    /// Spans that were sent, and that were dropped.
    pub fn counts(&self) -> (u64, u64) {
        let Some(shared) = &self.0 else { return (0, 0) };
        let Counts { exported, dropped } = shared.counts.as_ref();
        (
            exported.load(Ordering::Relaxed),
            dropped.load(Ordering::Relaxed),
        )
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
