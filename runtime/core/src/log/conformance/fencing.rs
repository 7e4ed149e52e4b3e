//! Who may commit: `init_transactions` fences every older owner of a transactional id.

use super::Fixture;
use super::job::*;
use crate::log::Kind;

/// The older owner's commit fails as fenced, and leaves neither outputs nor positions.
pub fn a_zombie_cannot_commit(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut zombie = job.owner();
    let source = source_id(zombie.as_mut());
    job.begin_with(zombie.as_mut(), &["zombie"]);
    zombie.append_changelog(b"zombie", b"").unwrap();
    let mut owner = job.owner();
    let refused = error_of(zombie.commit(&[position(0, 9, "zombie")], &source));
    assert_eq!(refused.kind, Kind::Fenced, "{refused}");
    job.epoch(owner.as_mut(), &["owner"], &[("owner", "")]);
    job.expect_visible(&["owner"]);
    let mut next = job.owner();
    assert_eq!(next.committed(&[0]), Ok(vec![None]));
    let mut keys = Vec::new();
    let mut visit = |record: crate::log::ChangelogRecord<'_>| keys.push(record.key.to_vec());
    next.read_changelog(0, &mut visit).unwrap();
    assert_eq!(keys, [b"owner"]);
}

/// What the older owner sends after the takeover is lost, even while the new owner's transaction is open.
pub fn a_zombie_cannot_add_to_a_transaction(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut zombie = job.owner();
    let source = source_id(zombie.as_mut());
    job.begin_with(zombie.as_mut(), &["before"]);
    let mut owner = job.owner();
    job.begin_with(owner.as_mut(), &["owner"]);
    // Whether the send itself fails depends on whether the client knows yet.
    let _ = zombie.send(out(0, "after"));
    let refused = error_of(zombie.commit(&[], &source));
    assert_eq!(refused.kind, Kind::Fenced, "{refused}");
    owner.commit(&[], &source).unwrap();
    job.epoch(owner.as_mut(), &["last"], &[]);
    job.expect_visible(&["owner", "last"]);
}

/// The takeover itself ends what the older owner left open: readers behind it go on.
pub fn a_takeover_aborts_what_was_open(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut dead = job.owner();
    job.begin_with(dead.as_mut(), &["open"]);
    drop(dead);
    job.owner();
    let behind = input(0, "behind");
    fixture.produce(&job.config.sinks[0], &[behind]);
    job.expect_visible(&["behind"]);
}

/// Shards with other transactional ids don't disturb each other.
pub fn only_the_same_transactional_id_fences(fixture: &impl Fixture) {
    let job = Job::new(fixture, 1);
    let mut other = job.config.clone();
    other.transactional_id += "-other";
    other.shard = 1;
    let mut shard = job.owner();
    job.begin_with(shard.as_mut(), &["a"]);
    let mut other = fixture.log().open(&other).unwrap();
    other.init_transactions().unwrap();
    job.begin_with(other.as_mut(), &["b"]);
    let source = source_id(shard.as_mut());
    shard.commit(&[], &source).unwrap();
    other.commit(&[], &source).unwrap();
    let both = |got: &Vec<String>| got.len() == 2;
    eventually(fixture, "both", || job.visible(), both);
}
