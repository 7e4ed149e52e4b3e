//! Checkpoints: the whole catalog as one object, so that a start need not read the whole log. They hold nothing that the
//! log does not, so writing one may fail, and a damaged one may be deleted.

use crate::calls::{Objects, error, numbered};
use crate::error::Error;
use crate::format::{decode_checkpoint, encode_checkpoint};
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
    let Some(bytes) = objects.read(&object, CHECKPOINT_BYTES_MAX).await? else {
        let why = "it was listed and can't be read yet".to_owned();
        return Err(Error::Objects { object, why });
    };
    decode_checkpoint(&object, number, &bytes).map_err(|error| match error {
        Error::Damaged { object, why } => Error::Damaged {
            object,
            why: format!("{why}. Delete it: the log has everything that is in it"),
        },
        other => other,
    })
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
