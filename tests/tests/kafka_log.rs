//! The log port on a real Kafka broker: the conformance suite that the embedded log passes too, and what only a broker
//! can show (errors of connecting, settings of topics, taint).

use sluicebox_core::log::conformance::{Fixture, Record};
use sluicebox_core::log::{
    Committed, Delivery, Kind, Log, MemberConfig, MemberEvent, Membership, OutRecord, Position,
    ShardConfig, ShardLog,
};
use sluicebox_kafka::{Connection, Kafka};
use sluicebox_tests::broker::{self, Broker};
use sluicebox_tests::proxy::{Api, Proxy};
use sluicebox_tests::records::Rec;
use std::time::{Duration, Instant};

/// The broker of this test binary, with a connection of ours and the harness's own client to look past it.
struct OnKafka {
    broker: &'static Broker,
    kafka: Kafka,
}

impl OnKafka {
    fn new() -> Self {
        let broker = broker::shared();
        let kafka = Kafka::connect(Connection::to(broker.bootstrap())).expect("connects");
        Self { broker, kafka }
    }
}

impl Fixture for OnKafka {
    fn log(&self) -> &dyn Log {
        &self.kafka
    }
    fn unique_name(&self) -> String {
        broker::unique("k")
    }
    fn create_topic(&self, name: &str, partitions: i32) {
        let client = self.broker.client();
        client.create_topic(name, partitions, &[]).expect(name);
    }
    fn produce(&self, topic: &str, records: &[Record]) {
        let records: Vec<Rec> = records.iter().map(to_rec).collect();
        self.broker.client().produce(topic, &records).expect(topic);
    }
    fn read_committed(&self, topic: &str) -> Vec<Record> {
        let records = self.broker.client().read_committed(topic).expect(topic);
        records.iter().map(from_rec).collect()
    }
    fn delete_topic(&self, name: &str) {
        self.broker.client().delete_topic(name).expect(name);
    }
    fn recreate_topic(&self, name: &str, partitions: i32) {
        self.delete_topic(name);
        self.create_topic(name, partitions);
    }
    fn truncate_before(&self, topic: &str, partition: i32, offset: i64) {
        let client = self.broker.client();
        client
            .delete_records(topic, partition, offset)
            .expect(topic);
    }
}

fn to_rec(record: &Record) -> Rec {
    let mut headers = Vec::new();
    let mut rest = record.headers.as_deref().unwrap_or_default();
    while !rest.is_empty() {
        let name = take(&mut rest).expect("a name");
        let name = String::from_utf8_lossy(name).into_owned();
        headers.push((name, take(&mut rest).map(<[u8]>::to_vec)));
    }
    Rec {
        partition: record.partition,
        offset: record.offset,
        key: record.key.clone(),
        value: record.value.clone(),
        timestamp: record.timestamp,
        headers,
    }
}

/// A length and what it counts; `None` is null.
fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = rest.split_off(..4).expect("a length");
    let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
    (length != u32::MAX).then(|| rest.split_off(..length as usize).expect("bytes"))
}

