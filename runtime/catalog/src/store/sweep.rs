//! Removing the bytes of modules that nothing refers to: versions that were deleted, uploads whose revision was never
//! written.
//!
//! A push writes first and looks then, a removal marks first and looks then, so one of them sees the other:
//!
//! | push | removal |
//! |---|---|
//! | write the bytes, also if they are there | make a mark of its own |
//! | no marks, and then the bytes still there? commit | the bytes are young? leave them |
//! | else wait, and begin again | the catalog, read now, refers to them? leave them |
//! | | delete the bytes, then the mark |
//!
//! Who deletes after a push has written and found no mark, has made its own later, and finds bytes that are young. Who had
//! deleted before that, and taken the mark away again, is found out by the bytes that are gone. Ages are differences of
//! the store's own times. A mark stays where its host died or an answer was lost, until no request can be under way
//! any more. No two removals have one mark: whoever takes one away that was given up must not take one that is in use.

use super::Store;
use super::log;
use super::modules::bytes_object;
use crate::digest::{hex, is_digest};
use crate::error::Error;
use crate::fault::{Fault, error};
use crate::limits::{REMOVAL_ABANDONED, REMOVAL_MAX, UNUSED_MIN};
use crate::random::random;
use crate::state::Catalog;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Where modules are.
const FOLDER: &str = "modules";
/// Where the marks of removals are; mostly empty.
const MARKS: &str = "removing";

/// What earlier sweeps saw, and when. It is not kept: a host has to run for a day to remove anything.
#[derive(Debug, Default)]
pub struct Unused {
    /// Bytes that nothing referred to, by digest.
    modules: BTreeMap<String, Seen>,
    /// Marks of removals, by name.
    marks: BTreeMap<String, Seen>,
}

/// An object that has not changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    since: Duration,
    written_ms: i64,
}

/// Modules by digest, and marks by name, with the times at which they were written. Other objects there are none of ours.
#[derive(Debug, Default)]
struct Listing {
    modules: BTreeMap<String, i64>,
    marks: BTreeMap<String, i64>,
}

impl Store {
    /// Remove what nothing has referred to for [`UNUSED_MIN`]. `now` is time since some moment, the same for all sweeps that
    /// share `unused`. `removed` is told the digest of each module whose bytes were removed.
    pub async fn sweep(
        &self,
        unused: &mut Unused,
        now: Duration,
        mut removed: impl FnMut(&str),
    ) -> Result<(), Error> {
        let listing = Listing {
            modules: modules_of(self.0.objects.names(FOLDER).await?),
            marks: self.marks().await?,
        };
        // Read after the listing: what is listed was then referred to, if it ever will be, or its push is younger than a day.
        let catalog = self.referring().await?;
        let due = unused.look(&listing, &catalog.digests(), now);
        for mark in &due.abandoned {
            self.unmark(mark).await?;
        }
        for digest in &due.modules {
            if self.remove(digest).await? {
                removed(digest);
            }
        }
        Ok(())
    }

    /// Whether the bytes were removed. See the table above.
    async fn remove(&self, digest: &str) -> Result<bool, Error> {
        let begun = Instant::now();
        let mark = format!("{digest}.{}", hex(&random::<8>()?));
        let object = mark_object(&mark);
        let marked = self.0.objects.overwrite(&object, Bytes::new()).await;
        marked.map_err(|fault| error(&object, fault))?;
        let due = self.is_due(digest, &mark).await;
        if due != Ok(true) || begun.elapsed() > REMOVAL_MAX {
            self.unmark(&mark).await?;
            return due.map(|_| false);
        }
        let bytes = bytes_object(digest);
        match self.0.objects.delete(&bytes).await {
            Ok(()) | Err(Fault::Missing) => {}
            // It may be done later: nobody may rely on these bytes until the mark counts as abandoned.
            Err(fault) => return Err(error(&bytes, fault)),
        }
        self.unmark(&mark).await?;
        Ok(true)
    }

    /// Whether the bytes may go, now that whoever pushes them sees our mark.
    async fn is_due(&self, digest: &str, mark: &str) -> Result<bool, Error> {
        Ok(self.is_old(digest, mark).await? && !self.referring().await?.digests().contains(digest))
    }

