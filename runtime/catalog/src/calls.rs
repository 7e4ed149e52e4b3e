//! Calls to the object store: each has a deadline, each answer is sorted by what it means to us, and reading is tried a
//! few times. Whether a *write* may be repeated only its caller knows.

use crate::error::Error;
use crate::fault::{Fault, error, sort};
use crate::format::damaged;
use crate::limits::{CALL_MAX, CALL_PAUSE, CALL_TRIES_MAX};
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

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
        Ok(self.written_ms(object).await?.is_some())
    }

    /// When the object was written, by the store's clock, in milliseconds since 1970; `None` if there is no such object.
    pub async fn written_ms(&self, object: &str) -> Result<Option<i64>, Error> {
        let path = Path::from(object);
        match self.retried(|| self.store.head(&path)).await {
            Ok(about) => Ok(Some(about.last_modified.timestamp_millis())),
            Err(Fault::Missing) => Ok(None),
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

    /// The objects in `folder`: their names, and when they were written, as above.
    pub async fn names(&self, folder: &str) -> Result<Vec<(String, i64)>, Error> {
        let prefix = Path::from(folder);
        let list = || self.store.list(Some(&prefix)).try_collect::<Vec<_>>();
        let found = self.retried(list).await;
        let found = found.map_err(|fault| error(folder, fault))?;
        let named = found.into_iter().filter_map(|about| {
            let name = about.location.filename()?.to_owned();
            Some((name, about.last_modified.timestamp_millis()))
        });
        Ok(named.collect())
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

#[cfg(test)]
mod tests {
    use super::*;

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
