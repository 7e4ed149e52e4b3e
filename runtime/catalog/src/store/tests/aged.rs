//! An object store in which time passes as a test says, calls take turns, and deletions fail.

use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::*;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// See the module's documentation.
pub(super) struct Aged {
    inner: Arc<InMemory>,
    control: Arc<Control>,
}

#[derive(Default)]
struct Control {
    clock: Mutex<Clock>,
    stepping: AtomicBool,
    failing: AtomicUsize,
}

/// How far the test's clock is ahead of the machine's: now, and when each object was written.
#[derive(Default)]
struct Clock {
    ahead: Duration,
    written: BTreeMap<String, Duration>,
}

impl Aged {
    pub fn memory() -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::new(InMemory::new()),
            control: Arc::default(),
        })
    }

    /// Let time pass.
    pub fn advance(&self, by: Duration) {
        self.control.clock.lock().unwrap().ahead += by;
    }

    /// From now on each call is pending once before it is done, so that a test can decide what comes between.
    pub fn step(&self, stepping: bool) {
        self.control.stepping.store(stepping, Ordering::Relaxed);
    }

    /// The next deletions are answered as if they had failed, and are not done.
    pub fn fail_deletions(&self, times: usize) {
        self.control.failing.store(times, Ordering::Relaxed);
    }
}

impl Control {
    fn date(&self, about: &mut ObjectMeta) {
        let clock = self.clock.lock().unwrap();
        let written = clock.written.get(about.location.as_ref());
        about.last_modified += written.copied().unwrap_or_default();
    }

    async fn turn(&self) {
        if self.stepping.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
    }

    fn deletion(&self) -> Result<()> {
        let one_less = |left: usize| left.checked_sub(1);
        let failing = &self.failing;
        match failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less) {
            Ok(_) => Err(Error::Generic {
                store: "Aged",
                source: "connection reset".into(),
            }),
            Err(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Aged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aged")
    }
}

impl fmt::Display for Aged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aged")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Aged {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.control.turn().await;
        let done = self.inner.put_opts(path, payload, options).await?;
        let mut clock = self.control.clock.lock().unwrap();
        let ahead = clock.ahead;
        clock.written.insert(path.to_string(), ahead);
        Ok(done)
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.control.turn().await;
        let mut found = self.inner.get_opts(path, options).await?;
        self.control.date(&mut found.meta);
        Ok(found)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (inner, control) = (self.inner.clone(), self.control.clone());
        let prefix = prefix.cloned();
        let listed = async move {
            control.turn().await;
            let found = inner.list(prefix.as_ref());
            found.map_ok(move |mut about| {
                control.date(&mut about);
                about
            })
        };
        listed.flatten_stream().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let control = self.control.clone();
        let turns = paths.then(move |path| {
            let control = control.clone();
            async move {
                control.turn().await;
                control.deletion().and(path)
            }
        });
        self.inner.delete_stream(turns.boxed())
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
