//! Whether the object store refuses to create an object twice. The whole log rests on that, and some stores take the
//! condition and ignore it. So it is tried at each start, with an object that stays.

use crate::calls::Objects;
use crate::error::Error;
use crate::fault::{Fault, error};
use crate::limits::CALL_TRIES_MAX;
use bytes::Bytes;

/// Created by the first start, and never again.
pub(super) const OBJECT: &str = "catalog/created-once";

/// Try it. An answer that was lost only means that there is such an object already.
pub(super) async fn check(objects: &Objects) -> Result<(), Error> {
    let mut created = false;
    let mut why = Fault::Missing;
    for attempt in 0..CALL_TRIES_MAX {
        objects.pause(attempt).await;
        match objects.create(OBJECT, Bytes::new()).await {
            Err(Fault::Exists) => return Ok(()),
            Ok(()) if created => return Err(Error::Unconditional),
            Ok(()) => created = true,
            Err(Fault::Missing) => return Err(error(OBJECT, no_such_bucket())),
            Err(denied @ Fault::Denied(_)) => return Err(error(OBJECT, denied)),
            Err(fault) => why = fault,
        }
    }
    Err(error(OBJECT, why))
}

fn no_such_bucket() -> Fault {
    Fault::Denied("there is no such bucket".to_owned())
}
