//! Batches that take longer than a transaction may. The brokers would abort it, whoever starts again would take the same batch,
//! and so for ever; instead fewer records are taken at once, until they are few enough.

use super::{Shard, ShardError, Turn};
use std::time::Duration;

impl Shard {
    /// Time that calls may take in one transaction: the rest is for its end, before the brokers abort it.
    pub(super) fn time_max(&self) -> Duration {
        Duration::from_millis(self.config.log.transaction_timeout_ms * 3 / 4)
    }

    /// What was taken from the log takes longer than a transaction may: again with half as many records.
    pub(super) fn late(&mut self, partition: i32, offset: i64) -> Result<Turn, ShardError> {
        let seconds = self.time_max().as_secs();
        // A machine that stood still for a while looks the same, once.
        if self.rows_max == 1 && std::mem::replace(&mut self.late_alone, true) {
            self.abort();
            let source = &self.config.log.source;
            let record = match offset {
                i64::MAX => format!("the end of {source}-{partition}"),
                offset => format!("the record at {source}-{partition} offset {offset}"),
            };
            return Err(ShardError::Halt(format!(
                "{record} takes the modules more than {seconds} s, longer than a transaction may. Nothing of it was \
                 committed. Make the modules faster, let them make fewer rows of a record, or filter such records out before."
            )));
        }
        // Fewer each time: this can't go on for ever.
        self.attempts = 0;
        let turn = self.back_to_last_commit("too late")?;
        self.rows_max = (self.rows_max / 2).max(1);
        self.rows_limit = self.rows_max;
        self.hurry = true;
        let rows = self.rows_max;
        self.note(format!(
            "the modules take more than {seconds} s for what was read at once: {rows} records at most are read at once from now on"
        ));
        Ok(turn)
    }
}
