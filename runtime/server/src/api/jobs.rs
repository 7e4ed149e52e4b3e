//! Jobs as they are and as they are wanted. What a job *does* changes in `deploy.rs`.

use super::call::Call;
use super::documents::{DesiredDocument, JobPath, TenantPath, VersionPath};
use super::graph::GraphView;
use super::hosts::{self, Everywhere, HostStatus};
use super::problem::{Answer, Problems};
use crate::port::{Lag, Status};
use axum::Json;
use axum::http::StatusCode;
use serde::Serialize;
use sluicebox_catalog::{Catalog, Change, Desired, Job, JobVersion, Scope};
use sluicebox_core::spec::JobSpec;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A job.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    job: String,
    /// Names its topics in Kafka; another job of the same name has another one.
    uid: u64,
    /// What its users want of it.
    #[schema(value_type = DesiredDocument)]
    desired: Desired,
    /// The version to run.
    version: u32,
    /// What the hosts run of it together; none: nothing.
    status: Option<Status>,
    /// What each host says of it.
    hosts: Vec<HostStatus>,
    /// The versions that are kept, the newest first.
    versions: Vec<VersionView>,
}

/// A version of a job.
#[derive(Serialize, ToSchema)]
#[schema(as = JobVersion)]
pub struct VersionView {
    version: u32,
    /// When it was deployed, in milliseconds since 1970.
    deployed_ms: i64,
    /// Id of the token that deployed it, or `host`.
    deployed_by: String,
    /// The version that it repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback_of: Option<u32>,
    /// Hash of what is computed, in hexadecimal.
    plan_hash: String,
    /// The digests of its modules, by `tenant/name@version`.
    modules: BTreeMap<String, String>,
}

/// A version of a job with its spec.
#[derive(Serialize, ToSchema)]
pub struct VersionWithSpec {
    #[serde(flatten)]
    version: VersionView,
    /// The YAML as it was deployed.
    spec: String,
    /// How records go through it; none: this host can't read the spec.
    graph: Option<GraphView>,
}

/// How far a job is behind.
#[derive(Serialize, ToSchema)]
pub struct LagView {
    /// Records (and transaction markers) between what is committed and the end, over all partitions.
    lag: i64,
    /// By partition of the source.
    #[schema(value_type = Vec<LagDocument>)]
    partitions: Vec<Lag>,
}

/// How far a job is behind in a partition.
#[derive(ToSchema)]
#[schema(as = Lag)]
#[allow(dead_code, reason = "only its shape is used")]
pub struct LagDocument {
    /// Source topic.
    topic: String,
    partition: i32,
    /// First offset there is.
    start: i64,
    /// Offset after the last stable record.
    end: i64,
    /// Next offset the job reads; none before its first commit.
    committed: Option<i64>,
    /// Offsets between.
    lag: i64,
}

impl JobView {
    fn new(name: &str, job: &Job, (status, hosts): Everywhere) -> Self {
        let newest_first = job.versions.iter().rev();
        Self {
            job: name.to_owned(),
            uid: job.uid,
            desired: job.desired,
            version: job.current,
            status,
            hosts,
            versions: newest_first
                .map(|(number, version)| VersionView::new(*number, version))
                .collect(),
        }
    }
}

impl VersionView {
    fn new(number: u32, version: &JobVersion) -> Self {
        Self {
            version: number,
            deployed_ms: version.deployed_ms,
            deployed_by: version.deployed_by.clone(),
            rollback_of: version.rollback_of,
            plan_hash: version.plan_hash.clone(),
            modules: version.modules.clone(),
        }
    }
}

/// The jobs of a tenant.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/jobs", tag = "jobs", operation_id = "list-jobs",
    params(TenantPath),
    responses((status = 200, description = "By name", body = Vec<JobView>), Problems))]
pub async fn list(call: Call) -> Answer<Json<Vec<JobView>>> {
    let (_, tenant) = call.tenant(Scope::View)?;
    let mut everywhere = hosts::jobs(&call).await?;
    let view = |(name, job): (&String, &Job)| {
        let told = everywhere.remove(name).unwrap_or_default();
        JobView::new(name, job, told)
    };
    Ok(Json(tenant.jobs.iter().map(view).collect()))
}

/// A job: what is wanted of it, how it is, and its versions.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/jobs/{job}", tag = "jobs", operation_id = "get-job",
    params(TenantPath, JobPath),
    responses((status = 200, description = "The job", body = JobView), Problems))]
pub async fn get(call: Call) -> Answer<Json<JobView>> {
    let (tenant, _) = call.tenant(Scope::View)?;
    let name = call.name("job")?;
    let job = call.catalog.job(tenant, name)?;
    Ok(Json(view(&call, tenant, name, job).await?))
}

