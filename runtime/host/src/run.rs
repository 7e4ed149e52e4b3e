//! Run a job until it is stopped, halts, or its input ends.

use crate::backend;
use crate::data_dir::DataDir;
use crate::deployment::{Deployment, Slot, Summary};
use crate::error::{Error, Result};
use crate::event::Observer;
use crate::files::{Form, Inlet, Outlet};
use crate::job::Job;
use crate::layout;
use sluicebox_core::embedded::EmbeddedLog;
use sluicebox_core::log::Log;
use sluicebox_core::pipeline::{sink_topic, source_topic};
use sluicebox_core::spec::{Input, JobSpec, Output, State, TimestampFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The job.
    pub spec: JobSpec,
    /// Relative module paths begin here: the spec's folder.
    pub base: PathBuf,
    /// Where identity and state of this process are kept.
    pub data_dir: PathBuf,
    /// Part of all names in the log, so that several installations can share a cluster.
    pub installation: String,
    /// Take the changelog's word where committed positions are missing.
    pub recover_from_changelog: bool,
    /// Run on the embedded log instead of Kafka, with these inputs.
    pub dev: Option<Vec<DevInput>>,
    /// Partitions of topics on the embedded log; a file or stdin has one.
    pub partitions: i32,
}

/// A topic's records from a file, one whole record a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevInput {
    /// Topic.
    pub topic: String,
    /// File.
    pub path: PathBuf,
}

/// Run a job. `stop` ends it at an epoch's end.
pub fn run(
    options: Options,
    observer: Arc<dyn Observer>,
    stop: Arc<AtomicBool>,
) -> Result<Summary> {
    let kafka_source = matches!(options.spec.source.input, Input::Kafka { .. });
    let kafka_sink = options
        .spec
        .sinks
        .iter()
        .any(|sink| matches!(sink.output, Output::Kafka { .. }));
    match (&options.dev, kafka_source) {
        (None, true) => {
            refuse_streams(&options.spec)?;
            let log = backend::connect(&options.spec)?;
            run_on(log, options, observer, stop)
        }
        (None, false) if kafka_sink => Err(Error::input(
            "a file or stdin can't be written to Kafka yet: use a `file` or `stdout` sink, or try it with --dev",
        )),
        _ => run_embedded(EmbeddedLog::new(), options, observer, stop),
    }
}

fn refuse_streams(spec: &JobSpec) -> Result<()> {
    match spec
        .sinks
        .iter()
        .find(|sink| !matches!(sink.output, Output::Kafka { .. }))
    {
        None => Ok(()),
        Some(sink) => Err(Error::input(format!(
            "sink `{}`: a Kafka topic can't be written to a file or to stdout yet; use a topic, or try the job with --dev",
            sink.id
        ))),
    }
}

/// Run a job on files, or with `--dev`: on the embedded log.
fn run_embedded(
    log: EmbeddedLog,
    mut options: Options,
    observer: Arc<dyn Observer>,
    stop: Arc<AtomicBool>,
) -> Result<Summary> {
    // The log lives in memory, so its state may as well: nothing would be found after a restart.
    options.spec.state = State::Memory;
    // One partition keeps the order of the lines, and so one order of the results.
    if !matches!(options.spec.source.input, Input::Kafka { .. }) {
        options.partitions = 1;
    }
    let source = source_topic(&options.spec.source);
    let outputs = outputs(&options.spec);
    log.create_topic(&source, options.partitions)?;
    for Outlet { topic, .. } in &outputs {
        if log.topic(topic)?.is_none() {
            log.create_topic(topic, options.partitions)?;
        }
    }
    let inlets = inlets(&options, &source)?;
    let nothing = inlets.is_empty();
    let feeding = inlets
        .into_iter()
        .map(|inlet| inlet.start(log.clone(), stop.clone()))
        .collect::<Result<Vec<_>>>()?;
    if nothing {
        log.seal(&source)?;
    }
    let done = Arc::new(AtomicBool::new(false));
    let writing = outputs
        .into_iter()
        .map(|outlet| outlet.start(&log, done.clone()))
        .collect::<Result<Vec<_>>>()?;
    let summary = run_on(Arc::new(log), options, observer, stop.clone());
    done.store(true, Ordering::Release);
    let ended = summary.as_ref().is_ok_and(|summary| summary.ended);
    if summary.is_err() {
        stop.store(true, Ordering::Relaxed);
    }
    for thread in writing {
        thread
            .join()
            .map_err(|_| Error::failed("the writer of an output panicked"))??;
    }
    for thread in feeding
        .into_iter()
        .filter(|thread| ended || thread.is_finished())
    {
        thread
            .join()
            .map_err(|_| Error::failed("the reader of an input panicked"))??;
    }
    summary
}

