//! What all hosts say together: each is asked about its own part of a job, with the token of whoever asks here.

use super::call::Call;
use super::documents::{JobPath, TenantPath};
use super::problem::{Answer, Problems};
use crate::peers::{Answered, HOST_HEADER};
use crate::port::{RunState, ShardStatus, Status};
use axum::Json;
use axum::http::HeaderValue;
use axum::response::IntoResponse;
use serde::Serialize;
use sluicebox_catalog::{HostRecord, Scope};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A host of the installation.
#[derive(Serialize, ToSchema)]
#[schema(as = Host)]
pub struct HostView {
    /// Its identity, kept over restarts.
    id: String,
    /// Where the others reach its API; none: it has not said so.
    url: Option<String>,
    /// Which sluicebox it is.
    version: String,
    /// When it started, in milliseconds since 1970.
    started_ms: i64,
    /// It is the one that answers.
    this: bool,
}

/// What a host says of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HostStatus {
    /// Its id.
    pub host: String,
    /// Where it is reached.
    pub url: Option<String>,
    /// How the job is there; none: nothing of it is there, or the host was not reached.
    pub state: Option<RunState>,
    /// The version that runs there.
    pub version: Option<u32>,
    /// Why it is so, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why the host was not reached: what it runs is not in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreached: Option<String>,
}

/// What a host runs of a job, or why that is not known.
type Told = Answered<Option<Status>>;

/// A job, put together from what its hosts say.
pub type Everywhere = (Option<Status>, Vec<HostStatus>);

/// The hosts that were there lately, whatever they run.
#[utoipa::path(get, path = "/v1/hosts", tag = "host", operation_id = "list-hosts",
    responses((status = 200, description = "By id", body = Vec<HostView>), Problems))]
pub async fn list(call: Call) -> Answer<Json<Vec<HostView>>> {
    call.require_installation(Scope::View)?;
    let peers = &call.app.peers;
    let view = |this: bool| {
        move |host: HostRecord| HostView {
            id: host.id,
            url: host.url,
            version: host.version,
            started_ms: host.started_ms,
            this,
        }
    };
    let mut hosts = vec![view(true)(peers.this())];
    hosts.extend(peers.others().await.into_iter().map(view(false)));
    hosts.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Ok(Json(hosts))
}

/// What the host that answers runs of a job; none: nothing.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/jobs/{job}/status", tag = "jobs", operation_id = "get-job-status",
    params(TenantPath, JobPath),
    responses((status = 200, description = "On this host alone", body = Option<Status>), Problems))]
pub async fn of_job(call: Call) -> Answer<impl IntoResponse + use<>> {
    let (tenant, _) = call.tenant(Scope::View)?;
    // One that was just deployed may not be known here yet: nothing runs of it.
    let status = job_here(&call, tenant, call.name("job")?).await?;
    Ok((this(&call), Json(status)))
}

/// What the host that answers runs of a tenant's jobs.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/status", tag = "jobs", operation_id = "get-status",
    params(TenantPath),
    responses((status = 200, description = "By job, on this host alone", body = BTreeMap<String, Status>), Problems))]
pub async fn of_tenant(call: Call) -> Answer<impl IntoResponse + use<>> {
    Ok((this(&call), Json(here(&call).await?)))
}

