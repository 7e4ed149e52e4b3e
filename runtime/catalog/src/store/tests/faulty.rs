//! An object store with controls: the calls named in its script go wrong in the way the script says.

use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::*;
use std::fmt;
use std::sync::{Arc, Mutex};

/// Kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Put,
    Get,
    Head,
    List,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Not done, and answered so.
    Fail,
    /// Done, and answered as if it had failed.
    Lose,
    /// Done by a client that repeats by itself: it finds its own object.
    FindOwn,
    /// Answered as if it had failed, and done right before the next put that goes well.
    Delay,
    /// Not done, never answered.
    Hang,
    /// Done, never answered.
    HangDone,
    /// Not visible yet; for a put: there is no place for it.
    Hide,
    /// Not done, and answered as if it were.
    Ignore,
    /// Not allowed.
    Deny,
}

struct Rule {
    call: Call,
    part: &'static str,
    skip: usize,
    times: usize,
    wrong: Wrong,
}

/// A put that arrives late.
type Delayed = (Path, PutPayload, PutOptions);

/// See the module's documentation.
pub(super) struct Faulty {
    inner: Arc<dyn ObjectStore>,
    rules: Mutex<Vec<Rule>>,
    delayed: Mutex<Vec<Delayed>>,
}

impl Faulty {
    pub fn new(inner: Arc<dyn ObjectStore>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            rules: Mutex::default(),
            delayed: Mutex::default(),
        })
    }

    pub fn memory() -> Arc<Self> {
        Self::new(Arc::new(InMemory::new()))
    }

    /// After `skip` calls to objects whose path has `part` in it, the next `times` go wrong.
    pub fn script(&self, call: Call, part: &'static str, skip: usize, times: usize, wrong: Wrong) {
        self.rules.lock().unwrap().push(Rule {
            call,
            part,
            skip,
            times,
            wrong,
        });
    }

    /// How many times something is still to go wrong: a test whose script was not used up tested nothing.
    pub fn left(&self) -> usize {
        self.rules
            .lock()
            .unwrap()
            .iter()
            .map(|rule| rule.times)
            .sum()
    }

    /// From now on all goes well.
    pub fn forget(&self) {
        self.rules.lock().unwrap().clear();
    }

    fn wrong(&self, call: Call, path: &str) -> Option<Wrong> {
        let mut rules = self.rules.lock().unwrap();
        let mut fitting = rules
            .iter_mut()
            .filter(|r| r.call == call && path.contains(r.part));
        let rule = fitting.find(|rule| rule.skip > 0 || rule.times > 0)?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times -= 1;
        Some(rule.wrong)
    }

    async fn arrive(&self) {
        let delayed = std::mem::take(&mut *self.delayed.lock().unwrap());
        for (path, payload, options) in delayed {
            // Too late, if somebody was faster.
            let _ = self.inner.put_opts(&path, payload, options).await;
        }
    }
}

fn failed() -> Error {
    Error::Generic {
        store: "Faulty",
        source: "connection reset".into(),
    }
}

fn denied(path: &Path) -> Error {
    Error::PermissionDenied {
        path: path.to_string(),
        source: "not yours".into(),
    }
}

fn missing(path: &Path) -> Error {
    Error::NotFound {
        path: path.to_string(),
        source: "not visible yet".into(),
    }
}

fn exists(path: &Path) -> Error {
    Error::AlreadyExists {
        path: path.to_string(),
        source: "412".into(),
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let wrong = self.wrong(Call::Put, path.as_ref());
        match wrong {
            None => {
                self.arrive().await;
                return self.inner.put_opts(path, payload, options).await;
            }
            Some(Wrong::Fail | Wrong::Hang | Wrong::Deny | Wrong::Hide | Wrong::Ignore) => {}
            Some(Wrong::Delay) => {
                let delayed = (path.clone(), payload, options);
                self.delayed.lock().unwrap().push(delayed);
            }
            Some(Wrong::Lose | Wrong::HangDone | Wrong::FindOwn) => {
                self.inner.put_opts(path, payload, options).await?;
            }
        }
        match wrong {
            Some(Wrong::Hang | Wrong::HangDone) => std::future::pending().await,
            Some(Wrong::Deny) => Err(denied(path)),
            Some(Wrong::FindOwn) => Err(exists(path)),
            Some(Wrong::Hide) => Err(missing(path)),
            Some(Wrong::Ignore) => Ok(PutResult {
                e_tag: None,
                version: None,
                extensions: Extensions::default(),
            }),
            _ => Err(failed()),
        }
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let call = if options.head { Call::Head } else { Call::Get };
        match self.wrong(call, path.as_ref()) {
            None => self.inner.get_opts(path, options).await,
            Some(Wrong::Hide) => Err(missing(path)),
            Some(Wrong::Deny) => Err(denied(path)),
            Some(Wrong::Hang) => std::future::pending().await,
            Some(_) => Err(failed()),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.wrong(Call::List, prefix.map_or("", |path| path.as_ref())) {
            None => self.inner.list(prefix),
            Some(_) => Box::pin(futures_util::stream::iter([Err(failed())])),
        }
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.wrong(Call::List, prefix.map_or("", |path| path.as_ref())) {
            None => self.inner.list_with_offset(prefix, offset),
            Some(Wrong::Hide) => Box::pin(futures_util::stream::empty()),
            Some(_) => Box::pin(futures_util::stream::iter([Err(failed())])),
        }
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
        self.inner.delete_stream(paths)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
