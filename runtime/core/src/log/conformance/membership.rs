//! Who should run which shard.

use super::Fixture;
use super::job::*;
use crate::log::{Kind, MemberConfig, MemberEvent, Membership};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const SHARDS: i32 = 4;

/// One host as its supervisor would be: it runs what it was assigned and releases what it is asked for, or not.
struct Host {
    member: Box<dyn Membership>,
    runs: BTreeSet<i32>,
    asked_back: BTreeSet<i32>,
}

impl Host {
    fn join(fixture: &impl Fixture, name: &str, host_id: &str) -> Self {
        let config = MemberConfig {
            group: format!("{name}-members"),
            changelog: format!("{name}-changes"),
            host_id: host_id.into(),
        };
        Self {
            member: fixture.log().join(&config).unwrap(),
            runs: BTreeSet::new(),
            asked_back: BTreeSet::new(),
        }
    }

    fn poll(&mut self) {
        for event in self.member.poll(MOMENT).unwrap() {
            match event {
                MemberEvent::Assigned(shards) => {
                    for shard in shards {
                        assert!(self.runs.insert(shard), "shard {shard} assigned twice");
                    }
                }
                MemberEvent::Revoked(shards) => self.asked_back.extend(shards),
                MemberEvent::Lost(shards) => {
                    shards.iter().for_each(|shard| {
                        self.runs.remove(shard);
                    });
                }
            }
        }
    }

    fn release(&mut self) {
        let shards: Vec<i32> = std::mem::take(&mut self.asked_back).into_iter().collect();
        if !shards.is_empty() {
            shards.iter().for_each(|shard| {
                self.runs.remove(shard);
            });
            self.member.released(&shards);
        }
    }
}

fn changelog(fixture: &impl Fixture) -> String {
    let name = fixture.unique_name();
    let made = fixture
        .log()
        .ensure_changelog(&format!("{name}-changes"), SHARDS);
    assert_eq!(made, Ok(SHARDS));
    name
}

fn all() -> BTreeSet<i32> {
    (0..SHARDS).collect()
}

/// Poll all hosts in turn until it is so.
fn until(
    fixture: &impl Fixture,
    hosts: &mut [&mut Host],
    what: &str,
    is: impl Fn(&[&mut Host]) -> bool,
) {
    let end = Instant::now() + fixture.patience();
    while !is(hosts) {
        let runs: Vec<_> = hosts.iter().map(|h| (&h.runs, &h.asked_back)).collect();
        assert!(Instant::now() < end, "waited for {what}; runs: {runs:?}");
        hosts.iter_mut().for_each(|host| host.poll());
        disjoint(hosts);
    }
}

fn disjoint(hosts: &[&mut Host]) {
    let count: usize = hosts.iter().map(|h| h.runs.len()).sum();
    let union: BTreeSet<i32> = hosts.iter().flat_map(|h| h.runs.iter().copied()).collect();
    assert_eq!(count, union.len(), "a shard runs on two hosts");
}

/// Whoever is alone runs everything.
pub fn one_member_runs_all_shards(fixture: &impl Fixture) {
    let name = changelog(fixture);
    let mut host = Host::join(fixture, &name, "host-a");
    until(fixture, &mut [&mut host], "all shards", |h| {
        h[0].runs == all()
    });
    host.member.leave().unwrap();
}

/// A group is not deleted under its members, and nothing else is then; without them it is.
pub fn a_group_with_members_stays(fixture: &impl Fixture) {
    let name = changelog(fixture);
    let (group, changes) = (format!("{name}-members"), format!("{name}-changes"));
    let mut host = Host::join(fixture, &name, "host-a");
    until(fixture, &mut [&mut host], "all shards", |h| {
        h[0].runs == all()
    });
    let refused = error_of(fixture.log().delete(&changes, &[&group]));
    assert_eq!(refused.kind, Kind::Retriable, "{refused}");
    assert!(refused.message.contains(&group), "{refused}");
    assert!(fixture.log().topic(&changes).unwrap().is_some());
    host.member.leave().unwrap();
    let found = || fixture.log().delete(&changes, &[&group]).is_ok();
    eventually(fixture, "the deletion", found, |deleted| *deleted);
}

