//! `GET /metrics`: counts of the API's own, and whatever the data plane measures, in Prometheus' text format.

use super::call::Call;
use super::problem::{Answer, Problem};
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
        let mut out = String::from(
            "# HELP sluicebox_api_requests_total Requests answered by the API.\n# TYPE sluicebox_api_requests_total counter\n",
        );
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
    let revision = call.catalog.revision;
    let (exported, dropped) = call.app.tracer.counts();
    let spans = format!(
        "# HELP sluicebox_trace_spans_total Spans of traces that arrived at their receiver (`exported`), and that did not (`dropped`).\n# TYPE sluicebox_trace_spans_total counter\nsluicebox_trace_spans_total{{outcome=\"exported\"}} {exported}\nsluicebox_trace_spans_total{{outcome=\"dropped\"}} {dropped}\n"
    );
    let text = format!(
        "{}{spans}# HELP sluicebox_catalog_revision Last revision of the catalog that this host has read.\n# TYPE sluicebox_catalog_revision gauge\nsluicebox_catalog_revision {revision}\n{fleet}",
        call.app.requests.text()
    );
    let kind = (header::CONTENT_TYPE, "text/plain; version=0.0.4");
    Ok::<_, Problem>(([kind], text))
}
