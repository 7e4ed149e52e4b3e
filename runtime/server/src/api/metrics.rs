//! `GET /metrics`: counts of the API's own, and whatever the data plane measures, in Prometheus' text format.

use super::call::Call;
use super::problem::{Answer, Problem};
use crate::exposition::head;
use axum::http::header;
use axum::response::IntoResponse;
use sluicebox_catalog::Scope;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

/// Requests by method, route and status. Routes are those of the router, so there are few.
#[derive(Debug, Default)]
pub struct Requests(Mutex<BTreeMap<(String, String, u16), u64>>);

impl Requests {
    /// Count one.
    pub fn count(&self, method: &str, route: &str, status: u16) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts
            .entry((method.to_owned(), route.to_owned(), status))
            .or_default() += 1;
    }

    fn text(&self) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        let help = "Requests answered by the API.";
        head(&mut out, "sluicebox_api_requests_total", "counter", help);
        for ((method, route, status), count) in counts.iter() {
            // A String takes any write.
            let _ = writeln!(
                out,
                "sluicebox_api_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {count}"
            );
        }
        out
    }
}

/// The metrics of this host.
#[utoipa::path(get, path = "/metrics", tag = "host", operation_id = "metrics",
    responses((status = 200, description = "Prometheus' text format", content_type = "text/plain", body = String)))]
pub async fn metrics(call: Call) -> Answer<impl IntoResponse + use<>> {
    call.require_installation(Scope::View)?;
    let fleet = call.app.ask(|fleet| fleet.metrics()).await?;
    let mut text = call.app.requests.text();
    spans(&mut text, call.app.tracer.counts());
    const REVISION: &str = "sluicebox_catalog_revision";
    let help = "Last revision of the catalog that this host has read.";
    head(&mut text, REVISION, "gauge", help);
    // A String takes any write.
    let _ = writeln!(text, "{REVISION} {}", call.catalog.revision);
    text.push_str(&fleet);
    let kind = (header::CONTENT_TYPE, "text/plain; version=0.0.4");
    Ok::<_, Problem>(([kind], text))
}

fn spans(out: &mut String, (exported, dropped): (u64, u64)) {
    const NAME: &str = "sluicebox_trace_spans_total";
    let help = "Spans of traces that arrived at their receiver (`exported`), and that did not (`dropped`).";
    head(out, NAME, "counter", help);
    for (outcome, count) in [("exported", exported), ("dropped", dropped)] {
        // A String takes any write.
        let _ = writeln!(out, "{NAME}{{outcome=\"{outcome}\"}} {count}");
    }
}
