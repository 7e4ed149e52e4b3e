//! Calls to the object store: each has a deadline, each answer is sorted by what it means to us, and reading is tried a
//! few times. Whether a *write* may be repeated only its caller knows.

use crate::error::Error;
use crate::format::damaged;
use crate::limits::{CALL_MAX, CALL_PAUSE, CALL_TRIES_MAX};
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use std::future::Future;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

/// An answer other than the wanted one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("there is such an object already")]
    Exists,
    #[error("it is not there")]
    Missing,
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    Failed(String),
    #[error("no answer within {0:?}")]
    Late(Duration),
}

/// How long to wait for answers, and between tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For one answer.
    pub call_max: Duration,
    /// Before the second try; doubles for each further one.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            call_max: CALL_MAX,
            pause: CALL_PAUSE,
        }
    }
}

/// The object store with deadlines. Objects are named by their paths.
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    patience: Patience,
}

impl Objects {
    pub fn new(store: Arc<dyn ObjectStore>, patience: Patience) -> Self {
        Self { store, patience }
    }

    /// Wait before try number `attempt`, counted from 0: other writers need a moment, too.
    pub async fn pause(&self, attempt: u32) {
        if let Some(doublings) = attempt.checked_sub(1) {
            tokio::time::sleep(self.patience.pause * 2u32.pow(doublings)).await;
        }
    }

    /// The object's bytes, or `None` if there is no such object (yet).
    pub async fn read(&self, object: &str, bytes_max: u64) -> Result<Option<Bytes>, Error> {
        let path = Path::from(object);
        let get = || async {
            let found = self.store.get(&path).await?;
            match found.meta.size <= bytes_max {
                true => found.bytes().await.map(Ok),
                false => Ok(Err(found.meta.size)),
            }
        };
        match self.retried(get).await {
            Ok(Ok(bytes)) => Ok(Some(bytes)),
            Ok(Err(size)) => {
                let why =
                    format!("it has {size} bytes, and no such object has more than {bytes_max}");
                Err(damaged(object, why))
            }
            Err(Fault::Missing) => Ok(None),
            Err(fault) => Err(error(object, fault)),
        }
    }

    /// Whether there is such an object.
    pub async fn exists(&self, object: &str) -> Result<bool, Error> {
        let path = Path::from(object);
        match self.retried(|| self.store.head(&path)).await {
            Ok(_) => Ok(true),
            Err(Fault::Missing) => Ok(false),
            Err(fault) => Err(error(object, fault)),
        }
    }

    /// Write an object that is not there yet. Any fault but `Denied` leaves open whether it is there now, and whose.
    pub async fn create(&self, object: &str, bytes: Bytes) -> Result<(), Fault> {
        self.put(object, bytes, PutMode::Create).await
    }

    /// Write an object, whatever is there.
    pub async fn overwrite(&self, object: &str, bytes: Bytes) -> Result<(), Fault> {
        self.put(object, bytes, PutMode::Overwrite).await
    }

    async fn put(&self, object: &str, bytes: Bytes, mode: PutMode) -> Result<(), Fault> {
        let path = Path::from(object);
        let put = self
            .store
            .put_opts(&path, PutPayload::from(bytes), mode.into());
        self.bounded(put).await.map(drop)
    }

    /// Remove an object.
    pub async fn delete(&self, object: &str) -> Result<(), Fault> {
        let path = Path::from(object);
        self.bounded(self.store.delete(&path)).await
    }

    /// The numbers of the objects in `folder` whose name is a number and `.json`, those after `after` only, ascending.
    /// Other files there (an editor's, one half written) are none of ours.
    pub async fn numbers(&self, folder: &str, after: Option<u64>) -> Result<Vec<u64>, Error> {
        let prefix = Path::from(folder);
        let list = || async {
            let found = match after {
                None => self.store.list(Some(&prefix)),
                Some(after) => {
                    let offset = Path::from(numbered(folder, after));
                    self.store.list_with_offset(Some(&prefix), &offset)
                }
            };
            found.try_collect::<Vec<_>>().await
        };
        let found = self
            .retried(list)
            .await
            .map_err(|fault| error(folder, fault))?;
        let names = found.iter().filter_map(|about| about.location.filename());
        let mut numbers: Vec<u64> = names.filter_map(number_of).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// For calls that change nothing: what failed quickly is tried again.
    async fn retried<T, F>(&self, call: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.bounded(call()).await {
                Err(Fault::Failed(_)) if attempt < CALL_TRIES_MAX => self.pause(attempt).await,
                answer => return answer,
            }
        }
    }

    async fn bounded<T>(
        &self,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Fault> {
        let call_max = self.patience.call_max;
        match tokio::time::timeout(call_max, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(sort(&error)),
            Err(_) => Err(Fault::Late(call_max)),
        }
    }
}

/// The object of this number in `folder`: the names' order is that of the numbers.
pub(crate) fn numbered(folder: &str, number: u64) -> String {
    format!("{folder}/{number:020}.json")
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    let number = digits.parse().ok()?;
    (digits == format!("{number:020}")).then_some(number)
}

/// An answer that was not to be, as an error for the caller's caller. Not for changes that may have been made.
pub(crate) fn error(object: &str, fault: Fault) -> Error {
    let (object, why) = (object.to_owned(), fault.to_string());
    match fault {
        Fault::Denied(_) => Error::Access { object, why },
        Fault::Exists | Fault::Missing | Fault::Failed(_) | Fault::Late(_) => {
            Error::Objects { object, why }
        }
    }
}

fn sort(error: &object_store::Error) -> Fault {
    use object_store::Error as E;
    match error {
        E::NotFound { .. } => Fault::Missing,
        E::AlreadyExists { .. } | E::Precondition { .. } => Fault::Exists,
        E::PermissionDenied { .. }
        | E::Unauthenticated { .. }
        | E::NotSupported { .. }
        | E::NotImplemented { .. }
        | E::UnknownConfigurationKey { .. } => Fault::Denied(error.to_string()),
        _ if is_denied_by_system(error) => Fault::Denied(error.to_string()),
        _ => Fault::Failed(error.to_string()),
    }
}

/// Folders have no error of their own for this: what the system said is somewhere below.
fn is_denied_by_system(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
            );
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error of a folder that the system answered like this.
    fn sorted(kind: ErrorKind) -> Fault {
        sort(&object_store::Error::Generic {
            store: "LocalFileSystem",
            source: Box::new(std::io::Error::from(kind)),
        })
    }

    #[test]
    fn what_the_system_denies_is_not_tried_again() {
        assert!(matches!(
            sorted(ErrorKind::PermissionDenied),
            Fault::Denied(_)
        ));
        assert!(matches!(
            sorted(ErrorKind::ReadOnlyFilesystem),
            Fault::Denied(_)
        ));
        assert!(matches!(sorted(ErrorKind::StorageFull), Fault::Failed(_)));
    }

    #[test]
    fn names_are_ordered_as_their_numbers() {
        let name = |number| numbered("log", number);
        assert!(name(9) < name(10) && name(10) < name(u64::MAX));
        for number in [0, 1, u64::MAX] {
            assert_eq!(number_of(&name(number)["log/".len()..]), Some(number));
        }
        for odd in [
            "1.json",
            "+0000000000000000001.json",
            "00000000000000000001.json#1",
            ".json",
        ] {
            assert_eq!(number_of(odd), None, "{odd}");
        }
    }
}
