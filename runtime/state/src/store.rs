//! The store: the state port's calls on one RocksDB column family.

use crate::folder::Folder;
use crate::options::{Memory, Options};
use crate::{OpenError, marker};
use rocksdb::properties::PropName;
use rocksdb::{DB, ErrorKind, ReadOptions, WriteBatch, WriteOptions};
use sluicebox_core::state::{Change, Delta, Marker, Namespace, StateStore, StoreError, Visit};
use std::ops::ControlFlow;
use std::path::Path;

/// A shard's state on disk. One process at a time holds a folder.
pub struct Store {
    /// `None` only while it is emptied, or after emptying it failed.
    database: Option<DB>,
    options: rocksdb::Options,
    discarded: Option<OpenError>,
    // Declared last, so dropped last: the lock outlives the database.
    folder: Folder,
}

impl Store {
    /// Open the store in `folder`, made if it is missing, with memory of its own.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, OpenError> {
        Self::open_sharing(folder, options, &Memory::new(options))
    }

    /// Open the store in `folder`, with memory shared by other stores.
    pub fn open_sharing(
        folder: &Path,
        options: &Options,
        memory: &Memory,
    ) -> Result<Self, OpenError> {
        Self::in_folder(Folder::lock(folder)?, options, memory).map_err(|(error, _)| error)
    }

    /// Open the store in `folder`; one that is damaged or of another version is emptied first, which is safe, since
    /// the changelog restores it. [`Store::discarded`] says so then.
    pub fn open_or_discard(folder: &Path, options: &Options) -> Result<Self, OpenError> {
        Self::open_or_discard_sharing(folder, options, &Memory::new(options))
    }

    /// The same, with memory shared by other stores.
    pub fn open_or_discard_sharing(
        folder: &Path,
        options: &Options,
        memory: &Memory,
    ) -> Result<Self, OpenError> {
        match Self::in_folder(Folder::lock(folder)?, options, memory) {
            Ok(store) => Ok(store),
            Err((why, folder)) if why.discardable() => {
                folder.discard()?;
                let mut store =
                    Self::in_folder(folder, options, memory).map_err(|(error, _)| error)?;
                store.discarded = Some(why);
                Ok(store)
            }
            Err((error, _)) => Err(error),
        }
    }

    /// Why the content that the folder had was thrown away when it was opened; for the log.
    pub fn discarded(&self) -> Option<&OpenError> {
        self.discarded.as_ref()
    }

    /// On failure the folder comes back, still locked.
    fn in_folder(
        folder: Folder,
        options: &Options,
        memory: &Memory,
    ) -> Result<Self, (OpenError, Folder)> {
        if let Err(error) = folder.check_format() {
            return Err((error, folder));
        }
        let options = options.database(memory);
        let database = match DB::open(&options, folder.database()) {
            Ok(database) => database,
            Err(error) => return Err((open_error(&folder, error), folder)),
        };
        let store = Self {
            database: Some(database),
            options,
            discarded: None,
            folder,
        };
        // Read it once now: a damaged marker should be found while the folder can still be discarded.
        match store.read_marker() {
            Ok(_) => Ok(store),
            Err(message) => {
                let Self {
                    database, folder, ..
                } = store;
                drop(database);
                Err((folder.damaged(message), folder))
            }
        }
    }

    /// Write what is only in memory to disk: after a clean stop nothing has to be read back from the changelog.
    /// Dropping the store does the same, but can't tell whether it worked.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.database()?.flush().map_err(|e| self.failed(e))
    }

    /// Bytes on disk, in table files.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.property(rocksdb::properties::TOTAL_SST_FILES_SIZE)
    }

    fn property(&self, name: &PropName) -> Result<u64, StoreError> {
        let value = self.database()?.property_int_value(name);
        Ok(value.map_err(|e| self.failed(e))?.unwrap_or(0))
    }

    fn database(&self) -> Result<&DB, StoreError> {
        self.database.as_ref().ok_or_else(|| {
            StoreError(format!(
                "{}: emptying it failed before; start again",
                self.folder.path().display()
            ))
        })
    }

    fn failed(&self, error: rocksdb::Error) -> StoreError {
        let folder = self.folder.path().display();
        if error.kind() != ErrorKind::Corruption {
            return StoreError(format!("{folder}: {error}"));
        }
        self.folder.mark_damaged(error.as_ref());
        StoreError(format!(
            "{folder} is damaged: {error}. Stop, and delete the folder: that is safe, the changelog restores it"
        ))
    }

    /// Nothing is greater than all keys of the last namespace of all, so no range ends after it: its keys go one by
    /// one, those in the store and those of this delta (what the delta puts later comes later in the batch, too).
    fn drop_last_namespace(
        &self,
        namespace: &Namespace,
        delta: &Delta,
        batch: &mut WriteBatch,
    ) -> Result<(), StoreError> {
        self.scan(&namespace.0, &[], &mut |key, _| {
            batch.delete(key);
            ControlFlow::Continue(())
        })?;
        for change in delta.changes().flatten() {
            if let Change::Put(key, _) = change
                && key.starts_with(&namespace.0)
            {
                batch.delete(key);
            }
        }
        Ok(())
    }

    fn read_marker(&self) -> Result<Option<Marker>, String> {
        let database = self.database().map_err(|e| e.0)?;
        let bytes = database
            .get_pinned(marker::KEY)
            .map_err(|e| self.failed(e).0)?;
        match bytes.map(|bytes| marker::decode(&bytes)) {
            None => Ok(None),
            Some(Some(marker)) => Ok(Some(marker)),
            Some(None) => Err("its marker can't be read".into()),
        }
    }
}

