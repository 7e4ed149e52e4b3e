//! The log of revisions: one object each, written once. Create-if-absent decides who writes the next one; what is there
//! decides who has written it.

use crate::calls::{Objects, numbered};
use crate::change::Revision;
use crate::error::Error;
use crate::fault::{Fault, error};
use crate::format::{advise, damaged, decode_revision, encode_revision};
use crate::invariants;
use crate::limits::{CALL_TRIES_MAX, READS_AT_ONCE, REVISION_BYTES_MAX};
use crate::state::Catalog;
use futures_util::{StreamExt, TryStreamExt, stream};

/// Where revisions are.
pub(super) const FOLDER: &str = "catalog/log";

const RESTORE: &str = "Restore it from a backup";

/// Whose revision is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Winner {
    Us,
    Another,
}

/// Bring `catalog` to the end of the log, many reads at a time, and find gaps.
pub(super) async fn replay(objects: &Objects, catalog: &mut Catalog) -> Result<(), Error> {
    let listed = objects.numbers(FOLDER, Some(catalog.revision)).await?;
    let last = listed.last().copied().unwrap_or(catalog.revision);
    let mut revisions = stream::iter(catalog.revision + 1..=last)
        .map(|number| read_listed(objects, number, last))
        .buffered(READS_AT_ONCE);
    while let Some(revision) = revisions.try_next().await? {
        take(catalog, &revision)?;
    }
    drop(revisions);
    check(catalog)?;
    if let Some(newer) = follow(objects, catalog).await? {
        *catalog = newer;
    }
    Ok(())
}

/// The catalog at the end of the log, if that is beyond `catalog`.
pub(super) async fn follow(objects: &Objects, catalog: &Catalog) -> Result<Option<Catalog>, Error> {
    let mut newer: Option<Catalog> = None;
    loop {
        let next = newer.as_ref().unwrap_or(catalog).revision + 1;
        let Some(revision) = read(objects, next).await? else {
            break;
        };
        take(newer.get_or_insert_with(|| catalog.clone()), &revision)?;
    }
    newer.iter().try_for_each(check)?;
    Ok(newer)
}

/// Write the revision if nobody has written one of its number, and find out who did.
///
/// The answer to a write may be lost while the write is not. So after anything but a plain success, who has won is read
/// back; even "there is one already" may mean our own, from a try before, or one that the client repeated by itself.
/// Only a revision that is there, or a write that is confirmed, settles it.
pub(super) async fn publish(objects: &Objects, revision: &Revision) -> Result<Winner, Error> {
    let object = numbered(FOLDER, revision.revision);
    let bytes = encode_revision(revision)?;
    let mut why = String::new();
    for attempt in 0..CALL_TRIES_MAX {
        objects.pause(attempt).await;
        match objects.create(&object, bytes.clone()).await {
            Ok(()) => return Ok(Winner::Us),
            // Turned away at the first try: nothing is under way that could still arrive.
            Err(fault @ Fault::Denied(_)) if attempt == 0 => return Err(error(&object, fault)),
            Err(fault) => why = fault.to_string(),
        }
        match read(objects, revision.revision).await {
            Ok(Some(found)) if found == *revision => return Ok(Winner::Us),
            Ok(Some(_)) => return Ok(Winner::Another),
            Ok(None) => {}
            Err(Error::Objects { why: said, .. } | Error::Access { why: said, .. }) => why = said,
            Err(error) => return Err(error),
        }
    }
    Err(Error::Uncertain { object, why })
}

/// Refuse to write after a revision that is gone: the folder was emptied or replaced under us, and what we would write
/// into it nobody could read back.
pub(super) async fn check_predecessor(objects: &Objects, revision: u64) -> Result<(), Error> {
    let object = numbered(FOLDER, revision);
    if revision == 0 {
        return Ok(());
    }
    for attempt in 0..CALL_TRIES_MAX {
        objects.pause(attempt).await;
        if objects.exists(&object).await? {
            return Ok(());
        }
    }
    Err(damaged(
        &object,
        "it is gone since it was read. Nothing was written; restore the objects from a backup, then start again",
    ))
}

async fn read(objects: &Objects, number: u64) -> Result<Option<Revision>, Error> {
    let object = numbered(FOLDER, number);
    let found = match objects.read(&object, REVISION_BYTES_MAX).await {
        Ok(Some(bytes)) => decode_revision(&object, number, &bytes).map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    found.map_err(|error| advise(error, RESTORE))
}

/// A revision that must be there, as a later one is. Some stores show new objects only after a while.
async fn read_listed(objects: &Objects, number: u64, last: u64) -> Result<Revision, Error> {
    for attempt in 0..CALL_TRIES_MAX {
        objects.pause(attempt).await;
        if let Some(revision) = read(objects, number).await? {
            return Ok(revision);
        }
    }
    let why = format!(
        "it is not there, but revision {last} is, and nothing can be read past the gap. {RESTORE}"
    );
    Err(damaged(&numbered(FOLDER, number), why))
}

fn take(catalog: &mut Catalog, revision: &Revision) -> Result<(), Error> {
    let object = || numbered(FOLDER, revision.revision);
    catalog.apply(revision).map_err(|refused| {
        damaged(
            &object(),
            format!("the revisions before it do not allow it ({refused}). {RESTORE}"),
        )
    })
}

fn check(catalog: &Catalog) -> Result<(), Error> {
    invariants::check(catalog).map_err(|why| {
        damaged(
            &numbered(FOLDER, catalog.revision),
            format!("a rule does not hold after it ({why}). {RESTORE}"),
        )
    })
}
