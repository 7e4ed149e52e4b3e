//! Another version of the job, between two epochs: connection, store and positions stay.

use super::{POLL_ROWS_MAX, Shard, ShardError, resolve, topic_limits};
use crate::failpoint;
use crate::pipeline::{Pipeline, Plan};
use crate::udf::Udf;

/// What a shard runs.
pub struct Version {
    /// The plan.
    pub plan: Plan,
    /// One module an operator, in order.
    pub udfs: Vec<Box<dyn Udf>>,
    /// Revision of the catalog that made it; 0 without a catalog.
    pub catalog_revision: u64,
}

impl Shard {
    /// Go on with another version from the last commit: what is not committed is dropped and read again, so whoever calls
    /// this ends the epoch before. The result is that of a new shard that recovers with that version.
    ///
    /// The version must read the same topic and write to the same topics, in the same order. `Halt` where it lacks an operator
    /// that holds rows, or has other windows: nothing of it was committed.
    pub fn switch(&mut self, version: Version) -> Result<(), ShardError> {
        let Version {
            plan,
            udfs,
            catalog_revision,
        } = version;
        let topics = topic_limits(&plan, self.log.as_mut())?;
        let pipeline = Pipeline::new(&plan, udfs, topics);
        resolve::operators_kept(&pipeline.keeping_rows(), &self.committed.ledger)
            .map_err(ShardError::Halt)?;
        let clean = !self.open && !self.progress;
        if std::mem::take(&mut self.open) {
            self.log.abort()?;
        }
        self.plan = plan;
        self.pipeline = pipeline;
        self.config.catalog_revision = catalog_revision;
        // Of the version before, and of its modules.
        self.investigation = None;
        self.hurry = false;
        self.late_alone = false;
        self.attempts = 0;
        (self.rows_max, self.rows_limit) = (POLL_ROWS_MAX, POLL_ROWS_MAX);
        failpoint::reach("after-switch");
        match clean {
            // Reading goes on where it is, and the overlay holds what is committed: to ask for both again would take longer
            // than all else.
            true => self.restore(),
            false => self.rebuild(),
        }
    }
}