async fn view(call: &Call, tenant: &str, name: &str, job: &Job) -> Answer<JobView> {
    let told = hosts::job(call, tenant, name).await?;
    Ok(JobView::new(name, job, told))
}

/// A version of a job, with its spec.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/jobs/{job}/versions/{version}", tag = "jobs", operation_id = "get-job-version",
    params(TenantPath, JobPath, VersionPath),
    responses((status = 200, description = "The version", body = VersionWithSpec), Problems))]
pub async fn version(call: Call) -> Answer<Json<VersionWithSpec>> {
    let (tenant, _) = call.tenant(Scope::View)?;
    let (job, number) = (call.name("job")?, call.number("version")?);
    let version = call.catalog.job_version(tenant, job, number)?;
    let spec = version.spec.clone();
    let graph = call.app.ask(move |_| {
        let parsed = JobSpec::parse(&spec, &|_| None).ok();
        parsed.map(|parsed| GraphView::of(&parsed))
    });
    Ok(Json(VersionWithSpec {
        version: VersionView::new(number, version),
        spec: version.spec.clone(),
        graph: graph.await?,
    }))
}

/// Let a job stand for a while.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/jobs/{job}/pause", tag = "jobs", operation_id = "pause-job",
    params(TenantPath, JobPath),
    responses((status = 200, description = "The job", body = JobView), Problems))]
pub async fn pause(call: Call) -> Answer<Json<JobView>> {
    want(&call, Desired::Paused).await
}

/// Let a job run (again).
#[utoipa::path(post, path = "/v1/tenants/{tenant}/jobs/{job}/resume", tag = "jobs", operation_id = "resume-job",
    params(TenantPath, JobPath),
    responses((status = 200, description = "The job", body = JobView), Problems))]
pub async fn resume(call: Call) -> Answer<Json<JobView>> {
    want(&call, Desired::Running).await
}

/// Stop a job; then it can be deleted.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/jobs/{job}/stop", tag = "jobs", operation_id = "stop-job",
    params(TenantPath, JobPath),
    responses((status = 200, description = "The job", body = JobView), Problems))]
pub async fn stop(call: Call) -> Answer<Json<JobView>> {
    want(&call, Desired::Stopped).await
}

async fn want(call: &Call, desired: Desired) -> Answer<Json<JobView>> {
    let (tenant, _) = call.tenant(Scope::Deploy)?;
    let name = call.name("job")?;
    let make = |catalog: &Catalog| {
        let job = catalog.job(tenant, name)?;
        // Saying it again starts a job that has halted.
        let said = job.desired == desired && desired != Desired::Running;
        Ok((!said).then(|| Change::JobDesired {
            tenant: tenant.to_owned(),
            job: name.to_owned(),
            desired,
        }))
    };
    let (catalog, _) = call.app.commit(call, make).await?;
    let job = catalog.job(tenant, name)?;
    Ok(Json(view(call, tenant, name, job).await?))
}

/// Delete a stopped job.
#[utoipa::path(delete, path = "/v1/tenants/{tenant}/jobs/{job}", tag = "jobs", operation_id = "delete-job",
    params(TenantPath, JobPath),
    responses((status = 204, description = "Deleted"), Problems))]
pub async fn delete(call: Call) -> Answer<StatusCode> {
    let (tenant, _) = call.tenant(Scope::Deploy)?;
    let name = call.name("job")?;
    let make = |catalog: &Catalog| {
        catalog.job(tenant, name)?;
        Ok(Some(Change::JobDeleted {
            tenant: tenant.to_owned(),
            job: name.to_owned(),
        }))
    };
    call.app.commit(&call, make).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How far a job is behind its source, from what it has committed.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/jobs/{job}/lag", tag = "jobs", operation_id = "get-job-lag",
    params(TenantPath, JobPath),
    responses((status = 200, description = "The lag", body = LagView), Problems))]
pub async fn lag(call: Call) -> Answer<Json<LagView>> {
    let (tenant, _) = call.tenant(Scope::View)?;
    let job = call.name("job")?;
    call.catalog.job(tenant, job)?;
    let work = call.app.work(tenant).await?;
    let (owner, asked) = (tenant.to_owned(), job.to_owned());
    let partitions = call.app.ask(move |fleet| {
        let lag = fleet.lag(&owner, &asked);
        drop(work);
        lag
    });
    let partitions = partitions.await??;
    let lag = partitions.iter().map(|partition| partition.lag).sum();
    Ok(Json(LagView { lag, partitions }))
}
