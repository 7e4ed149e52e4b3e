//! Whether a tenant may run a job: what a spec may say on a host, what it may touch, and which modules it means. Pure, so
//! that a deployment can be judged before it is checked at length, and again in the very catalog it enters.

use super::problem::{Answer, Kind, Problem, SpecProblem};
use crate::config::Connections;
use crate::policy;
use sluicebox_catalog::{Catalog, Policy, Refused};
use sluicebox_core::spec::{Input, JobSpec, ModuleRef, Output};
use sluicebox_host::memory_bytes_max;
use std::collections::BTreeMap;

/// Most bytes of all modules of a job together: they are in memory while a job is checked.
const MODULES_BYTES_MAX: u64 = 256 << 20;

/// A job that may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Name of its Kafka connection.
    pub connection: String,
    /// The digest of each of its modules, by `tenant/name@version`.
    pub modules: BTreeMap<String, String>,
}

/// Judge the memory that a job's state may take, with that of the tenant's other jobs, stopped ones too: they may be resumed.
pub fn within_memory(catalog: &Catalog, tenant: &str, spec: &JobSpec) -> Result<(), Refused> {
    let owner = catalog.tenant(tenant)?;
    let Some(limit) = owner.quotas.memory_bytes_max else {
        return Ok(());
    };
    let others = owner.jobs.iter().filter(|(name, _)| **name != spec.job);
    let others = others.filter_map(|(_, job)| {
        // One that this host can't read is none of its jobs either.
        let other = JobSpec::parse(&job.current()?.spec, &|_| None).ok()?;
        Some(memory_bytes_max(&other))
    });
    let others = others.fold(0, u64::saturating_add);
    let wanted = memory_bytes_max(spec);
    match others.saturating_add(wanted) <= limit {
        true => Ok(()),
        false => Err(Refused::quota(format!(
            "the job's state may take {wanted} bytes of memory by its spec (five times `epoch.overlay_max` for each shard, and what \
             `state` gives RocksDB), that of the tenant's other jobs {others}, and together they may take {limit}: set them lower, \
             delete jobs that are not needed, or ask for a larger `memory_bytes_max`"
        ))),
    }
}

/// Judge a spec. What is wrong with its form comes before what is not allowed.
pub fn judge(
    catalog: &Catalog,
    connections: &Connections,
    tenant: &str,
    spec: &JobSpec,
) -> Answer<Resolved> {
    let mut problems = streams(spec);
    let modules = modules(catalog, tenant, spec, &mut problems);
    let connection = connections
        .of(spec)
        .map(|(name, _)| name.to_owned())
        .map_err(|wrong| problems.push(problem("kafka", wrong.message, wrong.help)));
    let Ok(connection) = connection else {
        return Err(Problem::spec(problems));
    };
    if !problems.is_empty() {
        return Err(Problem::spec(problems));
    }
    allowed(&catalog.tenant(tenant)?.policy, spec, &connection)?;
    Ok(Resolved {
        connection,
        modules,
    })
}

fn problem(
    path: impl Into<String>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> SpecProblem {
    SpecProblem {
        path: path.into(),
        message: message.into(),
        help: Some(help.into()),
        ..SpecProblem::default()
    }
}

/// A host reads and writes topics only: files and streams of its own are nobody else's business.
fn streams(spec: &JobSpec) -> Vec<SpecProblem> {
    const HELP: &str = "use topics, or run the job with `sluicebox run`";
    let mut problems = Vec::new();
    if !matches!(spec.source.input, Input::Kafka { .. }) {
        problems.push(problem("source", "a job on a host reads a topic", HELP));
    }
    for sink in &spec.sinks {
        if !matches!(sink.output, Output::Kafka { .. }) {
            let message = format!("sink `{}`: a job on a host writes to topics", sink.id);
            problems.push(problem("sinks", message, HELP));
        }
    }
    problems
}

fn modules(
    catalog: &Catalog,
    tenant: &str,
    spec: &JobSpec,
    problems: &mut Vec<SpecProblem>,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut bytes = 0;
    for (i, operator) in spec.operators.iter().enumerate() {
        let kind = operator.kind.name();
        let path = format!("operators[{i}].{kind}.module");
        let reference = operator.module.of(tenant);
        let ModuleRef::Registry {
            tenant: owner,
            name,
            version,
        } = &operator.module
        else {
            let help = "push it (`sluicebox push`), then write `NAME@VERSION`";
            let message =
                format!("`{reference}` is a file, and a job on a host runs pushed modules");
            problems.push(problem(path, message, help));
            continue;
        };
        // Others' modules are missing, in the same words as what nobody has.
        let own = owner.as_deref().is_none_or(|owner| owner == tenant);
        let own = own.then(|| catalog.module_version(tenant, name, *version).ok());
        let Some(module) = own.flatten() else {
            let help = "push it first (`sluicebox push`), or correct name and version";
            let message = format!("there is no module `{reference}`");
            problems.push(problem(path, message, help));
            continue;
        };
        if found.insert(reference, module.digest.clone()).is_none() {
            bytes += module.size_bytes;
        }
    }
    if bytes > MODULES_BYTES_MAX {
        problems.push(problem(
            "operators",
            format!("the job's modules have {bytes} bytes together, more than {MODULES_BYTES_MAX}"),
            "make them smaller, or make several jobs of this one",
        ));
    }
    found
}

fn allowed(policy: &Policy, spec: &JobSpec, connection: &str) -> Answer<()> {
    match policy::refused(policy, spec, connection) {
        None => Ok(()),
        Some(what) => Err(
            Problem::new(Kind::Policy, format!("this tenant's jobs may not {what}"))
                .help(policy::HELP),
        ),
    }
}
