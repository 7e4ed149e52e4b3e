//! Revisions and checkpoints as bytes: one JSON object each, with the number of its format. Another format is refused by
//! that number before anything else is looked at; an unknown field or kind of change is refused too, never passed over.

use crate::change::{FORMAT, Revision};
use crate::error::{Error, Refused};
use crate::invariants;
use crate::limits::REVISION_BYTES_MAX;
use crate::state::Catalog;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What every format begins with being read as.
#[derive(Deserialize)]
struct Header {
    format: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    #[allow(
        dead_code,
        reason = "read as the header already; named so that it is no unknown field"
    )]
    format: u32,
    catalog: Catalog,
}

#[derive(Serialize)]
struct CheckpointRef<'a> {
    format: u32,
    catalog: &'a Catalog,
}

/// The object of a revision.
pub(crate) fn encode_revision(revision: &Revision) -> Result<Bytes, Error> {
    let bytes = encode(revision)?;
    match bytes.len() as u64 <= REVISION_BYTES_MAX {
        true => Ok(bytes),
        false => Err(Refused::invalid(format!(
            "this change takes {} bytes; one takes at most {REVISION_BYTES_MAX}",
            bytes.len()
        ))
        .into()),
    }
}

/// The revision that `object` holds; it has to be this number.
pub(crate) fn decode_revision(object: &str, number: u64, bytes: &[u8]) -> Result<Revision, Error> {
    let revision: Revision = decode(object, bytes)?;
    if revision.revision != number {
        return Err(damaged(
            object,
            format!("it holds revision {}", revision.revision),
        ));
    }
    Ok(revision)
}

/// The object of a checkpoint.
pub(crate) fn encode_checkpoint(catalog: &Catalog) -> Result<Bytes, Error> {
    invariants::check(catalog).map_err(|why| Error::Invariant(why.to_owned()))?;
    encode(&CheckpointRef {
        format: FORMAT,
        catalog,
    })
}

/// The catalog that `object` holds, as of this revision.
pub(crate) fn decode_checkpoint(object: &str, number: u64, bytes: &[u8]) -> Result<Catalog, Error> {
    let catalog = decode::<Checkpoint>(object, bytes)?.catalog;
    if catalog.revision != number {
        let why = format!("it holds the catalog of revision {}", catalog.revision);
        return Err(damaged(object, why));
    }
    match invariants::check(&catalog) {
        Ok(()) => Ok(catalog),
        Err(why) => Err(damaged(
            object,
            format!("a rule does not hold in it ({why})"),
        )),
    }
}

fn encode(content: &impl Serialize) -> Result<Bytes, Error> {
    match serde_json::to_vec(content) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => Err(Error::Invariant(error.to_string())),
    }
}

fn decode<T: DeserializeOwned>(object: &str, bytes: &[u8]) -> Result<T, Error> {
    let header: Header =
        serde_json::from_slice(bytes).map_err(|error| damaged(object, error.to_string()))?;
    if header.format != u64::from(FORMAT) {
        return Err(Error::Format {
            object: object.to_owned(),
            found: header.format,
        });
    }
    serde_json::from_slice(bytes).map_err(|error| damaged(object, error.to_string()))
}

/// An object that is not what was written.
pub(crate) fn damaged(object: &str, why: impl Into<String>) -> Error {
    Error::Damaged {
        object: object.to_owned(),
        why: why.into(),
    }
}
