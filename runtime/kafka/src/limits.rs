//! Every limit and delay of this crate, in one place.

use std::time::Duration;

/// Longest time to reach a cluster, or for one question to it.
pub const ANSWER_WAIT_MAX: Duration = Duration::from_secs(10);
/// After a question that nobody answered: how long to ask who the controller is now.
pub const CONTROLLER_WAIT_MAX: Duration = Duration::from_secs(1);
/// While a group's positions are asked for, how often a refusal is looked for.
pub const DENIED_STEP: Duration = Duration::from_secs(1);
/// A topic that is missing is asked for again for so long before anybody is told: brokers learn of a new topic, or of all
/// topics after their start, one after the other.
pub const MISSING_WAIT_MAX: Duration = Duration::from_secs(2);
/// Pause between two such questions.
pub const MISSING_PAUSE: Duration = Duration::from_millis(200);
/// A transactional call that takes longer is taken to be stuck: its thread and producer are left behind.
pub const STUCK_AFTER: Duration = Duration::from_secs(30);
/// What a commit, an abort or an `init_transactions` takes at most when librdkafka keeps its own time-outs.
pub const TRANSACTION_WAIT_MAX: Duration = Duration::from_secs(25);
/// A transactional call slower than this taints its producer (or a quarter of the transaction time-out, if shorter).
pub const SLOW_AFTER: Duration = Duration::from_secs(5);
/// Longest time that a record waits for room in the producer's queue.
pub const QUEUE_FULL_WAIT_MAX: Duration = Duration::from_secs(25);
/// Pause between two tries while the producer's queue is full.
pub const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(1);
/// Longest time without any record or end while a changelog is read.
pub const CHANGELOG_WAIT_MAX: Duration = Duration::from_secs(30);

/// Fetched and not yet processed, per shard.
pub const FETCHED_KBYTES_MAX: u32 = 16 * 1024;
/// Fetched and not yet processed, per shard; the bound on records is what holds for small ones.
pub const FETCHED_RECORDS_MAX: u32 = 50_000;
/// One fetch request, per partition and in all.
pub const FETCH_PARTITION_BYTES_MAX: u32 = 1024 * 1024;
/// One fetch request in all.
pub const FETCH_BYTES_MAX: u32 = 8 * 1024 * 1024;
/// Sent and not yet acknowledged, per shard.
pub const PRODUCED_KBYTES_MAX: u32 = 32 * 1024;
/// Sent and not yet acknowledged, per shard.
pub const PRODUCED_RECORDS_MAX: u32 = 100_000;
/// One produce request's batch for one partition.
pub const BATCH_BYTES_MAX: usize = 512 * 1024;
/// What a record's framing and its batch's header take at most.
pub const RECORD_OVERHEAD_BYTES: usize = 128;
/// Bytes of one packed batch; its index has 32 bits, and one record may be large.
pub const PACKED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Metadata beside a committed offset.
pub const METADATA_BYTES_MAX: usize = 200;
/// Most records that one call into librdkafka fetches.
pub const CONSUME_MAX: usize = 4096;
/// A member that isn't heard of for this long is out of its group, and others run its shards.
pub const SESSION_TIMEOUT_MS: u32 = 10_000;
/// How often a member is heard of.
pub const HEARTBEAT_MS: u32 = 3_000;
/// How long others wait for a shard that was asked back before the member is put out.
pub const RELEASE_WAIT_MAX: Duration = Duration::from_secs(120);
/// Longest time to leave a group.
pub const LEAVE_WAIT_MAX: Duration = Duration::from_secs(5);
/// Being fenced as a member twice within this time means that another host has our identity.
pub const FENCED_AGAIN_WITHIN: Duration = Duration::from_secs(60);
/// Longest time for one request for a token.
pub const TOKEN_WAIT_MAX: Duration = Duration::from_secs(8);
/// Largest answer to such a request, in bytes.
pub const TOKEN_ANSWER_BYTES_MAX: u64 = 64 << 10;
/// What is taken for a token's life if the endpoint doesn't say.
pub const TOKEN_LIFE_UNKNOWN: Duration = Duration::from_secs(300);
/// No token is kept longer, whatever the endpoint says.
pub const TOKEN_LIFE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Pause after a request that failed, at first; and the shortest between two requests.
pub const TOKEN_PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest such pause.
pub const TOKEN_PAUSE_MAX: Duration = Duration::from_secs(30);
/// Longest time for one run of kinit.
pub const KINIT_WAIT_MAX: Duration = Duration::from_secs(20);
/// Pause between two looks at whether it has ended.
pub const KINIT_STEP: Duration = Duration::from_millis(10);
/// How often tickets are fetched anew, unless the connection says so.
pub const TICKETS_EVERY_MS: u64 = 60_000;
