//! A job's log: its last lines, or those and all that follow, one JSON object a line.

use super::call::Call;
use super::documents::{JobPath, TenantPath};
use super::problem::{Answer, Problems};
use crate::limits::{LOG_LINES_MAX, LOG_TAIL_DEFAULT};
use crate::logs::{LogLine, LogReader};
use crate::slots::Slot;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use sluicebox_catalog::Scope;
use std::convert::Infallible;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// Lines of one piece of an answer.
const LINES_AT_ONCE: usize = 200;
/// How often a stream on which nothing happens looks whether its reader may still have it.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Go on with the lines to come.
    follow: bool,
    /// How many of the last lines to begin with.
    #[param(default = 100)]
    tail: usize,
}

impl Default for Which {
    fn default() -> Self {
        Self {
            follow: false,
            tail: LOG_TAIL_DEFAULT,
        }
    }
}

/// Stands for lines that came and went before they could be sent.
#[derive(Serialize, ToSchema)]
pub struct MissedLines {
    missed: u64,
}

/// The log of a job on this host: what its modules said and what became of its shards. Each line is a JSON object; one
/// with `missed` stands for lines that this reader was too slow for.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/jobs/{job}/logs", tag = "jobs", operation_id = "get-job-logs",
    params(TenantPath, JobPath, Which),
    responses((status = 200, description = "Lines of JSON", content_type = "application/x-ndjson", body = LogLine), Problems))]
pub async fn logs(call: Call) -> Answer<impl IntoResponse + use<>> {
    let (tenant, _) = call.tenant(Scope::View)?;
    let job = call.name("job")?;
    let which: Which = call.query()?;
    let uid = call.catalog.job(tenant, job)?.uid;
    let slot = match which.follow {
        true => Some(call.app.follow(tenant).await?),
        false => None,
    };
    let (tenant, job) = (tenant.to_owned(), job.to_owned());
    let (owner, asked) = (tenant.clone(), job.clone());
    let logs = call
        .app
        .ask(move |fleet| fleet.logs(&owner, &asked))
        .await?;
    // A job that has not begun here has no lines yet; whoever follows it waits for the first.
    let reader = logs.map(|logs| logs.read(which.tail.min(LOG_LINES_MAX)));
    let kind = (header::CONTENT_TYPE, "application/x-ndjson");
    let Some(slot) = slot else {
        let mut body = Vec::new();
        if let Some(mut reader) = reader {
            write(&mut reader, usize::MAX, &mut body);
        }
        return Ok(([kind], Body::from(body)));
    };
    let follower = Follower {
        call,
        tenant,
        job,
        uid,
        reader,
        _slot: slot,
    };
    let pieces = stream::unfold(follower, |mut follower| async move {
        let piece = follower.next().await?;
        Some((Ok::<_, Infallible>(piece), follower))
    });
    Ok(([kind], Body::from_stream(pieces)))
}

struct Follower {
    call: Call,
    tenant: String,
    job: String,
    uid: u64,
    reader: Option<LogReader>,
    _slot: Slot,
}

impl Follower {
    /// The next lines; `None`: that was all.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let mut piece = Vec::new();
            if let Some(reader) = &mut self.reader {
                write(reader, LINES_AT_ONCE, &mut piece);
            }
            if *self.call.app.stopping.borrow() || !self.is_allowed() {
                return None;
            }
            if !piece.is_empty() {
                return Some(piece.into());
            }
            let line = async {
                match &mut self.reader {
                    Some(reader) => reader.wait().await,
                    None => std::future::pending().await,
                }
            };
            let stopping = self.call.app.stopping();
            let look = tokio::select! {
                () = line => false,
                () = stopping => false,
                () = tokio::time::sleep(LOOK_EVERY) => true,
            };
            if look {
                self.look_for_log().await;
            }
        }
    }

    /// The log of a job that had none when the stream began.
    async fn look_for_log(&mut self) {
        if self.reader.is_some() {
            return;
        }
        let (tenant, job) = (self.tenant.clone(), self.job.clone());
        let logs = self.call.app.ask(move |fleet| fleet.logs(&tenant, &job));
        if let Ok(Some(logs)) = logs.await {
            self.reader = Some(logs.read(LOG_LINES_MAX));
        }
    }

    /// Tokens end and jobs are deleted while streams last.
    fn is_allowed(&self) -> bool {
        let catalog = self.call.app.store.current();
        let job = catalog.job(&self.tenant, &self.job);
        job.is_ok_and(|job| job.uid == self.uid) && self.call.is_still_valid(&catalog)
    }
}

fn write(reader: &mut LogReader, max: usize, out: &mut Vec<u8>) {
    let taken = reader.take(max);
    if taken.missed > 0 {
        line(
            &MissedLines {
                missed: taken.missed,
            },
            out,
        );
    }
    for taken in &taken.lines {
        line(taken, out);
    }
}

fn line(value: &impl Serialize, out: &mut Vec<u8>) {
    // Neither these types nor a Vec can fail.
    if serde_json::to_writer(&mut *out, value).is_ok() {
        out.push(b'\n');
    }
}
