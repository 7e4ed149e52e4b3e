//! Others at the same shard: what one owner may find of another, and when it must not go on.

use crate::recovery::{assert_goes_on, end_of, rig};
use sluicebox_core::shard::ShardError;

/// A host that has not heard of an upgrade yet must not go back to the version before it.
#[test]
fn a_version_older_than_what_has_run_waits_for_the_catalog() {
    let mut rig = rig();
    rig.config.catalog_revision = 7;
    drop(rig.shard());
    rig.config.catalog_revision = 6;
    let (before, refused) = (end_of(&rig, "changes"), rig.start().recover());
    match refused {
        Err(ShardError::Reconnect(why)) => {
            insta::assert_snapshot!(why, @"the shard has run a version of the job from revision 7 of the catalog, and this host knows that of revision 6: it has to read the catalog first")
        }
        other => panic!("expected to come again, got {other:?}"),
    }
    assert_eq!(end_of(&rig, "changes"), before, "nothing is claimed");
    rig.config.catalog_revision = 8;
    assert_goes_on(&rig);
}

/// The witnesses are read one after the other: an owner that commits in between makes them differ, and that is no damage.
#[test]
fn another_owner_between_the_witnesses_is_no_damage() {
    let rig = rig();
    let mut other = rig.start();
    let recover = move || other.recover().expect("the other owner recovers");
    rig.control.lock().before_committed = Some(Box::new(recover));
    match rig.start().recover() {
        Err(ShardError::Reconnect(why)) => {
            insta::assert_snapshot!(why, @"another owner of the shard committed while it was recovered")
        }
        other => panic!("expected to come again, got {other:?}"),
    }
    assert_goes_on(&rig);
}
