//! The conformance suite of the log port: what every implementation must do, so that the embedded log and Kafka can't
//! drift apart. Each check makes topics of its own, and so they may run side by side on one log.
//!
//! An implementation's tests write a [`Fixture`] and one line, which becomes one `#[test]` per check:
//!
//! ```ignore
//! sluicebox_core::log_conformance!(MyFixture::new());
//! ```
//!
//! Checks panic, as tests do. What becomes visible late is waited for, at most [`Fixture::patience`]; that something
//! stays invisible is shown by a later record of the same partition that becomes visible without it.
#![allow(clippy::unwrap_used)]

mod changelog;
mod fencing;
mod fields;
mod job;
mod membership;
mod positions;
mod reading;
mod topics;
mod transactions;

pub use crate::embedded::Record;
pub use changelog::*;
pub use fencing::*;
pub use fields::*;
pub use membership::*;
pub use positions::*;
pub use reading::*;
pub use topics::*;
pub use transactions::*;

use super::Log;
use std::time::Duration;

/// A log under test, and the hands to prepare it and look into it past the port. Its methods panic where they fail.
pub trait Fixture {
    /// The log.
    fn log(&self) -> &dyn Log;
    /// A name (`[a-z0-9-]`, at most 20 bytes) that nobody on this log has got before and nobody will.
    fn unique_name(&self) -> String;
    /// Make a topic that keeps its records whatever their timestamps, and return when it can be used.
    fn create_topic(&self, name: &str, partitions: i32);
    /// Append records to the partitions they name, in order, outside any transaction, and return when they are there.
    /// Their offsets are ignored.
    fn produce(&self, topic: &str, records: &[Record]);
    /// What a `read_committed` reader finds in a topic now, by partition and offset.
    fn read_committed(&self, topic: &str) -> Vec<Record>;
    /// Delete a topic and return when it is gone.
    fn delete_topic(&self, name: &str);
    /// Delete a topic and make it again, empty; return when it can be used.
    fn recreate_topic(&self, name: &str, partitions: i32);
    /// Delete the records before `offset`.
    fn truncate_before(&self, topic: &str, partition: i32, offset: i64);
    /// How long to wait for what must come.
    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// One `#[test]` for each check of the log port, on the fixture that the expression makes.
#[macro_export]
macro_rules! log_conformance {
    (@tests [$fixture:expr] $($check:ident)*) => {
        $(
            #[test]
            fn $check() {
                $crate::log::conformance::$check(&$fixture);
            }
        )*
    };
    ($fixture:expr) => {
        $crate::log_conformance! { @tests [$fixture]
            each_partition_comes_in_order
            a_poll_is_bounded_and_an_idle_one_empty
            partitions_and_offsets_are_read_as_assigned
            source_fields_come_unchanged
            sink_fields_go_unchanged
            records_as_large_as_the_limit_go_through
            outputs_are_visible_after_the_commit_only
            aborted_outputs_are_never_visible
            a_transaction_over_many_partitions_is_atomic
            epochs_follow_each_other
            readers_pass_over_what_is_open_or_aborted
            positions_pass_transaction_markers
            at_least_once_outputs_are_visible_before_the_commit
            positions_commit_with_their_metadata
            positions_of_an_aborted_epoch_are_gone
            starts_resolve_to_offsets
            bounds_end_where_an_open_transaction_begins
            lag_tells_bounds_and_positions
            ends_are_told_at_once
            a_zombie_cannot_commit
            a_zombie_cannot_add_to_a_transaction
            a_takeover_aborts_what_was_open
            only_the_same_transactional_id_fences
            a_changelog_is_read_to_its_end_position
            a_changelog_is_read_from_an_offset
            an_empty_changelog_has_no_records
            changelogs_of_shards_are_apart
            a_large_changelog_is_read_whole
            a_trimmed_changelog_starts_where_it_was_trimmed
            a_changelog_is_made_once
            missing_topics_halt
            topics_tell_partitions_and_identity
            a_recreated_source_halts_the_commit
            a_deleted_source_halts_the_commit
            a_deleted_job_is_gone
            a_position_below_the_log_halts
            one_member_runs_all_shards
            a_group_with_members_stays
            two_members_share_and_a_leaver_hands_over
            a_shard_moves_only_after_its_release
            a_twin_makes_the_older_member_halt
        }
    };
}
