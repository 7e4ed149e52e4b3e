//! Membership where time matters: past a session's length.

use crate::fixture::OnKafka;
use sluicebox_core::log::conformance::Fixture;
use sluicebox_core::log::{Kind, Log, MemberConfig, MemberEvent, Membership};
use sluicebox_kafka::{Connection, Kafka};
use sluicebox_tests::broker::{self, Broker};
use std::time::{Duration, Instant};

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