fn from_rec(rec: &Rec) -> Record {
    let mut headers = Vec::new();
    for (name, value) in &rec.headers {
        headers.extend_from_slice(&(name.len() as u32).to_le_bytes());
        headers.extend_from_slice(name.as_bytes());
        let length = value.as_ref().map_or(u32::MAX, |value| value.len() as u32);
        headers.extend_from_slice(&length.to_le_bytes());
        headers.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    Record {
        partition: rec.partition,
        offset: rec.offset,
        key: rec.key.clone(),
        value: rec.value.clone(),
        headers: (!headers.is_empty()).then_some(headers),
        timestamp: rec.timestamp,
    }
}

mod conformance {
    sluicebox_core::log_conformance!(super::OnKafka::new());
}

/// A job on any broker, for tests that stop or pause theirs.
fn config(broker: &Broker, kafka: &Kafka) -> ShardConfig {
    let name = broker::unique("k");
    let config = ShardConfig {
        source: format!("{name}-in"),
        partitions: vec![0],
        sinks: vec![format!("{name}-out")],
        changelog: format!("{name}-changes"),
        shard: 0,
        transactional_id: format!("{name}-t0"),
        group: format!("{name}-job"),
        delivery: Delivery::ExactlyOnce,
        epoch_interval_ms: 100,
        transaction_timeout_ms: 60_000,
    };
    let client = broker.client();
    client.create_topic(&config.source, 1, &[]).expect("source");
    client.create_topic(&config.sinks[0], 1, &[]).expect("sink");
    assert_eq!(kafka.ensure_changelog(&config.changelog, 1), Ok(1));
    config
}

fn owner(kafka: &Kafka, config: &ShardConfig) -> Box<dyn ShardLog> {
    let mut shard = kafka.open(config).expect("opens");
    shard.init_transactions().expect("takes over");
    shard
}

/// Open a transaction with one output.
fn begin_with(shard: &mut dyn ShardLog, value: &str) {
    shard.begin().expect("begins");
    let out = OutRecord {
        topic: 0,
        partition: 0,
        key: None,
        value: Some(value.as_bytes()),
        headers: None,
        timestamp: 1_700_000_000_000,
    };
    shard.send(out).expect("sends");
}

fn at(offset: i64, metadata: &str) -> Position {
    Position {
        partition: 0,
        offset,
        metadata: metadata.into(),
    }
}

fn values(broker: &Broker, topic: &str) -> Vec<String> {
    let records = broker.client().read_committed(topic).expect(topic);
    records.iter().map(Rec::value_text).collect()
}

/// What connecting with these properties is refused with, within a person's patience.
fn refusal(servers: &str, properties: &[(&str, &str)]) -> String {
    let mut connection = Connection::to(servers);
    for (key, value) in properties {
        connection.properties.insert((*key).into(), (*value).into());
    }
    let started = Instant::now();
    let error = Kafka::connect(connection).err().expect("is refused");
    assert!(started.elapsed() < Duration::from_secs(20), "{error}");
    assert_eq!(error.kind, Kind::Halt, "{error}");
    error.message
}

#[test]
fn an_unreachable_broker_is_named_with_what_to_check() {
    let message = refusal("127.0.0.1:1", &[]);
    assert!(message.contains("127.0.0.1:1"), "{message}");
    assert!(message.contains("no broker answered"), "{message}");
    assert!(message.contains("Connection refused"), "{message}");
    assert!(message.contains("check bootstrap_servers"), "{message}");
}

#[test]
fn refused_credentials_say_so_at_once() {
    let started = Instant::now();
    let message = refusal(
        &broker::shared().bootstrap(),
        &[
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "somebody"),
            ("sasl.password", "topsecret"),
        ],
    );
    assert!(message.contains("check security.protocol"), "{message}");
    assert!(!message.contains("topsecret"), "{message}");
    assert!(started.elapsed() < Duration::from_secs(8), "{message}");
}

#[test]
fn properties_that_are_not_allowed_or_make_no_sense_are_refused() {
    let servers = broker::shared().bootstrap();
    let message = refusal(&servers, &[("transactional.id", "mine")]);
    assert!(message.contains("transactional.id"), "{message}");
    let message = refusal(&servers, &[("linger.ms", "soon")]);
    assert!(message.contains("linger.ms"), "{message}");
}

#[test]
fn a_changelog_that_forgets_is_refused() {
    let fixture = OnKafka::new();
    let name = fixture.unique_name();
    let client = fixture.broker.client();
    let forgets = [("retention.ms", "3600000"), ("cleanup.policy", "compact")];
    client.create_topic(&name, 1, &forgets).expect("topic");
    let error = fixture
        .kafka
        .ensure_changelog(&name, 1)
        .expect_err("refused");
    assert_eq!(error.kind, Kind::Halt);
    assert!(error.message.contains("retention.ms=3600000"), "{error}");
    let repair = "--add-config cleanup.policy=delete,retention.ms=-1";
    assert!(error.message.contains(repair), "{error}");
}

#[test]
fn a_transaction_timeout_over_the_brokers_maximum_is_refused_with_the_reason() {
    let fixture = OnKafka::new();
    let mut config = config(fixture.broker, &fixture.kafka);
    config.transaction_timeout_ms = 3_600_000;
    let mut shard = fixture.kafka.open(&config).expect("opens");
    let error = shard.init_transactions().expect_err("refused");
    assert_eq!(error.kind, Kind::Halt, "{error}");
    assert!(
        error.message.contains("transaction.max.timeout.ms"),
        "{error}"
    );
}

#[test]
fn a_member_of_a_missing_changelog_halts() {
    let fixture = OnKafka::new();
    let name = fixture.unique_name();
    let member = MemberConfig {
        group: format!("{name}-members"),
        changelog: format!("{name}-missing"),
        host_id: "host".into(),
    };
    let mut member = fixture.kafka.join(&member).expect("joins");
    let until = Instant::now() + Duration::from_secs(60);
    let error = loop {
        assert!(Instant::now() < until, "nothing was said");
        if let Err(error) = member.poll(Duration::from_millis(100)) {
            break error;
        }
    };
    assert_eq!(error.kind, Kind::Halt, "{error}");
    assert!(
        error.message.contains(&format!("{name}-missing")),
        "{error}"
    );
}

