//! The bytes of modules, named by their digest. They are stored before the revision that names them, and checked
//! whenever they are read.

use super::Store;
use crate::digest::{is_digest, sha256_hex};
use crate::error::{Error, Refused};
use crate::fault::error;
use crate::format::{advise, damaged};
use crate::limits::{CALL_TRIES_MAX, MODULE_BYTES_MAX, REMOVAL_LOOKS_MAX};
use bytes::Bytes;

impl Store {
    /// Keep a module's bytes. To be done right before its revision, and also for bytes that a version has already: that
    /// replaces an object that was damaged or lost, and keeps others from removing it for a day.
    pub async fn put_module(&self, digest: &str, bytes: Bytes) -> Result<(), Error> {
        if bytes.len() as u64 > MODULE_BYTES_MAX {
            return Err(Refused::invalid(format!(
                "the module has {} bytes; no tenant's may have more than {MODULE_BYTES_MAX}",
                bytes.len()
            ))
            .into());
        }
        if sha256_hex(&bytes) != digest {
            return Err(Refused::invalid(format!("the module's SHA-256 is not `{digest}`")).into());
        }
        for look in 0..REMOVAL_LOOKS_MAX {
            self.0.objects.pause(look).await;
            self.write_module(digest, &bytes).await?;
            if self.is_safe(digest).await? {
                return Ok(());
            }
        }
        Err(Error::Removing {
            digest: digest.to_owned(),
        })
    }

    /// The name says what the content is, so it does not matter who writes it, nor how often. It is written also if it is
    /// there: that makes it young.
    async fn write_module(&self, digest: &str, bytes: &Bytes) -> Result<(), Error> {
        let object = bytes_object(digest);
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.0.objects.overwrite(&object, bytes.clone()).await {
                Ok(()) => return Ok(()),
                Err(_) if attempt < CALL_TRIES_MAX => self.0.objects.pause(attempt).await,
                Err(fault) => return Err(error(&object, fault)),
            }
        }
    }

    /// A module's bytes, as they were pushed.
    pub async fn module(&self, digest: &str) -> Result<Bytes, Error> {
        if !is_digest(digest) {
            return Err(Refused::missing(format!("module with the digest `{digest}`")).into());
        }
        let object = bytes_object(digest);
        let found = match self.0.objects.read(&object, MODULE_BYTES_MAX).await {
            Ok(Some(bytes)) if sha256_hex(&bytes) == digest => Ok(bytes),
            Ok(Some(_)) => Err(damaged(&object, "its content does not have this digest")),
            Ok(None) => Err(damaged(&object, "it is not there")),
            Err(error) => Err(error),
        };
        found.map_err(|error| advise(error, "Push the module again"))
    }
}

/// The object that has a module's bytes.
pub(super) fn bytes_object(digest: &str) -> String {
    format!("modules/{digest}.wasm")
}
