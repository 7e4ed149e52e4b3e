//! The catalog as kept: read from the object store, held in memory, changed revision by revision.

mod checkpoint;
mod hosts;
mod log;
mod modules;
mod probe;
mod sweep;
#[cfg(test)]
mod tests;

use crate::calls::{Objects, Patience};
use crate::change::{Change, FORMAT, Revision};
use crate::digest::hex;
use crate::error::{Error, Refused};
use crate::invariants;
use crate::limits::COMMIT_TRIES_MAX;
use crate::random::random;
use crate::state::Catalog;
use log::Winner;
use object_store::ObjectStore;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

pub use hosts::HostRecord;
pub use sweep::Unused;

/// A host's view of the catalog, and its way to change it. Clones share one view. Needs tokio's timers.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    objects: Objects,
    /// Tells this store's revisions from all others'.
    writer: String,
    current: watch::Sender<Arc<Catalog>>,
    /// Counts commits. Whoever holds it is the one who moves `current`, and only forward.
    turn: Mutex<u64>,
}

impl Store {
    /// Read the catalog: the newest checkpoint, then the log to its end. Where there is nothing, it is empty. An object store
    /// on which two hosts could write the same revision is refused.
    pub async fn open(objects: Arc<dyn ObjectStore>) -> Result<Self, Error> {
        Self::open_with(objects, Patience::default()).await
    }

    async fn open_with(objects: Arc<dyn ObjectStore>, patience: Patience) -> Result<Self, Error> {
        let writer = hex(&random::<8>()?);
        let objects = Objects::new(objects, patience);
        probe::check(&objects).await?;
        let mut catalog = checkpoint::newest(&objects).await?;
        log::replay(&objects, &mut catalog).await?;
        Ok(Self(Arc::new(Inner {
            objects,
            writer,
            current: watch::Sender::new(Arc::new(catalog)),
            turn: Mutex::new(0),
        })))
    }

    /// The catalog as last read or changed here.
    pub fn current(&self) -> Arc<Catalog> {
        Arc::clone(&self.0.current.borrow())
    }

    /// The same, and to be told when there is a newer one.
    pub fn watch(&self) -> watch::Receiver<Arc<Catalog>> {
        self.0.current.subscribe()
    }

    /// Read what others have written since.
    pub async fn refresh(&self) -> Result<Arc<Catalog>, Error> {
        let turn = self.0.turn.lock().await;
        self.0.catch_up(&turn).await
    }

    /// Change the catalog. `make` says how, given the catalog as it is; it is asked again when another writer came first,
    /// and may give `None` when there is nothing left to do. The answer is the catalog right after the change (or as `make`
    /// saw it last): when it comes, the change is durable and seen by all who refresh.
    ///
    /// Dropping the future leaves open whether the change is made; [`Store::refresh`] tells.
    pub async fn commit<C: Into<Option<Change>>>(
        &self,
        by: &str,
        at_ms: i64,
        mut make: impl FnMut(&Catalog) -> Result<C, Refused>,
    ) -> Result<Arc<Catalog>, Error> {
        let mut turn = self.0.turn.lock().await;
        *turn += 1;
        for _ in 0..COMMIT_TRIES_MAX {
            let catalog = self.0.catch_up(&turn).await?;
            let Some(change) = make(&catalog)?.into() else {
                return Ok(catalog);
            };
            let revision = Revision {
                format: FORMAT,
                revision: catalog.revision + 1,
                at_ms,
                by: by.to_owned(),
                writer: format!("{}-{}", self.0.writer, *turn),
                change,
            };
            let next = after(&catalog, &revision)?;
            log::check_predecessor(&self.0.objects, catalog.revision).await?;
            match log::publish(&self.0.objects, &revision).await? {
                Winner::Another => continue,
                Winner::Us => {
                    let next = self.0.adopt(&turn, next);
                    // Only a shortcut for the next start: it succeeds next time, or never, and nothing is lost.
                    let _ = checkpoint::write_if_due(&self.0.objects, &next).await;
                    return Ok(next);
                }
            }
        }
        Err(Error::Contended {
            tries: COMMIT_TRIES_MAX,
        })
    }
}

impl Inner {
    async fn catch_up(&self, turn: &u64) -> Result<Arc<Catalog>, Error> {
        let catalog = Arc::clone(&self.current.borrow());
        match log::follow(&self.objects, &catalog).await? {
            None => Ok(catalog),
            Some(newer) => Ok(self.adopt(turn, newer)),
        }
    }

    /// `_turn` is the proof that nobody else moves the catalog meanwhile.
    fn adopt(&self, _turn: &u64, newer: Catalog) -> Arc<Catalog> {
        let newer = Arc::new(newer);
        self.current.send_replace(Arc::clone(&newer));
        newer
    }
}

/// The catalog that the revision makes of this one.
fn after(catalog: &Catalog, revision: &Revision) -> Result<Catalog, Error> {
    let mut next = catalog.clone();
    next.apply(revision)?;
    match invariants::check(&next) {
        Ok(()) => Ok(next),
        Err(why) => Err(Error::Invariant(why.to_owned())),
    }
}
