//! Commits in trouble: requests held back, connections cut, brokers frozen and restarted.

use crate::job::*;
use sluicebox_core::log::{Committed, Kind, ShardConfig, SourceBatch};
use sluicebox_kafka::{Connection, Kafka};
use sluicebox_tests::broker::{self, Broker};
use sluicebox_tests::proxy::{Api, Proxy};
use sluicebox_tests::records::Rec;
use std::time::{Duration, Instant};

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

/// Whoever recovers again and again puts the same partitions in place of themselves, faster than their fetchers stop.
#[test]
fn positions_are_set_again_and_again() {
    let broker = broker::shared();
    let kafka = Kafka::connect(Connection::to(broker.bootstrap())).expect("connects");
    let config = config(broker, &kafka);
    let record = |i: i64| Rec::new(0, "key", &i.to_string(), 1_700_000_000_000 + i);
    let records: Vec<Rec> = (0..10).map(record).collect();
    (broker.client().produce(&config.source, &records)).expect("produces");
    let mut shard = owner(&kafka, &config);
    for i in 0..5_000 {
        shard.assign(&[(0, i % 10)]).expect("assigns");
    }
    shard.assign(&[(0, 7)]).expect("assigns");
    let (mut read, until) = (Vec::new(), Instant::now() + Duration::from_secs(30));
    while read
        .iter()
        .map(|b: &SourceBatch| b.batch.len())
        .sum::<usize>()
        < 3
    {
        assert!(Instant::now() < until, "nothing is read");
        let polled = shard.poll(100, Duration::from_millis(100), &mut read);
        polled.expect("reads");
    }
    assert_eq!(shard.committed(&[0]), Ok(vec![None]));
}
