//! Deploying: a spec becomes a new version of a job. It is judged (`judge.rs`), checked by the data plane with its real
//! modules and topics, compared with what runs, and only then written down, if nobody else was faster.

use super::base::Base;
use super::call::Call;
use super::difference::{self, Side};
use super::documents::{JobPath, TenantPath};
use super::judge::{Resolved, judge, within_memory};
use super::problem::{Answer, Problem, Problems, SpecProblem};
use crate::limits::SPEC_BYTES_MAX;
use crate::port::{Candidate, CandidateModule, Checked, Version};
use crate::slots::Slot;
use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use sluicebox_catalog::{Catalog, Change, Job, Scope};
use sluicebox_core::spec::JobSpec;
use std::collections::{BTreeMap, HashMap};
use utoipa::{IntoParams, ToSchema};

/// How to deploy.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Deploy {
    /// Check and compare, and change nothing.
    dry_run: bool,
    /// Only if this version runs now; 0: only if the job is new.
    expected_version: Option<u32>,
}

/// Which version to go back to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    to_version: u32,
    /// Only if this version runs now.
    expected_version: Option<u32>,
}

/// What became of a deployment.
#[derive(Serialize, ToSchema)]
pub struct Deployed {
    job: String,
    /// The version that is to run now; of a dry run the one that would be.
    version: u32,
    /// Nothing was changed, only checked.
    dry_run: bool,
    /// What changes, in words; empty: nothing.
    changes: Vec<String>,
    /// The lines of the spec that change, as `diff -u` shows them.
    diff: String,
}

/// Deploy a job: the body is its spec, whose variables the client has replaced.
#[utoipa::path(put, path = "/v1/tenants/{tenant}/jobs/{job}", tag = "jobs", operation_id = "deploy-job",
    params(TenantPath, JobPath, Deploy), request_body(content = String, content_type = "application/yaml"),
    responses((status = 201, description = "A new job", body = Deployed), (status = 200, description = "A new version, none if nothing changes, or a dry run", body = Deployed), Problems))]
pub async fn deploy(call: Call, body: Body) -> Answer<impl IntoResponse + use<>> {
    let (tenant, _) = call.tenant(Scope::Deploy)?;
    let job = call.name("job")?;
    let wanted: Deploy = call.query()?;
    let work = call.app.work(tenant).await?;
    let text = call.body(body, SPEC_BYTES_MAX as u64).await?;
    let text = String::from_utf8(text.into())
        .map_err(|_| Problem::request("the body is not UTF-8, so it is no job spec"))?;
    let (text, spec) = call.app.ask(move |_| parse(text)).await??;
    named(&spec, job)?;
    let resolved = judge(&call.catalog, &call.app.connections, tenant, &spec)?;
    let base = Base::of(&call.catalog, tenant, job);
    if let Some(version) = unchanged(base.job, &text, &resolved) {
        return Ok((StatusCode::OK, Json(nothing(job, version, wanted.dry_run))));
    }
    base.expect(wanted.expected_version)?;
    within_memory(&call.catalog, tenant, &spec)?;
    let asked = spec.clone();
    let checked = check(&call, work, &base, &text, spec, resolved.clone()).await?;
    let created = base.job.is_none() && !wanted.dry_run;
    let version = match wanted.dry_run {
        true => base.next_version(),
        false => {
            let make = |catalog: &Catalog| {
                base.still(catalog, tenant, job)?;
                within_memory(catalog, tenant, &asked)?;
                Ok(Some(Change::JobDeployed {
                    tenant: tenant.to_owned(),
                    job: job.to_owned(),
                    spec: text.clone(),
                    modules: resolved.modules.clone(),
                    plan_hash: checked.plan_hash.clone(),
                    rollback_of: None,
                }))
            };
            call.app
                .commit(&call, make)
                .await?
                .0
                .job(tenant, job)?
                .current
        }
    };
    let deployed = Deployed {
        job: job.to_owned(),
        version,
        dry_run: wanted.dry_run,
        changes: checked.changes,
        diff: checked.diff,
    };
    let status = match created {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok((status, Json(deployed)))
}

/// Go back to a version that was deployed before: a new version repeats it.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/jobs/{job}/rollback", tag = "jobs", operation_id = "rollback-job",
    params(TenantPath, JobPath),
    request_body = Rollback,
    responses((status = 200, description = "A new version, or none if that one runs already", body = Deployed), Problems))]