fn inlets(options: &Options, source: &str) -> Result<Vec<Inlet>> {
    let base = layout::base(&options.installation, &options.spec.job);
    let group = layout::group(&options.spec, &base);
    let time = match &options.spec.source.timestamp.from {
        TimestampFrom::Record => None,
        TimestampFrom::Field(name) => Some(name.clone()),
    };
    let inlet = |path, key: &Option<String>| Inlet {
        topic: source.to_owned(),
        path,
        form: Form::Bare(key.clone(), time.clone()),
        group: group.clone(),
    };
    let mut inlets = match &options.spec.source.input {
        Input::File { path, key } => vec![inlet(Some(options.base.join(path)), key)],
        Input::Stdin { key } => vec![inlet(None, key)],
        Input::Kafka { .. } => Vec::new(),
    };
    for input in options.dev.iter().flatten() {
        if input.topic != source {
            return Err(Error::input(format!(
                "--input {}=...: the job reads topic `{source}`",
                input.topic
            )));
        }
        let (topic, path) = (input.topic.clone(), Some(input.path.clone()));
        inlets.push(Inlet {
            topic,
            path,
            form: Form::Whole,
            group: group.clone(),
        });
    }
    Ok(inlets)
}

/// Where each topic is written to: sinks as they say, topics (with `--dev`) whole to stdout.
fn outputs(spec: &JobSpec) -> Vec<Outlet> {
    let mut outlets: Vec<Outlet> = spec
        .sinks
        .iter()
        .map(|sink| match &sink.output {
            Output::Kafka { topic } => Outlet {
                topic: topic.clone(),
                path: None,
                whole: true,
            },
            Output::Stdout => Outlet {
                topic: sink_topic(sink),
                path: None,
                whole: false,
            },
            Output::File { path } => Outlet {
                topic: sink_topic(sink),
                path: Some(path.clone()),
                whole: false,
            },
        })
        .collect();
    for topic in spec.output_topics() {
        if !outlets.iter().any(|outlet| outlet.topic == topic) {
            outlets.push(Outlet {
                topic: topic.to_owned(),
                path: None,
                whole: true,
            });
        }
    }
    outlets
}

/// Run a job on a log. Its topics exist already.
pub fn run_on(
    log: Arc<dyn Log>,
    options: Options,
    observer: Arc<dyn Observer>,
    stop: Arc<AtomicBool>,
) -> Result<Summary> {
    let data_dir = DataDir::open(&options.data_dir)?;
    let name = options.spec.job.clone();
    let job = Job::from_files(options.spec, &options.base, Some(data_dir.cache()))?;
    let deployment = Deployment {
        log,
        base: layout::base(&options.installation, &name),
        state_dir: data_dir.state(&name),
        host_id: data_dir.host_id().to_owned(),
        observer,
        recover_from_changelog: options.recover_from_changelog,
        budget: Arc::default(),
        parking: None,
        gate: Arc::default(),
    };
    deployment.run(&Arc::new(Slot::new(job)), &stop)
}