/// Says which host answers.
pub fn this(call: &Call) -> [(&'static str, HeaderValue); 1] {
    let id = HeaderValue::from_str(call.app.peers.id());
    [(HOST_HEADER, id.unwrap_or(HeaderValue::from_static("")))]
}

async fn job_here(call: &Call, tenant: &str, job: &str) -> Answer<Option<Status>> {
    let (owner, asked) = (tenant.to_owned(), job.to_owned());
    let status = call.app.ask(move |fleet| fleet.status(&owner, &asked));
    status.await
}

async fn here(call: &Call) -> Answer<BTreeMap<String, Status>> {
    let (name, tenant) = call.tenant(Scope::View)?;
    let (owner, jobs) = (name.to_owned(), tenant.jobs.keys().cloned());
    let jobs: Vec<String> = jobs.collect();
    let statuses = call.app.ask(move |fleet| {
        let status = |job: String| Some((job.clone(), fleet.status(&owner, &job)?));
        jobs.into_iter().filter_map(status).collect()
    });
    statuses.await
}

/// How a job is on all hosts.
pub async fn job(call: &Call, tenant: &str, job: &str) -> Answer<Everywhere> {
    let path = format!("/v1/tenants/{tenant}/jobs/{job}/status");
    let peers = &call.app.peers;
    let token = call.authorization();
    let here = job_here(call, tenant, job);
    let (here, others) = tokio::join!(here, peers.ask(&path, &token));
    let mut told: Vec<Told> = vec![(peers.this(), Ok(here?))];
    told.extend(others);
    Ok(merged(told))
}

/// How all of a tenant's jobs are on all hosts.
pub async fn jobs(call: &Call) -> Answer<BTreeMap<String, Everywhere>> {
    let (tenant, owner) = call.tenant(Scope::View)?;
    let path = format!("/v1/tenants/{tenant}/status");
    let peers = &call.app.peers;
    let token = call.authorization();
    let (here, others) = tokio::join!(here(call), peers.ask(&path, &token));
    let mut told: Vec<Answered<BTreeMap<String, Status>>> = vec![(peers.this(), Ok(here?))];
    told.extend(others);
    let of = |job: &String| {
        let one = told.iter_mut().map(|(host, all)| {
            let one = all.as_mut().map(|all| all.remove(job));
            (host.clone(), one.map_err(|why| why.clone()))
        });
        (job.clone(), merged(one.collect()))
    };
    Ok(owner.jobs.keys().map(of).collect())
}

/// Put together what hosts say: the shards of all, and of everything else what asks most for somebody's attention.
fn merged(told: Vec<Told>) -> Everywhere {
    let several = told.len() > 1;
    let mut whole: Option<Status> = None;
    let mut hosts = Vec::new();
    for (host, answer) in told {
        let (status, unreached) = match answer {
            Ok(status) => (status, None),
            Err(why) => (None, Some(why)),
        };
        hosts.push(HostStatus {
            host: host.id.clone(),
            url: host.url.clone(),
            state: status.as_ref().map(|status| status.state),
            version: status.as_ref().and_then(|status| status.version),
            message: status.as_ref().and_then(|status| status.message.clone()),
            unreached,
        });
        let Some(mut status) = status else { continue };
        for shard in &mut status.shards {
            shard.host = Some(host.id.clone());
        }
        if several && let Some(message) = &mut status.message {
            *message = format!("on host {}: {message}", host.url.unwrap_or(host.id));
        }
        whole = Some(match whole {
            None => status,
            Some(before) => both(before, status),
        });
    }
    (whole, hosts)
}

fn both(a: Status, b: Status) -> Status {
    let version = match (a.version, b.version) {
        // A host that stands says nothing about what runs.
        (Some(x), Some(y)) if (a.state == RunState::Idle) == (b.state == RunState::Idle) => {
            Some(x.min(y))
        }
        (x, y) if a.state == RunState::Idle => y.or(x),
        (x, y) => x.or(y),
    };
    let (mut worse, other) = match attention(a.state) >= attention(b.state) {
        true => (a, b),
        false => (b, a),
    };
    worse.version = version;
    let mut shards: BTreeMap<i32, ShardStatus> = BTreeMap::new();
    for shard in worse.shards.drain(..).chain(other.shards) {
        // On its way from one host to another it is on both for a moment.
        let known = shards.get(&shard.shard);
        if known.is_none_or(|known| life(known) < life(&shard)) {
            shards.insert(shard.shard, shard);
        }
    }
    worse.shards = shards.into_values().collect();
    worse
}

fn attention(state: RunState) -> u8 {
    match state {
        RunState::Idle => 0,
        RunState::Running => 1,
        RunState::Starting => 2,
        RunState::Restarting => 3,
        RunState::Halted => 4,
    }
}

/// Which of two accounts of a shard is to be believed.
fn life(shard: &ShardStatus) -> (bool, u64) {
    (shard.state == RunState::Running, shard.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(id: &str) -> HostRecord {
        HostRecord {
            id: id.to_owned(),
            url: Some(format!("https://{id}:7070")),
            ..HostRecord::default()
        }
    }

    fn shard(shard: i32, state: RunState, epoch: u64) -> ShardStatus {
        ShardStatus {
            state,
            epoch,
            ..ShardStatus::unknown(shard)
        }
    }

    fn status(state: RunState, version: u32, shards: Vec<ShardStatus>) -> Status {
        Status {
            state,
            version: Some(version),
            message: None,
            shards,
        }
    }

    fn placed(status: &Status) -> Vec<(i32, &str)> {
        let shards = status.shards.iter();
        shards
            .map(|shard| (shard.shard, shard.host.as_deref().unwrap_or_default()))
            .collect()
    }

    #[test]
    fn shards_of_all_hosts_and_the_oldest_version() {
        use RunState::Running;
        let a = status(Running, 3, vec![shard(1, Running, 9), shard(3, Running, 9)]);
        let b = status(Running, 2, vec![shard(0, Running, 9)]);
        let told = vec![
            (host("a"), Ok(Some(a))),
            (host("b"), Ok(Some(b))),
            (host("c"), Ok(None)),
            (host("d"), Err("no answer".to_owned())),
        ];
        let (whole, hosts) = merged(told);
        let whole = whole.expect("a status");
        assert_eq!((whole.state, whole.version), (Running, Some(2)));
        assert_eq!(placed(&whole), [(0, "b"), (1, "a"), (3, "a")]);
        let said = |h: &HostStatus| (h.state.is_some(), h.unreached.is_some());
        let said: Vec<_> = hosts.iter().map(said).collect();
        assert_eq!(
            said,
            [(true, false), (true, false), (false, false), (false, true)]
        );
    }

    #[test]
    fn what_asks_for_attention_is_not_lost_and_says_where() {
        let running = status(RunState::Running, 2, vec![shard(0, RunState::Running, 5)]);
        let halted = Status {
            message: Some("the disk is full".to_owned()),
            ..status(RunState::Halted, 2, Vec::new())
        };
        let idle = status(RunState::Idle, 1, Vec::new());
        let told = [("a", idle), ("b", running), ("c", halted)];
        let told = told.map(|(id, status)| (host(id), Ok(Some(status))));
        let (whole, _) = merged(told.into());
        let whole = whole.expect("a status");
        assert_eq!((whole.state, whole.version), (RunState::Halted, Some(2)));
        let message = whole.message.unwrap_or_default();
        assert_eq!(message, "on host https://c:7070: the disk is full");
        assert_eq!(whole.shards.len(), 1);
    }

    #[test]
    fn a_shard_on_its_way_is_where_it_lives() {
        use RunState::{Running, Starting};
        for turned in [false, true] {
            let old = status(Running, 1, vec![shard(0, Running, 7)]);
            let new = status(Running, 1, vec![shard(0, Starting, 0)]);
            let mut told = vec![(host("old"), Ok(Some(old))), (host("new"), Ok(Some(new)))];
            if turned {
                told.reverse();
            }
            let (whole, _) = merged(told);
            assert_eq!(placed(&whole.expect("a status")), [(0, "old")]);
        }
    }

    #[test]
    fn a_host_alone_is_not_named_in_messages() {
        let halted = Status {
            message: Some("why".to_owned()),
            ..status(RunState::Halted, 1, Vec::new())
        };
        let (whole, _) = merged(vec![(host("a"), Ok(Some(halted)))]);
        assert_eq!(
            whole.and_then(|whole| whole.message).as_deref(),
            Some("why")
        );
    }
}