fn join(kafka: &Kafka, name: &str, host_id: &str) -> Box<dyn Membership> {
    let config = MemberConfig {
        group: format!("{name}-members"),
        changelog: format!("{name}-changes"),
        host_id: host_id.into(),
    };
    kafka.join(&config).expect("joins")
}

/// Poll until this event comes; others are returned with it.
fn until(member: &mut dyn Membership, is: impl Fn(&MemberEvent) -> bool) -> Vec<MemberEvent> {
    let end = Instant::now() + Duration::from_secs(60);
    let mut events = Vec::new();
    while !events.iter().any(&is) {
        assert!(Instant::now() < end, "it never came: {events:?}");
        events.extend(member.poll(Duration::from_millis(100)).expect("polls"));
    }
    events
}

/// Stopping a shard may take longer than a session: whoever is asked for it stays a member meanwhile.
#[test]
fn a_member_may_take_longer_than_a_session_to_release() {
    let fixture = OnKafka::new();
    let name = fixture.unique_name();
    let changelog = format!("{name}-changes");
    assert_eq!(fixture.kafka.ensure_changelog(&changelog, 2), Ok(2));
    let mut slow = join(&fixture.kafka, &name, "slow");
    until(slow.as_mut(), |e| matches!(e, MemberEvent::Assigned(_)));
    let mut other = join(&fixture.kafka, &name, "other");
    let asked = until(slow.as_mut(), |e| matches!(e, MemberEvent::Revoked(_)));
    let [MemberEvent::Revoked(shards)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    let end = Instant::now() + Duration::from_secs(13);
    while Instant::now() < end {
        let moment = Duration::from_millis(100);
        assert_eq!(slow.poll(moment), Ok(vec![]), "still a member");
        assert_eq!(other.poll(moment), Ok(vec![]), "nothing was released");
    }
    slow.released(shards);
    let want = MemberEvent::Assigned(shards.clone());
    let end = Instant::now() + Duration::from_secs(60);
    let mut got = Vec::new();
    while !got.contains(&want) {
        assert!(Instant::now() < end, "{want:?} never came: {got:?}");
        assert_eq!(slow.poll(Duration::from_millis(50)), Ok(vec![]));
        got.extend(other.poll(Duration::from_millis(50)).expect("polls"));
    }
    slow.leave().expect("leaves");
    other.leave().expect("leaves");
}

/// Cut off for longer than a session, a member knows by itself that others may run its shards, and rejoins later.
#[test]
fn a_member_that_hears_nothing_loses_its_shards() {
    let broker = Broker::start().expect("a broker");
    let kafka = Kafka::connect(Connection::to(broker.bootstrap())).expect("connects");
    let name = broker::unique("k");
    assert_eq!(kafka.ensure_changelog(&format!("{name}-changes"), 2), Ok(2));
    let mut member = join(&kafka, &name, "host");
    until(member.as_mut(), |e| *e == MemberEvent::Assigned(vec![0, 1]));
    broker.pause().expect("pauses");
    until(member.as_mut(), |e| *e == MemberEvent::Lost(vec![0, 1]));
    broker.resume().expect("resumes");
    until(member.as_mut(), |e| *e == MemberEvent::Assigned(vec![0, 1]));
    member.leave().expect("leaves");
}

/// A broker behind a proxy, and a shard whose next commit ends in trouble there.
struct Troubled {
    broker: Broker,
    kafka: Kafka,
    config: ShardConfig,
}

impl Troubled {
    fn new() -> Self {
        let options = broker::Options {
            proxied: true,
            ..broker::Options::default()
        };
        let broker = Broker::start_with(&options).expect("a broker");
        let proxied = broker.proxy().expect("a proxy").bootstrap();
        let kafka = Kafka::connect(Connection::to(proxied)).expect("connects");
        let config = config(&broker, &kafka);
        Self {
            broker,
            kafka,
            config,
        }
    }

    /// Commit one epoch well and one while `trouble` happens to its end, which must taint; then take over.
    fn tainted_commit(&self, trouble: impl FnOnce(&Proxy) + Send) {
        let mut shard = owner(&self.kafka, &self.config);
        let source = shard.source_topic().expect("source").id;
        begin_with(shard.as_mut(), "before");
        assert_eq!(shard.commit(&[at(1, "one")], &source), Ok(false));

        begin_with(shard.as_mut(), "in trouble");
        let proxy = self.broker.proxy().expect("a proxy");
        let committed = std::thread::scope(|scope| {
            scope.spawn(|| trouble(proxy));
            std::thread::sleep(Duration::from_millis(100));
            shard.commit(&[at(2, "two")], &source)
        });
        assert!(proxy.held() > 0, "the trouble came too late");
        assert_eq!(committed, Ok(true), "must be tainted");
        let error = shard
            .begin()
            .expect_err("a tainted producer begins nothing");
        assert_eq!(error.kind, Kind::Fenced, "{error}");

        let mut next = owner(&self.kafka, &self.config);
        let want = Committed {
            offset: 2,
            metadata: "two".into(),
        };
        assert_eq!(next.committed(&[0]), Ok(vec![Some(want)]));
        begin_with(next.as_mut(), "after");
        // The late copy of the first end arrives while this transaction is open, and must not end it.
        std::thread::sleep(Duration::from_secs(3));
        next.abort().expect("aborts");
        begin_with(next.as_mut(), "last");
        assert_eq!(next.commit(&[at(3, "three")], &source), Ok(false));
        let visible = values(&self.broker, &self.config.sinks[0]);
        assert_eq!(visible, ["before", "in trouble", "last"]);
    }
}

/// A slow commit may have left a copy of its request behind: the connection says so and opens nothing more.
#[test]
fn a_slow_commit_taints_its_producer() {
    Troubled::new().tainted_commit(|proxy| proxy.hold(Api::EndTxn, 1, Duration::from_secs(6)));
}

/// The end of a transaction is under way when the connection breaks; the client sends it again, and the first copy
/// arrives late. A new producer makes it harmless.
#[test]
fn a_commit_cut_off_taints_its_producer() {
    Troubled::new().tainted_commit(|proxy| {
        proxy.hold(Api::EndTxn, 1, Duration::from_secs(3));
        let until = Instant::now() + Duration::from_secs(10);
        while proxy.held() == 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        proxy.cut();
        std::thread::sleep(Duration::from_millis(300));
        proxy.mend();
    });
}

/// A broker that dies in an open transaction and comes back: nothing of it is seen, and the work goes on.
#[test]
fn a_restarted_broker_loses_at_most_the_open_transaction() {
    let mut broker = Broker::start().expect("a broker");
    let kafka = Kafka::connect(Connection::to(broker.bootstrap())).expect("connects");
    let config = config(&broker, &kafka);
    let mut shard = owner(&kafka, &config);
    let source = shard.source_topic().expect("source").id;
    begin_with(shard.as_mut(), "before");
    shard.commit(&[at(1, "")], &source).expect("commits");
    begin_with(shard.as_mut(), "cut");
    broker.stop().expect("stops");
    broker.start_again().expect("starts again");
    let mut done = vec!["before"];
    if shard.commit(&[at(2, "")], &source).is_ok() {
        done.push("cut");
    }
    drop(shard);
    let mut next = owner(&kafka, &config);
    begin_with(next.as_mut(), "after");
    next.commit(&[at(3, "")], &source).expect("commits");
    done.push("after");
    assert_eq!(values(&broker, &config.sinks[0]), done);
}

/// With no broker for as long as a commit may take, the caller is told, and nothing hangs.
#[test]
fn a_commit_without_brokers_comes_back_with_an_error() {
    let broker = Broker::start().expect("a broker");
    let kafka = Kafka::connect(Connection::to(broker.bootstrap())).expect("connects");
    let mut config = config(&broker, &kafka);
    config.transaction_timeout_ms = 10_000;
    let mut shard = owner(&kafka, &config);
    let source = shard.source_topic().expect("source").id;
    begin_with(shard.as_mut(), "never");
    broker.pause().expect("pauses");
    let started = Instant::now();
    let error = shard.commit(&[at(1, "")], &source).expect_err("no broker");
    assert!(started.elapsed() < Duration::from_secs(32), "{error}");
    assert!(
        matches!(error.kind, Kind::Abortable | Kind::Fenced),
        "{error}"
    );
    broker.resume().expect("resumes");
    drop(shard);
    let mut next = owner(&kafka, &config);
    assert_eq!(next.committed(&[0]), Ok(vec![None]));
    begin_with(next.as_mut(), "after");
    next.commit(&[at(1, "")], &source).expect("commits");
    assert_eq!(values(&broker, &config.sinks[0]), ["after"]);
}
