//! A shard that runs goes on with another version of its job, without being opened again where that is possible: an upgrade
//! then holds up records no longer than an epoch's end does.

use crate::event::Event;
use crate::job::Job;
use crate::meter::Meter;
use crate::metered::MeteredUdf;
use crate::shard::Task;
use sluicebox_core::shard::{Shard, ShardError, Version};
use std::sync::Arc;

impl Task {
    /// The version to go on with, if it is another one.
    pub(crate) fn next(&self) -> Option<Arc<Job>> {
        let job = self.slot.job();
        (!Arc::ptr_eq(&job, &self.job)).then_some(job)
    }

    /// Go on with another version at an epoch's end. False: it needs another connection or store, or can't be made beside the
    /// one that runs; what is wrong with it is found when it starts.
    pub(crate) fn switch(
        &mut self,
        shard: &mut Shard,
        next: Arc<Job>,
        meter: &Arc<Meter>,
    ) -> Result<bool, ShardError> {
        let opened_with = |job: &Job| {
            let Job { spec, plan, .. } = job;
            let config = self.layout.shard(spec, plan, self.shard);
            (config, spec.state, spec.epoch)
        };
        if opened_with(&self.job) != opened_with(&next) {
            return Ok(false);
        }
        let Ok(udfs) = next.instantiate(&self.observer) else {
            return Ok(false);
        };
        meter.operators(next.operators());
        shard.switch(Version {
            plan: next.plan.clone(),
            udfs: MeteredUdf::all(udfs, meter),
            catalog_revision: next.revision,
        })?;
        self.job = next;
        self.observer.event(Event::Switched {
            shard: self.shard,
            epoch: shard.progress().epoch,
        });
        Ok(true)
    }
}