fn open_error(folder: &Folder, error: rocksdb::Error) -> OpenError {
    match error.kind() {
        // Unknown options or a newer table format come as invalid or not supported.
        ErrorKind::Corruption
        | ErrorKind::InvalidArgument
        | ErrorKind::NotSupported
        | ErrorKind::NotFound => folder.damaged(error),
        _ => folder.io_error(error),
    }
}

/// The first key after all that begin with `prefix`; `None` where there is none.
fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut after = prefix[..=last].to_vec();
    after[last] += 1;
    Some(after)
}

impl StateStore for Store {
    fn marker(&self) -> Result<Option<Marker>, StoreError> {
        self.read_marker().map_err(StoreError)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.database()?.get(key).map_err(|e| self.failed(e))
    }

    fn scan(&self, prefix: &[u8], from: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let mut read = ReadOptions::default();
        if let Some(after) = after(prefix) {
            read.set_iterate_upper_bound(after);
        }
        let mut items = self.database()?.raw_iterator_opt(read);
        items.seek(prefix.max(from));
        while let Some((key, value)) = items.item() {
            if key != marker::KEY && (!key.starts_with(prefix) || visit(key, value).is_break()) {
                return Ok(());
            }
            items.next();
        }
        items.status().map_err(|e| self.failed(e))
    }

    fn apply(&mut self, delta: &Delta, marker: Marker) -> Result<(), StoreError> {
        let mut batch = WriteBatch::with_capacity_bytes(delta.as_bytes().len());
        for change in delta.changes() {
            match change.map_err(|damage| StoreError(damage.to_string()))? {
                Change::Put(key, value) => batch.put(key, value),
                Change::Delete(key) => batch.delete(key),
                // Only in a write buffer do these add up: 10,000 make the first read after each commit 1 ms slower. Compaction takes
                // them away with what they hide; huge windows, one after the other, take the disk space of two or three.
                Change::DropNamespace(namespace) => match after(&namespace.0) {
                    Some(after) => batch.delete_range(namespace.0.as_slice(), &after),
                    None => self.drop_last_namespace(&namespace, delta, &mut batch)?,
                },
            }
        }
        batch.put(marker::KEY, marker::encode(&marker));
        let mut write = WriteOptions::default();
        write.disable_wal(true);
        let written = self.database()?.write_opt(batch, &write);
        written.map_err(|e| self.failed(e))
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.database = None;
        let failed = |error: OpenError| StoreError(error.to_string());
        self.folder.discard().map_err(failed)?;
        let database = DB::open(&self.options, self.folder.database());
        self.database = Some(database.map_err(|e| self.failed(e))?);
        Ok(())
    }

    fn bytes(&self) -> u64 {
        let unwritten = self.property(rocksdb::properties::CUR_SIZE_ALL_MEM_TABLES);
        self.disk_bytes().unwrap_or(0) + unwritten.unwrap_or(0)
    }
}
