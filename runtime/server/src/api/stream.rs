//! A job's log: its last lines, or those and all that follow, one JSON object a line; of all hosts, or of the one that answers.

use super::call::Call;
use super::documents::{JobPath, TenantPath};
use super::hosts;
use super::others::Others;
use super::problem::{Answer, Problems};
use crate::limits::{LOG_LINES_MAX, LOG_TAIL_DEFAULT, PEER_WAIT};
use crate::logs::{LogLine, LogReader};
use crate::slots::Slot;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use sluicebox_catalog::{HostRecord, Scope};
use sluicebox_host::Level;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use utoipa::{IntoParams, ToSchema};

/// Lines of one piece of an answer.
const LINES_AT_ONCE: usize = 200;
/// How often a stream on which nothing happens looks whether its reader may still have it, and for other hosts.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a stream waits for what other hosts have said before it began, so that lines stand in the order of their times.
const GATHER: Duration = Duration::from_millis(300);

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
    /// Only those of the host that answers.
    this_host: bool,
}

impl Default for Which {
    fn default() -> Self {
        Self {
            follow: false,
            tail: LOG_TAIL_DEFAULT,
            this_host: false,
        }
    }
}

/// A line and whose it is.
#[derive(Serialize, ToSchema)]
#[schema(as = LogLine)]
pub struct HostLogLine<'a> {
    #[serde(flatten)]
    line: &'a LogLine,
    /// Id of the host that said it.
    host: &'a str,
}

/// Stands for lines that came and went before they could be sent.
#[derive(Serialize, ToSchema)]
pub struct MissedLines {
    missed: u64,
}

/// The log of a job: what its modules said and what became of its shards, on all hosts. Each line is a JSON object; one
/// with `missed` stands for lines that this reader was too slow for.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/jobs/{job}/logs", tag = "jobs", operation_id = "get-job-logs",
    params(TenantPath, JobPath, Which),
    responses((status = 200, description = "Lines of JSON", content_type = "application/x-ndjson", body = HostLogLine), Problems))]
pub async fn logs(call: Call) -> Answer<impl IntoResponse + use<>> {
    let (tenant, _) = call.tenant(Scope::View)?;
    let job = call.name("job")?;
    let which: Which = call.query()?;
    let tail = which.tail.min(LOG_LINES_MAX);
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
    let reader = logs.map(|logs| logs.read(tail));
    let others = (!which.this_host).then(|| Others::new(&call, &tenant, &job, which.follow));
    let this = hosts::this(&call);
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    let mut follower = Follower {
        call,
        tenant,
        job,
        uid,
        reader,
        others,
        begun: None,
        _slot: slot,
    };
    let first = follower.first(tail, which.follow).await;
    if !which.follow {
        return Ok((this, kind, Body::from(first)));
    }
    follower.begun = Some(first);
    let pieces = stream::unfold(follower, |mut follower| async move {
        let piece = follower.next().await?;
        Some((Ok::<_, Infallible>(piece), follower))
    });
    Ok((this, kind, Body::from_stream(pieces)))
}

struct Follower {
    call: Call,
    tenant: String,
    job: String,
    uid: u64,
    reader: Option<LogReader>,
    /// None: only this host is asked for.
    others: Option<Others>,
    /// What it begins with, until that is sent.
    begun: Option<Vec<u8>>,
    _slot: Option<Slot>,
}

impl Follower {
    /// The last lines of all hosts, in the order of their times.
    async fn first(&mut self, tail: usize, follow: bool) -> Vec<u8> {
        let mut lines = Vec::new();
        self.write(usize::MAX, &mut lines);
        let Some(others) = &mut self.others else {
            return lines;
        };
        if others.look(&self.call, tail).await == 0 {
            return lines;
        }
        let wait = match follow {
            true => GATHER,
            false => PEER_WAIT,
        };
        let until = Instant::now() + wait;
        while !others.ended()
            && let Ok((host, piece)) = timeout_at(until, others.next()).await
        {
            match piece {
                Ok(more) => lines.extend_from_slice(&more),
                Err(why) => line(&silent(&self.call, &host, &why), &mut lines),
            }
        }
        by_time(&lines, tail)
    }

    /// The next lines; `None`: that was all.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let mut piece = self.begun.take().unwrap_or_default();
            self.write(LINES_AT_ONCE, &mut piece);
            if *self.call.app.stopping.borrow() || !self.is_allowed() {
                return None;
            }
            if !piece.is_empty() {
                return Some(piece.into());
            }
            let here = async {
                match &mut self.reader {
                    Some(reader) => reader.wait().await,
                    None => std::future::pending().await,
                }
            };
            let elsewhere = async {
                match &mut self.others {
                    Some(others) => others.next().await,
                    None => std::future::pending().await,
                }
            };
            let stopping = self.call.app.stopping();
            let look = tokio::select! {
                () = here => false,
                (host, piece) = elsewhere => {
                    let piece = piece.unwrap_or_else(|why| {
                        let mut told = Vec::new();
                        line(&silent(&self.call, &host, &why), &mut told);
                        told.into()
                    });
                    self.begun = Some(piece.into());
                    false
                }
                () = stopping => false,
                () = sleep(LOOK_EVERY) => true,
            };
            if look {
                self.look_for_logs().await;
            }
        }
    }

    /// The log of a job that had none here when the stream began, and those of hosts that have come since.
    async fn look_for_logs(&mut self) {
        if let Some(others) = &mut self.others {
            others.look(&self.call, LOG_LINES_MAX).await;
        }
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

    /// What this host has said since the last time.
    fn write(&mut self, max: usize, out: &mut Vec<u8>) {
        let Some(reader) = &mut self.reader else {
            return;
        };
        let taken = reader.take(max);
        if taken.missed > 0 {
            let missed = taken.missed;
            line(&MissedLines { missed }, out);
        }
        let host = self.call.app.peers.id();
        for taken in &taken.lines {
            line(&HostLogLine { line: taken, host }, out);
        }
    }
}

/// Stands for the log of a host that can't be read.
fn silent(call: &Call, host: &HostRecord, why: &str) -> serde_json::Value {
    let line = LogLine {
        at_ms: call.app.clock.now_ms(),
        shard: None,
        operator: None,
        level: Level::Warn,
        text: format!("the log of this host can't be read: {why}"),
    };
    let host = host.id.as_str();
    // Texts and numbers can't fail to be written.
    serde_json::to_value(HostLogLine { line: &line, host }).unwrap_or_default()
}

/// The last lines, in the order of their times; those without one go first.
fn by_time(lines: &[u8], tail: usize) -> Vec<u8> {
    #[derive(Deserialize)]
    struct At {
        at_ms: i64,
    }
    let at = |line: &&[u8]| serde_json::from_slice::<At>(line).map_or(i64::MIN, |at| at.at_ms);
    let mut lines: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == b'\n').collect();
    lines.sort_by_cached_key(at);
    lines.split_off(lines.len().saturating_sub(tail)).concat()
}

fn line(value: &impl Serialize, out: &mut Vec<u8>) {
    // Neither these types nor a Vec can fail.
    if serde_json::to_writer(&mut *out, value).is_ok() {
        out.push(b'\n');
    }
}
