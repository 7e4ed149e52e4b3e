//! Whether a version of a job can take up what another has in its open windows: asked of the modules themselves. Where that
//! can't be asked, each accumulator is still looked at when it is touched.

use super::parts::Parts;
use crate::port::{CandidateModule, Version};
use sluicebox_core::spec::{Operator, OperatorKind};
use sluicebox_core::udf::Udf;
use sluicebox_host::{Error, Event, Observer, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What modules say while they are asked is of no interest.
struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event<'_>) {}
}

/// An error names the operator and what to do.
pub(super) fn check(parts: &Parts, old: &Version<'_>, new: &Version<'_>) -> Result<()> {
    let before = aggregates(old);
    let after = aggregates(new);
    let changed = |id: &&str| {
        let (Some(old), Some(new)) = (before.get(id), after.get(id)) else {
            return false;
        };
        old.1.digest != new.1.digest || old.0.config != new.0.config
    };
    let changed: Vec<&str> = before.keys().copied().filter(changed).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let Ok(writers) = modules(parts, old) else {
        return Ok(());
    };
    let mut readers = modules(parts, new)?;
    for id in changed {
        let written = writers.get(id).map_or(0, |udf| udf.accumulator_format());
        let Some(reader) = readers.get_mut(id) else {
            continue;
        };
        let (own, by) = (reader.accumulator_format(), after[id].0);
        let migrates = (reader.migrates(written)).map_err(|error| {
            Error::input(format!("operator `{id}`, module {}: {error}", by.module))
        })?;
        if !migrates {
            let writer = &before[id].0.module;
            return Err(Error::input(format!(
                "operator `{id}`: {} has accumulators of format {own} and does not migrate format {written}, in which {writer} has \
                 written those of open windows. Deploy a module that does, or give the operator another `id`: then it begins anew.",
                by.module
            )));
        }
    }
    Ok(())
}

/// The window aggregates of a version, by id.
fn aggregates<'a>(version: &Version<'a>) -> BTreeMap<&'a str, (&'a Operator, &'a CandidateModule)> {
    let operators = version.spec.operators.iter().zip(version.modules);
    operators
        .filter(|(operator, _)| matches!(operator.kind, OperatorKind::WindowAggregate { .. }))
        .map(|(operator, module)| (operator.id.as_str(), (operator, module)))
        .collect()
}

fn modules<'a>(parts: &Parts, version: &Version<'a>) -> Result<BTreeMap<&'a str, Box<dyn Udf>>> {
    let job = parts.load_candidate(version)?;
    let silent: Arc<dyn Observer> = Arc::new(Silent);
    let udfs = job.instantiate(&silent)?;
    let ids = version.spec.operators.iter().map(|o| o.id.as_str());
    Ok(ids.zip(udfs).collect())
}
