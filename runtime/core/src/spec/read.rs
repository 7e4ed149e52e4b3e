//! What a spec may say, from the top: the settings of the whole job. Sources, operators and sinks are read in files
//! of their own; what concerns several of them is checked in `check.rs`.

use super::check::{self, writable_topic};
use super::cursor::Cursor;
use super::document::Form;
use super::fields::Fields;
use super::limits::{
    EPOCH_INTERVAL_MS_DEFAULT, EPOCH_INTERVAL_MS_MAX, EPOCH_INTERVAL_MS_MIN, OVERLAY_BYTES_DEFAULT,
    OVERLAY_BYTES_RANGE, ROCKSDB_BYTES_DEFAULT, ROCKSDB_BYTES_RANGE, SHARDS_MAX,
};
use super::model::{Connection, Epoch, Input, JobSpec, Source, State};
use super::names::{RESERVED_PREFIX, name_problem};
use super::{properties, read_operators, read_sinks, read_source};
use crate::log::Delivery;
use std::collections::BTreeMap;

/// What a job spec is, for those who gave another file.
pub(super) const FORM: Form<'_> = Form {
    what: "job spec",
    begins_with: "`job`, `source`, `operators` and `sink`",
};

const KEYS: [&str; 15] = [
    "apiVersion",
    "job",
    "source",
    "sources",
    "operators",
    "sink",
    "sinks",
    "delivery",
    "epoch",
    "dead_letter",
    "shards",
    "state",
    "kafka",
    "group",
    "description",
];

/// Read the whole spec. `None`: problems were reported.
pub(super) fn job(root: &Cursor<'_>) -> Option<JobSpec> {
    let fields = root.fields(&KEYS)?;
    let job = fields
        .require("job", "name the job, such as `job: spend-per-user`")
        .and_then(|c| c.name());
    let source = read_source::source(&fields);
    // A broken operator or source must not hide problems further down, so everything is read before any `?`.
    let operators = read_operators::operators(&fields, source.as_ref());
    let sinks = read_sinks::sinks(&fields, source.as_ref(), operators.as_deref());
    let delivery = delivery(&fields, source.as_ref());
    let epoch = fields.or("epoch", EPOCH_DEFAULT, epoch);
    let dead_letter = fields.or("dead_letter", None, |c| {
        dead_letter(&c, source.as_ref()).map(Some)
    });
    let shards = fields.or("shards", None, |c| {
        c.integer(1..=i64::from(SHARDS_MAX)).map(|n| Some(n as u16))
    });
    let state = fields.or("state", STATE_DEFAULT, state);
    let kafka = fields.or("kafka", (None, None), |c| kafka(&c));
    let group = fields.or("group", None, |c| group(&c).map(Some));
    let _ = fields.or("description", None, |c| c.text().map(Some));
    let (kafka, connection) = kafka?;
    let spec = JobSpec {
        job: job?,
        source: source?,
        operators: operators?,
        sinks: sinks?,
        delivery: delivery?,
        epoch: epoch?,
        dead_letter: dead_letter?,
        shards: shards?,
        state: state?,
        kafka,
        connection,
        group: group?,
    };
    check::whole(&fields, &spec)?;
    Some(spec)
}

const EPOCH_DEFAULT: Epoch = Epoch {
    interval_ms: EPOCH_INTERVAL_MS_DEFAULT,
    overlay_bytes_max: OVERLAY_BYTES_DEFAULT,
};

fn epoch(cursor: Cursor<'_>) -> Option<Epoch> {
    let fields = cursor.fields(&["interval", "overlay_max"])?;
    let interval_ms = fields.or("interval", EPOCH_INTERVAL_MS_DEFAULT, |c| {
        let range = EPOCH_INTERVAL_MS_MIN..=EPOCH_INTERVAL_MS_MAX;
        let interval = c.duration_ms()? as u64;
        if !range.contains(&interval) {
            let (from, to) = range.into_inner();
            return c.wrong_help(
                format!("an epoch lasts {from}ms to {}s", to / 1_000),
                "each epoch is one Kafka transaction; brokers abort those that stay open too long",
            );
        }
        Some(interval)
    });
    let overlay_bytes_max = fields.or("overlay_max", OVERLAY_BYTES_DEFAULT, |c| {
        c.size_bytes(&OVERLAY_BYTES_RANGE)
    });
    Some(Epoch {
        interval_ms: interval_ms?,
        overlay_bytes_max: overlay_bytes_max?,
    })
}

