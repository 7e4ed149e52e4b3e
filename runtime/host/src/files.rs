//! Files and standard streams on the embedded log: lines are fed into a topic that ends with its file, and topics are
//! written out as lines once their records are committed. So a job on files is the same job on the same engine.

use crate::error::{Error, Result};
use crate::json_lines::{self, Record};
use sluicebox_core::embedded::EmbeddedLog;
use sluicebox_core::log::Log;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How far reading may be ahead of the job, in records of one partition: bounds the memory of a large file.
const AHEAD_MAX: i64 = 200_000;
/// Lines between two looks at how far ahead reading is.
const LOOK_EVERY: usize = 16_384;
const WAIT: Duration = Duration::from_millis(20);

/// How the lines of an input become records.
#[derive(Clone, Debug)]
pub enum Form {
    /// A line is a value; the fields of its key and its time.
    Bare(Option<String>, Option<String>),
    /// A line is a whole record.
    Whole,
}

/// What is fed into which topic.
pub struct Inlet {
    /// Topic.
    pub topic: String,
    /// File; none for standard input.
    pub path: Option<PathBuf>,
    /// Form of its lines.
    pub form: Form,
    /// Group whose positions say how far the job is.
    pub group: String,
}

impl Inlet {
    fn name(&self) -> String {
        self.path
            .as_ref()
            .map_or("standard input".to_owned(), |path| {
                path.display().to_string()
            })
    }

    /// Feed all lines, then end the topic. Opens the file at once, so that a missing one is an error before anything runs.
    pub fn start(self, log: EmbeddedLog, stop: Arc<AtomicBool>) -> Result<JoinHandle<Result<()>>> {
        let reader: Box<dyn Read + Send> = match &self.path {
            Some(path) => Box::new(
                File::open(path)
                    .map_err(|e| Error::input(format!("can't read {}: {e}", path.display())))?,
            ),
            None => Box::new(std::io::stdin()),
        };
        let feed = move || {
            let fed = self.feed(reader, &log, &stop);
            // Also after an error: readers must not wait for what will never come.
            log.seal(&self.topic)?;
            fed
        };
        std::thread::Builder::new()
            .name("inlet".to_owned())
            .spawn(feed)
            .map_err(|e| Error::failed(format!("can't start a thread: {e}")))
    }

    fn feed(&self, reader: impl Read, log: &EmbeddedLog, stop: &AtomicBool) -> Result<()> {
        let mut reader = BufReader::with_capacity(1 << 18, reader);
        let mut line = String::new();
        for number in 1.. {
            line.clear();
            let read = reader.read_line(&mut line);
            let read =
                read.map_err(|e| Error::input(format!("{}, line {number}: {e}", self.name())))?;
            if read == 0 || stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let text = line.trim_end_matches(['\n', '\r']);
            if text.is_empty() {
                continue;
            }
            let record = match &self.form {
                Form::Bare(key, time) => json_lines::bare(text, key.as_deref(), time.as_deref()),
                Form::Whole => json_lines::whole(text).map_err(|why| {
                    Error::input(format!("{}, line {number}: {why}", self.name()))
                })?,
            };
            let Record {
                partition,
                key,
                value,
                headers,
                timestamp,
            } = record;
            log.produce(
                &self.topic,
                partition,
                key.as_deref(),
                value.as_deref(),
                Some(&headers),
                timestamp,
            )
            .map_err(|e| Error::input(format!("{}, line {number}: {e}", self.name())))?;
            if number % LOOK_EVERY == 0 {
                self.wait_for_the_job(log, stop)?;
            }
        }
        Ok(())
    }

    /// Wait while the job is far behind, and let go of what it has done.
    fn wait_for_the_job(&self, log: &EmbeddedLog, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            let mut ahead = 0;
            for lag in log.lag(&self.topic, &self.group)? {
                let done = lag.committed.map_or(lag.bounds.start, |c| c.offset);
                ahead = ahead.max(lag.bounds.end - done);
                if done > lag.bounds.start {
                    log.truncate_before(&self.topic, lag.partition, done)?;
                }
            }
            if ahead < AHEAD_MAX {
                break;
            }
            std::thread::sleep(WAIT);
        }
        Ok(())
    }
}

/// Which topic is written where.
pub struct Outlet {
    /// Topic.
    pub topic: String,
    /// File; none for standard output.
    pub path: Option<PathBuf>,
    /// Whole records instead of values only.
    pub whole: bool,
}

impl Outlet {
    /// Write what is committed until `done`, and then what is left. A file has its name only when it is complete.
    pub fn start(self, log: &EmbeddedLog, done: Arc<AtomicBool>) -> Result<JoinHandle<Result<()>>> {
        let mut reader = log.reader(&self.topic)?;
        let partial = self.path.as_deref().map(partial);
        let mut out: Box<dyn Write + Send> = match &partial {
            Some(path) => Box::new(File::create(path).map_err(|e| Error::io("write", path, &e))?),
            None => Box::new(std::io::stdout()),
        };
        let write = move || {
            let (mut batches, mut lines) = (Vec::new(), Vec::new());
            loop {
                let last = done.load(Ordering::Acquire);
                reader.poll(if last { Duration::ZERO } else { WAIT }, &mut batches)?;
                let nothing = batches.is_empty();
                for batch in batches.drain(..) {
                    match self.whole {
                        true => json_lines::write_whole(&self.topic, &batch, &mut lines),
                        false => json_lines::write_bare(&batch.batch, &mut lines),
                    }
                }
                match out.write_all(&lines).and_then(|()| out.flush()) {
                    // Whoever read our output has seen enough (`| head`).
                    Err(e) if e.kind() == ErrorKind::BrokenPipe => return Ok(()),
                    written => written
                        .map_err(|e| Error::failed(format!("can't write the output: {e}")))?,
                }
                lines.clear();
                if last && nothing {
                    break;
                }
            }
            match (&partial, &self.path) {
                (Some(partial), Some(path)) => {
                    std::fs::rename(partial, path).map_err(|e| Error::io("write", path, &e))
                }
                _ => Ok(()),
            }
        };
        std::thread::Builder::new()
            .name("outlet".to_owned())
            .spawn(write)
            .map_err(|e| Error::failed(format!("can't start a thread: {e}")))
    }
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}