    /// Whether nobody has written the bytes for long before our mark.
    async fn is_old(&self, digest: &str, mark: &str) -> Result<bool, Error> {
        let marked_ms = self.0.objects.written_ms(&mark_object(mark)).await?;
        let written_ms = self.0.objects.written_ms(&bytes_object(digest)).await?;
        Ok(match (marked_ms, written_ms) {
            (Some(marked_ms), Some(written_ms)) => is_longer(written_ms, marked_ms, UNUSED_MIN),
            // Somebody took our mark for abandoned, or the bytes are gone.
            _ => false,
        })
    }

    /// The catalog, read now. Where its newest revision is gone, somebody has put another catalog in its place, and what that
    /// refers to is not known here.
    async fn referring(&self) -> Result<Arc<Catalog>, Error> {
        let catalog = self.refresh().await?;
        log::check_predecessor(&self.0.objects, catalog.revision).await?;
        Ok(catalog)
    }

    /// All marks.
    async fn marks(&self) -> Result<BTreeMap<String, i64>, Error> {
        let names = self.0.objects.names(MARKS).await?.into_iter();
        let is_mark = |name: &str| name.split_once('.').is_some_and(|(d, _)| is_digest(d));
        Ok(names.filter(|(name, _)| is_mark(name)).collect())
    }

    /// Whether nobody is about to delete bytes that were just written, nor has done so since. Marks that were given up are
    /// taken away, and the bytes are to be written once more. Only in this order do the two answers mean that.
    pub(super) async fn is_safe(&self, digest: &str) -> Result<bool, Error> {
        let mut marks = self.marks().await?;
        marks.retain(|mark, _| mark.starts_with(digest));
        let written_ms = self.0.objects.written_ms(&bytes_object(digest)).await?;
        let Some(now_ms) = written_ms else {
            return Ok(false);
        };
        for (mark, marked_ms) in &marks {
            if is_longer(*marked_ms, now_ms, REMOVAL_ABANDONED) {
                self.unmark(mark).await?;
            }
        }
        Ok(marks.is_empty())
    }

    async fn unmark(&self, mark: &str) -> Result<(), Error> {
        let object = mark_object(mark);
        match self.0.objects.delete(&object).await {
            Ok(()) | Err(Fault::Missing) => Ok(()),
            Err(fault) => Err(error(&object, fault)),
        }
    }
}

fn mark_object(mark: &str) -> String {
    format!("{MARKS}/{mark}")
}

/// Whether so much time lies between two times of the store.
fn is_longer(from_ms: i64, to_ms: i64, span: Duration) -> bool {
    let passed = u64::try_from(to_ms.saturating_sub(from_ms)).unwrap_or(0);
    Duration::from_millis(passed) >= span
}

/// What a sweep has to do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Due {
    modules: Vec<String>,
    abandoned: Vec<String>,
}

impl Unused {
    /// Remember what is there and not referred to, forget the rest, and say what has been so for long enough.
    fn look(&mut self, listing: &Listing, referred: &BTreeSet<&str>, now: Duration) -> Due {
        let unreferred = listing.modules.iter();
        let unreferred = unreferred.filter(|(digest, _)| !referred.contains(digest.as_str()));
        Due {
            modules: note(&mut self.modules, unreferred, now, UNUSED_MIN),
            abandoned: note(
                &mut self.marks,
                listing.marks.iter(),
                now,
                REMOVAL_ABANDONED,
            ),
        }
    }
}

/// Make `seen` what is there now; which of it has been there, unchanged, for `span`?
fn note<'a>(
    seen: &mut BTreeMap<String, Seen>,
    there: impl Iterator<Item = (&'a String, &'a i64)>,
    now: Duration,
    span: Duration,
) -> Vec<String> {
    let before = std::mem::take(seen);
    let mut due = Vec::new();
    for (digest, &written_ms) in there {
        let known = before.get(digest).filter(|s| s.written_ms == written_ms);
        let since = known.map_or(now, |seen| seen.since);
        if now.saturating_sub(since) >= span {
            due.push(digest.clone());
        }
        seen.insert(digest.clone(), Seen { since, written_ms });
    }
    due
}

fn modules_of(names: Vec<(String, i64)>) -> BTreeMap<String, i64> {
    let named = names.into_iter().filter_map(|(name, written_ms)| {
        let digest = name.strip_suffix(".wasm")?;
        is_digest(digest).then(|| (digest.to_owned(), written_ms))
    });
    named.collect()
}
