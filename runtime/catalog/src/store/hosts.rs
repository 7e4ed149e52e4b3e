//! Which hosts there are, and how they are reached. No part of the catalog: nothing is decided by it, so what is out of date
//! or can't be read does no harm.

use super::Store;
use crate::error::Error;
use crate::fault::{Fault, error};
use crate::limits::{HOST_BYTES_MAX, HOST_FORGOTTEN, HOST_GONE, HOSTS_MAX, READS_AT_ONCE};
use bytes::Bytes;
use futures_util::{StreamExt, future, stream};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where hosts say that they are there.
const FOLDER: &str = "hosts";

/// A host, as it says itself. Other versions may say more or less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostRecord {
    /// Its identity, kept over restarts.
    pub id: String,
    /// Where the others reach its API; `None`: they can't.
    pub url: Option<String>,
    /// Which sluicebox it is.
    pub version: String,
    /// When it started, by its clock, in milliseconds since 1970.
    pub started_ms: i64,
}

impl Store {
    /// Say that a host is there. To be said again every [`crate::limits::HOST_ANNOUNCED_EVERY`].
    pub async fn announce(&self, host: &HostRecord) -> Result<(), Error> {
        let object = object(&host.id);
        // Plain texts and numbers can't fail to be written.
        let bytes = Bytes::from(serde_json::to_vec(host).unwrap_or_default());
        let written = self.0.objects.overwrite(&object, bytes).await;
        written.map_err(|fault| error(&object, fault))
    }

    /// Say that a host is going.
    pub async fn withdraw(&self, id: &str) -> Result<(), Error> {
        let object = object(id);
        match self.0.objects.delete(&object).await {
            Ok(()) | Err(Fault::Missing) => Ok(()),
            Err(fault) => Err(error(&object, fault)),
        }
    }

    /// The hosts that said so lately, by id. Ages are differences of the store's own times, and whoever asks has just said it
    /// too.
    pub async fn hosts(&self) -> Result<Vec<HostRecord>, Error> {
        let mut found = self.0.objects.names(FOLDER).await?;
        found.retain(|(name, _)| name.ends_with(".json"));
        found.sort_unstable_by_key(|(_, written_ms)| std::cmp::Reverse(*written_ms));
        let newest_ms = found.first().map_or(0, |(_, written_ms)| *written_ms);
        let age = |written_ms: i64| Duration::from_millis(newest_ms.abs_diff(written_ms));
        let gone = found.partition_point(|(_, written_ms)| age(*written_ms) <= HOST_GONE);
        for (name, written_ms) in found.drain(gone..) {
            if age(written_ms) > HOST_FORGOTTEN {
                // Somebody else may do it as well, or later.
                let _ = self.0.objects.delete(&format!("{FOLDER}/{name}")).await;
            }
        }
        found.truncate(HOSTS_MAX);
        let read = |(name, _): (String, i64)| self.host(name);
        let read = stream::iter(found).map(read).buffered(READS_AT_ONCE);
        let mut hosts: Vec<HostRecord> = read.filter_map(future::ready).collect().await;
        hosts.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(hosts)
    }

    /// What is in one of these objects, if it is that host's own.
    async fn host(&self, name: String) -> Option<HostRecord> {
        let object = format!("{FOLDER}/{name}");
        let bytes = self.0.objects.read(&object, HOST_BYTES_MAX).await.ok()??;
        let host: HostRecord = serde_json::from_slice(&bytes).ok()?;
        (name == format!("{}.json", host.id)).then_some(host)
    }
}

fn object(id: &str) -> String {
    format!("{FOLDER}/{id}.json")
}