pub async fn rollback(call: Call, body: Body) -> Answer<Json<Deployed>> {
    let (tenant, _) = call.tenant(Scope::Deploy)?;
    let job = call.name("job")?;
    let wanted: Rollback = call.json(body).await?;
    let to = wanted.to_version;
    let old = call.catalog.job_version(tenant, job, to)?;
    let base = Base::of(&call.catalog, tenant, job);
    if let Some(version) = base.repeats(to) {
        return Ok(Json(nothing(job, version, false)));
    }
    base.expect(wanted.expected_version)?;
    // It was checked when it was new, and must be possible also while Kafka can't be asked. What the tenant may do can
    // have changed since.
    let text = old.spec.clone();
    let (text, spec) = call.app.ask(move |_| parse(text)).await??;
    let resolved = judge(&call.catalog, &call.app.connections, tenant, &spec)?;
    within_memory(&call.catalog, tenant, &spec)?;
    let read = modules(&call, tenant, &spec, &resolved.modules).await?;
    check_accumulators(&call, &base, &spec, &read).await?;
    let compared = compare(&call, &base, text, spec, resolved.modules).await?;
    let make = |catalog: &Catalog| {
        base.still(catalog, tenant, job)?;
        Ok(Some(Change::JobDeployed {
            tenant: tenant.to_owned(),
            job: job.to_owned(),
            spec: old.spec.clone(),
            modules: old.modules.clone(),
            plan_hash: old.plan_hash.clone(),
            rollback_of: Some(to),
        }))
    };
    let (catalog, _) = call.app.commit(&call, make).await?;
    let (changes, diff) = compared;
    Ok(Json(Deployed {
        job: job.to_owned(),
        version: catalog.job(tenant, job)?.current,
        dry_run: false,
        changes,
        diff,
    }))
}

/// A spec; variables were the client's to replace, so none has a value here.
fn parse(text: String) -> Answer<(String, JobSpec)> {
    let spec = JobSpec::parse(&text, &|_| None)?;
    Ok((text, spec))
}

fn named(spec: &JobSpec, job: &str) -> Answer<()> {
    if spec.job == job {
        return Ok(());
    }
    Err(Problem::spec(vec![SpecProblem {
        path: "job".to_owned(),
        message: format!(
            "the spec is of job `{}`, and the request of job `{job}`",
            spec.job
        ),
        help: Some("a job's name stays; deploy another one under its own name".to_owned()),
        ..SpecProblem::default()
    }]))
}

fn nothing(job: &str, version: u32, dry_run: bool) -> Deployed {
    Deployed {
        job: job.to_owned(),
        version,
        dry_run,
        changes: Vec::new(),
        diff: String::new(),
    }
}

/// The current version, if it is the very same.
fn unchanged(job: Option<&Job>, text: &str, resolved: &Resolved) -> Option<u32> {
    let job = job?;
    let current = job.current()?;
    (current.spec == text && current.modules == resolved.modules).then_some(job.current)
}

/// A deployment that may be written down.
struct Accepted {
    plan_hash: String,
    changes: Vec<String>,
    diff: String,
}

