//! Every limit of the API, in one place. What an operator may want to change is in [`Limits`], the rest is constant.

use std::time::Duration;

/// Largest JSON body, in bytes.
pub const JSON_BYTES_MAX: usize = 64 << 10;
/// Largest job spec, in bytes.
pub const SPEC_BYTES_MAX: usize = sluicebox_core::spec::limits::SPEC_BYTES_MAX;
/// Largest module that any tenant's quota may allow, in bytes.
pub const MODULE_BYTES_MAX: u64 = 64 << 20;
/// Largest head of a request, in bytes.
pub const HEAD_BYTES_MAX: usize = 32 << 10;
/// Most headers of a request.
pub const HEADERS_MAX: usize = 64;
/// A body that takes longer than its time-out must have come at this rate at least, in bytes a second.
pub const BODY_RATE_MIN: u64 = 64 << 10;

/// Uploads, checks and questions to Kafka under way, of all tenants: bounds memory and threads.
pub const WORK_MAX: usize = 8;
/// The same of one tenant, so that none keeps the others waiting.
pub const WORK_PER_TENANT_MAX: usize = 2;
/// How many of one tenant may wait for their turn; further ones are refused at once.
pub const WORK_WAITING_MAX: usize = 16;
/// How long one of these waits for its turn.
pub const WORK_WAIT: Duration = Duration::from_secs(20);
/// How long a caller waits for an answer of the data plane.
pub const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// Streams of log lines under way, of all tenants.
pub const FOLLOWERS_MAX: usize = 256;
/// The same of one tenant.
pub const FOLLOWERS_PER_TENANT_MAX: usize = 8;
/// Log lines kept of a job.
pub const LOG_LINES_MAX: usize = 2_000;
/// Bytes of the log lines kept of a job.
pub const LOG_BYTES_MAX: usize = 1 << 20;
/// Longest line of another host's log, in bytes.
pub const LOG_LINE_BYTES_MAX: usize = 1 << 20;
/// Log lines of an answer that doesn't say how many.
pub const LOG_TAIL_DEFAULT: usize = 100;

/// Time that the comparison of two specs may take; after that it is coarser.
pub const DIFFERENCE_TIME: Duration = Duration::from_millis(200);
/// Longest life of a token that expires, in seconds.
pub const TOKEN_LIFE_S_MAX: u64 = 10 * 366 * 86_400;
/// How often the catalog is read for what other hosts wrote: one question for an object that is not there yet.
pub const REFRESH_EVERY: Duration = Duration::from_millis(250);
/// How often it is looked whether bytes of modules are left that nothing refers to.
pub const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// How often it is looked whether jobs that had to stop first can start now.
pub const RECONCILE_EVERY: Duration = Duration::from_millis(500);
/// How often a Kafka cluster that did not answer is tried again.
pub const CONNECT_EVERY: Duration = Duration::from_secs(5);
/// How often it is asked how well the topics of jobs are kept.
pub const TOPICS_EVERY: Duration = Duration::from_secs(15);
/// How long jobs may take to end their epochs when the host stops.
pub const JOBS_STOP_WAIT: Duration = Duration::from_secs(60);
/// How often the files of certificates are looked at.
pub const CERTIFICATES_EVERY: Duration = Duration::from_secs(30);
/// How long running requests may take after the host was told to stop.
pub const STOP_WAIT: Duration = Duration::from_secs(10);
/// A client must take some of its answer within this.
pub const WRITE_WAIT: Duration = Duration::from_secs(30);

/// The list of hosts is read anew after this long, when somebody asks.
pub const HOSTS_LISTED_EVERY: Duration = Duration::from_secs(5);
/// How long another host may take for an answer.
pub const PEER_WAIT: Duration = Duration::from_secs(3);
/// The same for taking a connection.
pub const PEER_CONNECT_WAIT: Duration = Duration::from_secs(2);
/// Largest answer of another host, in bytes.
pub const PEER_BYTES_MAX: usize = 16 << 20;

/// Spans that wait to be sent; further ones are dropped.
pub const SPANS_QUEUED_MAX: usize = 8_192;
/// Spans sent at once.
pub const SPANS_BATCH_MAX: usize = 512;
/// How often spans are sent, unless there are many.
pub const SPANS_EVERY: Duration = Duration::from_secs(1);
/// Longest pause after spans did not arrive.
pub const SPANS_RETRY_MAX: Duration = Duration::from_secs(30);
/// How long a receiver of spans may take for a batch.
pub const SPANS_WAIT: Duration = Duration::from_secs(10);
/// How long a host that stops tries to send the spans that are left.
pub const SPANS_STOP_WAIT: Duration = Duration::from_secs(3);

/// What an operator may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests that a token may make each second in the long run.
    pub requests_per_second: u32,
    /// Requests that it may make at once.
    pub requests_burst: u32,
    /// Connections at one time.
    pub connections_max: usize,
    /// Time for the head of a request, and between two requests, in milliseconds.
    pub head_timeout_ms: u64,
    /// Time for a body, in milliseconds; see [`BODY_RATE_MIN`].
    pub body_timeout_ms: u64,
    /// Time for a TLS handshake, in milliseconds.
    pub handshake_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: 50,
            requests_burst: 100,
            connections_max: 1_000,
            head_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            handshake_timeout_ms: 10_000,
        }
    }
}
