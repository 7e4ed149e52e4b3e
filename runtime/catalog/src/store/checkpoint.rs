//! Checkpoints: the whole catalog as one object, so that a start need not read the whole log. They hold nothing that the
//! log does not, so writing one may fail, and a damaged one may be deleted.

use crate::calls::{Objects, numbered};
use crate::error::Error;
use crate::fault::{Fault, error};
use crate::format::{advise, decode_checkpoint, encode_checkpoint};
use crate::limits::{CHECKPOINT_BYTES_MAX, CHECKPOINT_REVISIONS, CHECKPOINTS_KEPT};
use crate::state::Catalog;

/// Where checkpoints are.
pub(super) const FOLDER: &str = "catalog/checkpoint";

/// The catalog of the newest checkpoint, or the empty one.
pub(super) async fn newest(objects: &Objects) -> Result<Catalog, Error> {
    let Some(number) = objects.numbers(FOLDER, None).await?.pop() else {
        return Ok(Catalog::default());
    };
    let object = numbered(FOLDER, number);
    let found = match objects.read(&object, CHECKPOINT_BYTES_MAX).await {
        Ok(Some(bytes)) => decode_checkpoint(&object, number, &bytes),
        Ok(None) => Err(error(&object, Fault::Missing)),
        Err(error) => Err(error),
    };
    found.map_err(|error| advise(error, "Delete it: the log has everything that is in it"))
}

/// Write one every [`CHECKPOINT_REVISIONS`], and remove the oldest.
pub(super) async fn write_if_due(objects: &Objects, catalog: &Catalog) -> Result<(), Error> {
    if !catalog.revision.is_multiple_of(CHECKPOINT_REVISIONS) {
        return Ok(());
    }
    let object = numbered(FOLDER, catalog.revision);
    let bytes = encode_checkpoint(catalog)?;
    if bytes.len() as u64 > CHECKPOINT_BYTES_MAX {
        return Ok(());
    }
    let written = objects.create(&object, bytes).await;
    written.map_err(|fault| error(&object, fault))?;
    remove_oldest(objects).await
}

async fn remove_oldest(objects: &Objects) -> Result<(), Error> {
    let numbers = objects.numbers(FOLDER, None).await?;
    for number in numbers.iter().rev().skip(CHECKPOINTS_KEPT) {
        let object = numbered(FOLDER, *number);
        let deleted = objects.delete(&object).await;
        deleted.map_err(|fault| error(&object, fault))?;
    }
    Ok(())
}