/// Whoever waits for news of the group can be woken, also when that comes before the wait, and whoever is gone can't.
pub fn a_poll_is_woken(fixture: &impl Fixture) {
    const LONG: Duration = Duration::from_secs(600);
    let name = changelog(fixture);
    let mut host = Host::join(fixture, &name, "host-a");
    until(fixture, &mut [&mut host], "all shards", |h| {
        h[0].runs == all()
    });
    let waker = host.member.waker();
    let begun = Instant::now();
    waker();
    assert_eq!(host.member.poll(LONG), Ok(Vec::new()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(MOMENT);
            waker();
        });
        assert_eq!(host.member.poll(LONG), Ok(Vec::new()));
    });
    assert!(begun.elapsed() < LONG, "nobody was woken");
    host.member.leave().unwrap();
    waker();
}

/// Two share evenly; when one leaves, the other runs everything, soon.
pub fn two_members_share_and_a_leaver_hands_over(fixture: &impl Fixture) {
    let name = changelog(fixture);
    let mut a = Host::join(fixture, &name, "host-a");
    until(fixture, &mut [&mut a], "all shards", |h| h[0].runs == all());
    let mut b = Host::join(fixture, &name, "host-b");
    let end = Instant::now() + fixture.patience();
    while b.runs.len() != 2 || a.runs.len() != 2 {
        assert!(
            Instant::now() < end,
            "never shared: {:?} {:?}",
            a.runs,
            b.runs
        );
        a.poll();
        a.release();
        b.poll();
        disjoint(&[&mut a, &mut b]);
    }
    a.member.leave().unwrap();
    until(fixture, &mut [&mut b], "the leaver's shards", |h| {
        h[0].runs == all()
    });
    b.member.leave().unwrap();
}

/// A shard that was asked back goes nowhere until its owner says that it stopped, whoever else joins meanwhile.
pub fn a_shard_moves_only_after_its_release(fixture: &impl Fixture) {
    let name = changelog(fixture);
    let mut a = Host::join(fixture, &name, "host-a");
    until(fixture, &mut [&mut a], "all shards", |h| h[0].runs == all());
    let mut b = Host::join(fixture, &name, "host-b");
    until(fixture, &mut [&mut a, &mut b], "a request", |h| {
        !h[0].asked_back.is_empty()
    });
    let mut c = Host::join(fixture, &name, "host-c");
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        [&mut a, &mut b, &mut c].into_iter().for_each(Host::poll);
        disjoint(&[&mut a, &mut b, &mut c]);
    }
    assert_eq!(a.runs, all(), "nothing was released");
    let end = Instant::now() + fixture.patience();
    let shared = |hosts: [&Host; 3]| {
        let runs = hosts.map(|host| host.runs.len());
        runs.iter().all(|n| *n > 0) && runs.iter().sum::<usize>() == all().len()
    };
    while !shared([&a, &b, &c]) {
        assert!(Instant::now() < end, "what was released went nowhere");
        [&mut a, &mut b, &mut c].into_iter().for_each(Host::release);
        [&mut a, &mut b, &mut c].into_iter().for_each(Host::poll);
        disjoint(&[&mut a, &mut b, &mut c]);
    }
    for host in [a, b, c] {
        host.member.leave().unwrap();
    }
}

/// A second host with the same identity makes the first one halt.
pub fn a_twin_makes_the_older_member_halt(fixture: &impl Fixture) {
    let name = changelog(fixture);
    let mut older = Host::join(fixture, &name, "twin");
    until(fixture, &mut [&mut older], "all shards", |h| {
        h[0].runs == all()
    });
    let mut newer = Host::join(fixture, &name, "twin");
    let end = Instant::now() + fixture.patience();
    let halted = loop {
        assert!(Instant::now() < end, "the older member never halted");
        match older.member.poll(MOMENT) {
            Err(error) => break error,
            Ok(_) => newer.poll(),
        }
    };
    assert_eq!(halted.kind, Kind::Halt, "{halted}");
    until(fixture, &mut [&mut newer], "all shards", |h| {
        h[0].runs == all()
    });
    newer.member.leave().unwrap();
}
