//! Dead letters of a job: looking at them, and giving their records back to its source. Both touch topics as the job's
//! tenant, so its policy is asked again.

use super::call::Call;
use super::documents::{JobPath, TenantPath};
use super::problem::{Answer, Kind, Problem, Problems};
use crate::event::ApiEvent;
use axum::Json;
use axum::body::Body;
use serde::{Deserialize, Serialize};
use sluicebox_catalog::{Policy, Scope, hex};
use sluicebox_core::pipeline::source_topic;
use sluicebox_core::spec::JobSpec;
use sluicebox_host::letters::{Listed, ListedLetter, Requeue, Requeued, Which};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Letters of an answer that doesn't say how many, and most of any.
const LETTERS_DEFAULT: usize = 50;
const LETTERS_MAX: usize = 1_000;

/// Which letters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct WhichLetters {
    /// Those that were dealt with too.
    all: bool,
    /// Those of this operator only.
    operator: Option<String>,
    /// Those whose error contains this text only.
    error: Option<String>,
    /// How many at most.
    #[param(default = 50, maximum = 1000)]
    limit: usize,
}

impl Default for WhichLetters {
    fn default() -> Self {
        Self {
            all: false,
            operator: None,
            error: None,
            limit: LETTERS_DEFAULT,
        }
    }
}

/// Dead letters of a job.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetters)]
pub struct LettersView {
    /// The first ones, by partition and offset.
    letters: Vec<LetterView>,
    /// How many there are, as far as was looked.
    count: u64,
    /// There are more records in the topic than were looked at.
    more: bool,
}

/// A dead letter.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub struct LetterView {
    /// Where it is in the dead-letter topic.
    partition: i32,
    offset: i64,
    /// Its event time, in milliseconds since 1970.
    timestamp_ms: i64,
    /// The operator that failed, or the source.
    operator: String,
    /// Why.
    error: String,
    /// Where its record was read.
    source_partition: i32,
    /// None: at the end of bounded input.
    source_offset: Option<i64>,
    /// It is the result of a window that ends then, in milliseconds since 1970, and no record.
    #[serde(skip_serializing_if = "Option::is_none")]
    window_end_ms: Option<i64>,
    /// None: a null key.
    key: Option<FieldView>,
    /// None: a tombstone.
    value: Option<FieldView>,
    /// Whether nothing of it was too large for the dead-letter topic.
    whole: bool,
}

/// The beginning of a key or a value.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DeadLetterField)]
pub struct FieldView {
    /// As text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// In hexadecimal, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    /// Length of the whole, in bytes.
    bytes: usize,
}

/// What to give back.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequeueWish {
    /// Only say what would be done.
    dry_run: bool,
    /// Also records of which the job may have made something before they failed: that counts twice.
    repeats: bool,
    /// Letters before these offsets of the dead-letter topic only, by partition; left out: all that there are now.
    #[schema(value_type = BTreeMap<String, i64>)]
    until: BTreeMap<i32, i64>,
}

/// What became of the letters, as far as one transaction goes.
#[derive(Serialize, ToSchema)]
#[schema(as = Requeued)]
pub struct RequeuedView {
    /// The source topic.
    topic: String,
    /// Records given back, by the operator that failed.
    requeued: BTreeMap<String, u64>,
    /// Letters of a record that was given back anyway.
    duplicates: u64,
    /// Letters whose record is not in the source any more.
    gone: u64,
    /// Letters that are results of windows: there is no record to give back.
    windows: u64,
    /// What is no dead letter of this job.
    foreign: u64,
    /// The end that was meant, by partition.
    #[schema(value_type = BTreeMap<String, i64>)]
    until: BTreeMap<i32, i64>,
    /// Whether that was reached; if not, ask again with this `until`.
    done: bool,
}

/// The dead letters of a job that were not dealt with yet.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/jobs/{job}/dead-letters", tag = "jobs", operation_id = "list-dead-letters",
    params(TenantPath, JobPath, WhichLetters),
    responses((status = 200, description = "The letters", body = LettersView), Problems))]
pub async fn list(call: Call) -> Answer<Json<LettersView>> {
    let (tenant, owner) = call.tenant(Scope::View)?;
    let job = call.name("job")?;
    let wanted: WhichLetters = call.query()?;
    readable(&call, tenant, job, &owner.policy)?;
    let which = Which {
        all: wanted.all,
        operator: wanted.operator,
        error: wanted.error,
        letters_max: wanted.limit.min(LETTERS_MAX),
    };
    let work = call.app.work(tenant).await?;
    let (owner, asked) = (tenant.to_owned(), job.to_owned());
    let listed = call.app.ask(move |fleet| {
        let listed = fleet.letters(&owner, &asked, &which);
        drop(work);
        listed
    });
    Ok(Json(listed.await??.into()))
}

