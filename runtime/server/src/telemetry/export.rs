//! Sends spans to where they go, one batch at a time.

use super::otlp::{self, Resource};
use super::span::Span;
use super::{Counts, Otlp, Shared, Tracer};
use crate::clock::Clock;
use crate::error::{Error, root};
use crate::event::{ApiEvent, ApiObserver};
use crate::limits::{SPANS_BATCH_MAX, SPANS_EVERY, SPANS_QUEUED_MAX, SPANS_RETRY_MAX, SPANS_WAIT};
use axum::http::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Sends what a [`Tracer`] takes.
pub struct Exporter {
    client: reqwest::Client,
    url: String,
    /// `service.instance.id` and the like.
    resource: Resource,
    queue: mpsc::Receiver<Span>,
    /// Taken from the queue, and not there yet.
    batch: Vec<Span>,
    counts: Arc<Counts>,
    observer: Arc<dyn ApiObserver>,
    /// That it fails was told.
    told: bool,
}

/// Why a batch did not arrive.
enum Failed {
    /// It may, later.
    Retry(String),
    /// It never will.
    Refused(String),
}

/// A tracer, and what sends its spans. Nothing is sent yet.
pub fn exporter(
    otlp: &Otlp,
    resource: Resource,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn ApiObserver>,
) -> Result<(Tracer, Exporter), Error> {
    let (sender, queue) = mpsc::channel(SPANS_QUEUED_MAX);
    let counts = Arc::<Counts>::default();
    let tracer = Tracer(Some(Arc::new(Shared {
        queue: sender,
        sample_percent: otlp.sample_percent,
        clock,
        counts: counts.clone(),
    })));
    let exporter = Exporter {
        client: client(otlp).map_err(Error::Telemetry)?,
        url: format!("{}/v1/traces", otlp.endpoint.trim_end_matches('/')),
        resource,
        queue,
        batch: Vec::new(),
        counts,
        observer,
        told: false,
    };
    Ok((tracer, exporter))
}

fn client(otlp: &Otlp) -> Result<reqwest::Client, String> {
    // Whoever was first has chosen the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut headers = HeaderMap::new();
    for (name, value) in &otlp.headers {
        let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
        let mut value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    reqwest::Client::builder()
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(SPANS_WAIT)
        .build()
        .map_err(|error| error.to_string())
}

impl Exporter {
    /// Send for ever.
    pub async fn run(&mut self) {
        let mut pause = SPANS_EVERY;
        loop {
            if self.batch.is_empty() && self.take().await == 0 {
                return std::future::pending().await;
            }
            match self.send().await {
                true => pause = SPANS_EVERY,
                false => pause = (pause * 2).min(SPANS_RETRY_MAX),
            }
            // Others come in the meantime; where many do, the next batch is full already.
            if !self.batch.is_empty() || self.queue.len() < SPANS_BATCH_MAX {
                sleep(pause).await;
            }
        }
    }

    /// Send what is left, until something fails.
    pub async fn flush(&mut self) {
        loop {
            if self.batch.is_empty() && (self.queue.is_empty() || self.take().await == 0) {
                return;
            }
            if !self.send().await {
                return;
            }
        }
    }

    async fn take(&mut self) -> usize {
        self.queue.recv_many(&mut self.batch, SPANS_BATCH_MAX).await
    }

    /// Send the batch; answers whether it is worth going on.
    async fn send(&mut self) -> bool {
        let spans = self.batch.len() as u64;
        let (counter, failed) = match self.post().await {
            Ok(()) => (&self.counts.exported, None),
            Err(Failed::Refused(why)) => (&self.counts.dropped, Some(why)),
            Err(Failed::Retry(why)) => {
                self.tell(Some(why));
                return false;
            }
        };
        counter.fetch_add(spans, Ordering::Relaxed);
        self.batch.clear();
        let good = failed.is_none();
        self.tell(failed);
        good
    }

    /// The first failure of a row, and its end.
    fn tell(&mut self, wrong: Option<String>) {
        let news = wrong.is_some() != self.told;
        self.told = wrong.is_some();
        if news {
            self.observer.event(ApiEvent::Traces { wrong });
        }
    }

    async fn post(&self) -> Result<(), Failed> {
        let sent = (self.client.post(&self.url))
            .header("content-type", "application/json")
            .body(otlp::request(&self.resource, &self.batch))
            .send()
            .await;
        let status = match sent {
            Ok(answer) => answer.status(),
            Err(error) => return Err(Failed::Retry(root(&error.without_url()))),
        };
        let why = format!("it answers {status}");
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Failed::Retry(why)),
            _ => Err(Failed::Refused(why)),
        }
    }
}