const STATE_DEFAULT: State = State::Rocksdb {
    memory_bytes_max: ROCKSDB_BYTES_DEFAULT,
};

/// `rocksdb`, `memory`, or `rocksdb: { memory: 128MiB }`.
fn state(cursor: Cursor<'_>) -> Option<State> {
    if cursor.as_text().is_some() {
        return cursor.choice(&[("rocksdb", STATE_DEFAULT), ("memory", State::Memory)]);
    }
    let fields = cursor.fields(&["rocksdb", "memory"])?;
    let (kind, inner) = fields.exactly_one(&["rocksdb", "memory"])?;
    if kind == "memory" {
        inner.fields(&[])?;
        return Some(State::Memory);
    }
    let memory_bytes_max = inner
        .fields(&["memory"])?
        .or("memory", ROCKSDB_BYTES_DEFAULT, |c| {
            c.size_bytes(&ROCKSDB_BYTES_RANGE)
        })?;
    Some(State::Rocksdb { memory_bytes_max })
}

fn dead_letter(cursor: &Cursor<'_>, source: Option<&Source>) -> Option<String> {
    let fields = cursor.fields(&["topic"])?;
    let topic = fields.require("topic", "name the topic for records that failed")?;
    writable_topic(&topic, source)
}

/// Standard input can't be read again after a crash, so there nothing is promised unless the spec asks for it, and
/// then it is refused.
fn delivery(fields: &Fields<'_>, source: Option<&Source>) -> Option<Delivery> {
    let replayable = !matches!(source.map(|s| &s.input), Some(Input::Stdin { .. }));
    let Some(cursor) = fields.get("delivery") else {
        return Some(match replayable {
            true => Delivery::ExactlyOnce,
            false => Delivery::AtLeastOnce,
        });
    };
    let delivery = cursor.choice(&[
        ("exactly_once", Delivery::ExactlyOnce),
        ("at_least_once", Delivery::AtLeastOnce),
    ])?;
    if delivery == Delivery::ExactlyOnce && !replayable {
        return cursor.wrong_help(
            "standard input can't be read again after a crash, so it can't be exactly_once",
            "read a file, or write `delivery: at_least_once`",
        );
    }
    Some(delivery)
}

/// How to reach Kafka, or the name of one of the host's connections.
fn kafka(cursor: &Cursor<'_>) -> Option<(Option<Connection>, Option<String>)> {
    match cursor.as_text() {
        Some(name) if name_problem(name).is_some() => cursor.wrong_help(
            format!("{} is no name of a host's connection", cursor.written()),
            "an address stands in `kafka: { bootstrap_servers: ... }`",
        ),
        Some(name) => Some((None, Some(name.to_owned()))),
        None => Some((Some(connection(cursor)?), None)),
    }
}

/// How to reach Kafka: `bootstrap_servers` and `properties`, none of which loads code or breaks what sluicebox promises.
pub fn connection(cursor: &Cursor<'_>) -> Option<Connection> {
    let fields = cursor.fields(&["bootstrap_servers", "properties"])?;
    let bootstrap_servers = fields
        .require(
            "bootstrap_servers",
            "write `host:port`, several with commas",
        )
        .and_then(|c| c.text())
        .map(str::to_owned);
    let properties = fields.or("properties", BTreeMap::new(), |c| {
        let mut all = BTreeMap::new();
        let mut good = true;
        for (name, value) in c.entries()? {
            match properties::refusal(name) {
                Some((message, help)) => good = value.wrong_help(message, help).unwrap_or(false),
                None => match value.scalar() {
                    Some(value) => drop(all.insert(name.to_owned(), value)),
                    None => good = false,
                },
            }
        }
        good.then_some(all)
    });
    Some(Connection {
        bootstrap_servers: bootstrap_servers?,
        properties: properties?,
    })
}

fn group(cursor: &Cursor<'_>) -> Option<String> {
    let group = cursor.text()?;
    if let Some(help) = super::names::topic_problem(group) {
        let help = help.replace("topic names", "group names (as sluicebox takes them)");
        return cursor.wrong_help("this is no valid group", help);
    }
    if group.starts_with(RESERVED_PREFIX) {
        return cursor.wrong_help(
            format!("groups that begin with `{RESERVED_PREFIX}` belong to sluicebox"),
            "choose another name, or leave `group` out",
        );
    }
    Some(group.to_owned())
}