/// Give the records of dead letters back to the job's source, as many as fit into one transaction: each once, whoever else
/// asks for it or is killed meanwhile. Whatever else reads that topic sees them again.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/jobs/{job}/dead-letters/requeue", tag = "jobs", operation_id = "requeue-dead-letters",
    params(TenantPath, JobPath), request_body = RequeueWish,
    responses((status = 200, description = "What became of them", body = RequeuedView), Problems))]
pub async fn requeue(call: Call, body: Body) -> Answer<Json<RequeuedView>> {
    let (tenant, owner) = call.tenant(Scope::Deploy)?;
    let job = call.name("job")?;
    let wish: RequeueWish = call.json(body).await?;
    let spec = readable(&call, tenant, job, &owner.policy)?;
    let source = source_topic(&spec.source);
    may(&owner.policy, Policy::may_write, "write to", &source)?;
    let dry_run = wish.dry_run;
    let wish = Requeue {
        dry_run,
        repeats: wish.repeats,
        until: wish.until,
    };
    let work = call.app.work(tenant).await?;
    let (owner, asked) = (tenant.to_owned(), job.to_owned());
    let requeued = call.app.ask(move |fleet| {
        let requeued = fleet.requeue(&owner, &asked, &wish);
        drop(work);
        requeued
    });
    let requeued = requeued.await??;
    let records: u64 = requeued.requeued.values().sum();
    if records > 0 && !dry_run {
        call.app.observer.event(ApiEvent::Requeued {
            records,
            topic: source,
            by: call.principal.token_id.clone(),
            request: call.request(),
        });
    }
    Ok(Json(requeued.into()))
}

/// What runs, if its tenant may read its dead letters. A spec that a newer host wrote can't be read.
fn readable(call: &Call, tenant: &str, job: &str, policy: &Policy) -> Answer<JobSpec> {
    let job = call.catalog.job(tenant, job)?;
    let text = job.current().map(|version| version.spec.as_str());
    let spec = JobSpec::parse(text.unwrap_or_default(), &|_| None)?;
    if let Some(topic) = &spec.dead_letter {
        may(policy, Policy::may_read, "read", topic)?;
    }
    Ok(spec)
}

fn may(policy: &Policy, allowed: fn(&Policy, &str) -> bool, what: &str, topic: &str) -> Answer<()> {
    match allowed(policy, topic) {
        true => Ok(()),
        false => Err(Problem::new(
            Kind::Policy,
            format!("this tenant may not {what} topic `{topic}`, which this needs"),
        )
        .help("whoever runs the installation can change the tenant's policy")),
    }
}

impl From<Listed> for LettersView {
    fn from(listed: Listed) -> Self {
        Self {
            letters: listed.letters.into_iter().map(LetterView::from).collect(),
            count: listed.count,
            more: listed.more,
        }
    }
}

impl From<ListedLetter> for LetterView {
    fn from(listed: ListedLetter) -> Self {
        let letter = listed.letter;
        Self {
            partition: listed.partition,
            offset: listed.offset,
            timestamp_ms: listed.timestamp,
            operator: letter.operator,
            error: letter.error,
            source_partition: letter.source_partition,
            source_offset: letter.source_offset,
            window_end_ms: letter.window_end,
            key: listed.key.map(FieldView::from),
            value: listed.value.map(FieldView::from),
            whole: letter.whole,
        }
    }
}

impl From<(Vec<u8>, usize)> for FieldView {
    fn from((beginning, bytes): (Vec<u8>, usize)) -> Self {
        let text = match std::str::from_utf8(&beginning) {
            Ok(text) => Some(text),
            // The cut may have gone through a character.
            Err(error) if error.error_len().is_none() && beginning.len() < bytes => {
                std::str::from_utf8(&beginning[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        let hex = || hex(&beginning);
        Self {
            text: text.map(str::to_owned),
            hex: text.is_none().then(hex),
            bytes,
        }
    }
}

impl From<Requeued> for RequeuedView {
    fn from(requeued: Requeued) -> Self {
        Self {
            topic: requeued.topic,
            requeued: requeued.requeued,
            duplicates: requeued.duplicates,
            gone: requeued.gone,
            windows: requeued.windows,
            foreign: requeued.foreign,
            until: requeued.until,
            done: requeued.done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_text_where_they_can_be() {
        let field = |beginning: &[u8], bytes| FieldView::from((beginning.to_vec(), bytes));
        let text = |text: &str, bytes| FieldView {
            text: Some(text.to_owned()),
            hex: None,
            bytes,
        };
        assert_eq!(field("käse".as_bytes(), 5), text("käse", 5));
        assert_eq!(field(&"kä".as_bytes()[..2], 9), text("k", 9));
        let hex = FieldView {
            text: None,
            hex: Some("6bc3".to_owned()),
            bytes: 2,
        };
        assert_eq!(field(&"kä".as_bytes()[..2], 2), hex);
    }
}