async fn check(
    call: &Call,
    work: Slot,
    base: &Base<'_>,
    text: &str,
    spec: JobSpec,
    resolved: Resolved,
) -> Answer<Accepted> {
    let (tenant, owner) = call.tenant(Scope::Deploy)?;
    let modules = modules(call, tenant, &spec, &resolved.modules).await?;
    check_accumulators(call, base, &spec, &modules).await?;
    let (tenant, quotas) = (tenant.to_owned(), owner.quotas.clone());
    let uid = base.job.map(|job| job.uid);
    let connection = resolved.connection;
    let checked = call.app.ask(move |fleet| {
        let checked = fleet.check(&Candidate {
            tenant: &tenant,
            job: &spec.job,
            uid,
            spec: &spec,
            connection: &connection,
            quotas: &quotas,
            modules: &modules,
        });
        drop(work);
        checked.map(|checked| (checked, spec))
    });
    let (Checked { plan_hash }, spec) = checked.await??;
    let (changes, diff) = compare(call, base, text.to_owned(), spec, resolved.modules).await?;
    Ok(Accepted {
        plan_hash,
        changes,
        diff,
    })
}

/// Whether a version can take up the windows of the one that runs. One that can't be read any more can't be asked.
async fn check_accumulators(
    call: &Call,
    base: &Base<'_>,
    spec: &JobSpec,
    read: &[CandidateModule],
) -> Answer<()> {
    let Some(running) = base.version() else {
        return Ok(());
    };
    let (tenant, _) = call.tenant(Scope::Deploy)?;
    let text = running.spec.clone();
    let Ok((_, old)) = call.app.ask(move |_| parse(text)).await? else {
        return Ok(());
    };
    let old_modules = modules(call, tenant, &old, &running.modules).await?;
    let (spec, read) = (spec.clone(), read.to_vec());
    let check = move |fleet: &dyn crate::port::Fleet| {
        let old = Version {
            spec: &old,
            modules: &old_modules,
        };
        let new = Version {
            spec: &spec,
            modules: &read,
        };
        fleet.check_accumulators(&old, &new)
    };
    Ok(call.app.ask(check).await??)
}

/// The module of each operator; those that several use are read once.
async fn modules(
    call: &Call,
    tenant: &str,
    spec: &JobSpec,
    digests: &BTreeMap<String, String>,
) -> Answer<Vec<CandidateModule>> {
    let mut read: HashMap<String, CandidateModule> = HashMap::new();
    let mut modules = Vec::new();
    for operator in &spec.operators {
        let reference = operator.module.of(tenant);
        let digest = digests.get(&reference);
        let digest =
            digest.ok_or_else(|| Problem::internal(format!("{reference} is unresolved")))?;
        if !read.contains_key(digest) {
            let module = CandidateModule {
                digest: digest.clone(),
                bytes: call.app.store.module(digest).await?,
            };
            read.insert(digest.clone(), module);
        }
        modules.extend(read.get(digest).cloned());
    }
    Ok(modules)
}

/// What a new version changes, in words and in lines. Long specs take a while, hence the thread.
async fn compare(
    call: &Call,
    base: &Base<'_>,
    text: String,
    spec: JobSpec,
    modules: BTreeMap<String, String>,
) -> Answer<(Vec<String>, String)> {
    let Some(old) = base.version().cloned() else {
        return Ok((vec!["the job is new".to_owned()], String::new()));
    };
    let (tenant, _) = call.tenant(Scope::Deploy)?;
    let tenant = tenant.to_owned();
    let compare = move |_: &dyn crate::port::Fleet| {
        let diff = difference::lines(&old.spec, &text);
        let new = Side {
            tenant: &tenant,
            spec: &spec,
            modules: &modules,
        };
        let changes = match JobSpec::parse(&old.spec, &|_| None) {
            Ok(spec) => {
                let old = Side {
                    tenant: &tenant,
                    spec: &spec,
                    modules: &old.modules,
                };
                difference::meaning(old, new)
            }
            Err(_) => vec!["the version before can't be read any more".to_owned()],
        };
        (changes, diff)
    };
    call.app.ask(compare).await
}
