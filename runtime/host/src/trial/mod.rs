//! Trying a UDF or a whole job without a broker: a case (JSON lines) goes through the pipeline that a shard runs, again and again,
//! cut into batches in other ways and on other instances. Whatever then comes out differently is a mistake that production
//! would show one day. Docs: `docs/test.md`.

mod case;
mod cost;
mod expect;
mod laws;
mod probe;
mod rand;
mod round;
mod spec;
mod update;

pub use case::Unreadable;
pub use expect::Change;
pub use round::Stopped;
pub use update::updated;

use crate::error::{Error, Result};
use crate::event::{Event, Level, Observer};
use crate::job::Job;
use case::{Case, What};
use expect::Expected;
use probe::{Asked, Probe};
use rand::Random;
use round::{Cut, Outcome, Output};
use sluicebox_core::spec::{JobSpec, OperatorKind, Window};
use sluicebox_core::time::Tumbling;
use sluicebox_core::udf::Udf;
use sluicebox_wasm::{Sandbox, Settings};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Most log lines of modules that are kept.
const LOG_LINES_MAX: usize = 1_000;

/// How thoroughly.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How often a case is run.
    pub rounds: usize,
    /// Decides what is left to chance.
    pub seed: u64,
    /// Measure what a record costs.
    pub cost: bool,
}

/// What is tried.
pub struct Trial {
    sandbox: Arc<Sandbox>,
    subject: Subject,
}

enum Subject {
    Module {
        name: String,
        bytes: Vec<u8>,
        exports: sluicebox_wasm::Exports,
    },
    Job {
        spec: Box<JobSpec>,
        base: PathBuf,
    },
}

/// A difference between what was expected at a look and what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Line of the expectations; none: nothing was expected after the last.
    pub line: Option<usize>,
    /// Topic; none where it is the only sink's.
    pub topic: Option<String>,
    /// Record by record.
    pub changes: Vec<Change>,
}

/// What a record costs in an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Operator's id.
    pub operator: String,
    /// CPU time in nanoseconds, in batches of 1,024.
    pub ns: u64,
    /// Memory of the instance after it, in bytes.
    pub memory_bytes: usize,
}

/// A line that a module logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Operator's id.
    pub operator: String,
    /// How important.
    pub level: Level,
    /// The line.
    pub text: String,
}

/// What came of a case.
#[derive(Debug, Default)]
pub struct Report {
    /// Records that came in.
    pub records: usize,
    /// Records that came out.
    pub outputs: usize,
    /// Rounds that were run.
    pub rounds: usize,
    /// Where the outputs differ from what was expected.
    pub differences: Vec<Difference>,
    /// Why the job would stop.
    pub stopped: Option<Stopped>,
    /// Where outputs depend on what they must not depend on.
    pub unstable: Option<String>,
    /// Broken laws of aggregates.
    pub laws: Vec<String>,
    /// Groups of rows that the laws were tried on.
    pub groups: usize,
    /// Costs.
    pub costs: Vec<Cost>,
    /// What modules logged.
    pub logged: Vec<Logged>,
    /// Poisonous records, as a job's log names them.
    pub notes: Vec<String>,
    looks: Vec<Vec<Output>>,
    /// Outputs of the last look that came before the input ended.
    before_end: usize,
    topics: Topics,
}

/// Names of the topics, and the one that needs none.
#[derive(Debug, Default)]
struct Topics {
    names: Vec<String>,
    main: Option<usize>,
}

impl Report {
    /// Whether everything is as it should be.
    pub fn passed(&self) -> bool {
        self.differences.is_empty() && self.is_sound()
    }

    /// Whether it works at all, and the same in each round, whatever was expected.
    pub fn is_sound(&self) -> bool {
        self.stopped.is_none() && self.unstable.is_none() && self.laws.is_empty()
    }
}

impl Trial {
    /// Of a module. Compiled code is kept in `cache_dir`.
    pub fn of_module(name: &str, bytes: Vec<u8>, cache_dir: Option<PathBuf>) -> Result<Self> {
        let sandbox = sandbox(cache_dir)?;
        let module = sandbox
            .load(&bytes)
            .map_err(|error| Error::input(error.to_string()))?;
        let exports = module.exports();
        let name = name.to_owned();
        let subject = Subject::Module {
            name,
            bytes,
            exports,
        };
        Ok(Self { sandbox, subject })
    }

    /// Of a job whose modules are files; relative paths begin at `base`.
    pub fn of_job(spec: JobSpec, base: PathBuf, cache_dir: Option<PathBuf>) -> Result<Self> {
        let sandbox = sandbox(cache_dir)?;
        let spec = Box::new(spec);
        let subject = Subject::Job { spec, base };
        Ok(Self { sandbox, subject })
    }

    /// Run a case. An error is about the case's text or the job; what is wrong with the outputs is in the report.
    pub fn run(&self, text: &str, options: Options) -> Result<Report> {
        let case = Case::parse(text).map_err(|error| Error::input(error.to_string()))?;
        let job = self.job(&case)?;
        let logs = Arc::new(Logs::default());
        let asked = Asked::of(job.spec.operators.len());
        let first = round::run(
            &job.plan,
            probes(&job, &logs, true, Some(&asked))?,
            &case,
            Cut::Whole,
        );
        let topics = Topics::of(&job);
        let mut report = Report {
            records: case.records().count(),
            outputs: first.looks.iter().map(Vec::len).sum(),
            rounds: 1,
            differences: differences(&case, &first, &topics)?,
            stopped: first.stopped.clone(),
            logged: logs.take(),
            notes: first.notes.clone(),
            before_end: first.before_end,
            ..Report::default()
        };
        if first.stopped.is_none() {
            self.more_rounds(&job, &case, &first, options, &mut report)?;
            examine(&job, &asked, options, &mut report)?;
        }
        (report.looks, report.topics) = (first.looks, topics);
        Ok(report)
    }

    /// The same again, cut in other ways, until something comes out differently.
    fn more_rounds(
        &self,
        job: &Job,
        case: &Case,
        first: &Outcome,
        options: Options,
        report: &mut Report,
    ) -> Result<()> {
        let mut random = Random::new(options.seed);
        let quiet = Arc::new(Logs::default());
        for number in 1..options.rounds {
            let fresh = number % 2 == 1;
            let cut = match number {
                1 | 2 => Cut::Ones,
                4 => Cut::Whole,
                _ => Cut::Random(Random::new(random.bits())),
            };
            let how = how(&cut, fresh);
            let outcome = round::run(&job.plan, probes(job, &quiet, fresh, None)?, case, cut);
            report.rounds += 1;
            if let Some(what) = unlike(first, &outcome, &Topics::of(job)) {
                report.unstable = Some(format!("{how}: {what}"));
                break;
            }
        }
        Ok(())
    }

    fn job(&self, case: &Case) -> Result<Job> {
        match &self.subject {
            Subject::Module {
                name,
                bytes,
                exports,
            } => {
                let spec = spec::of_module(name, *exports, case)?;
                Job::load(spec, self.sandbox.clone(), &|_| Ok(bytes.clone()))
            }
            Subject::Job { spec, base } => {
                if case.operator.is_some() || case.source.is_some() {
                    return Err(Error::input(
                        "`operator` and `source` are for trying a module alone; of a job its spec says it",
                    ));
                }
                Job::load(spec.as_ref().clone(), self.sandbox.clone(), &|module| {
                    crate::job::read_file(module, base)
                })
            }
        }
    }
}

fn sandbox(cache_dir: Option<PathBuf>) -> Result<Arc<Sandbox>> {
    let settings = Settings {
        cache_dir,
        ..Settings::default()
    };
    Sandbox::new(settings).map_err(|error| Error::failed(error.to_string()))
}

fn probes(
    job: &Job,
    logs: &Arc<Logs>,
    fresh: bool,
    asked: Option<&Asked>,
) -> Result<Vec<Box<dyn Udf>>> {
    let observer: Arc<dyn Observer> = logs.clone();
    let udfs = job.instantiate(&observer)?.into_iter().enumerate();
    let probes = udfs.map(|(operator, udf)| -> Box<dyn Udf> {
        let asked = asked.map(|asked| (asked.clone(), operator));
        Box::new(Probe { udf, fresh, asked })
    });
    Ok(probes.collect())
}

/// Laws and costs of each operator's module.
fn examine(job: &Job, asked: &Asked, options: Options, report: &mut Report) -> Result<()> {
    let observer: Arc<dyn Observer> = Arc::new(Logs::default());
    let mut udfs = job.instantiate(&observer)?;
    let mut random = Random::new(options.seed);
    for ((operator, udf), calls) in job.spec.operators.iter().zip(&mut udfs).zip(asked.take()) {
        if let OperatorKind::WindowAggregate {
            window: Window::Tumbling { size_ms, offset_ms },
            ..
        } = &operator.kind
        {
            let windows = Tumbling {
                size_ms: *size_ms,
                offset_ms: *offset_ms,
            };
            let (broken, groups) = laws::check(udf.as_mut(), &calls, windows, &mut random)
                .map_err(|error| Error::input(format!("operator `{}`: {error}", operator.id)))?;
            report.groups += groups;
            let named = broken
                .into_iter()
                .map(|text| format!("operator `{}`: {text}", operator.id));
            report.laws.extend(named);
        }
        if let Some((ns, memory_bytes)) = options
            .cost
            .then(|| cost::measure(udf.as_mut(), &calls))
            .flatten()
        {
            report.costs.push(Cost {
                operator: operator.id.clone(),
                ns,
                memory_bytes,
            });
        }
    }
    Ok(())
}

fn how(cut: &Cut, fresh: bool) -> String {
    let batches = match cut {
        Cut::Whole => "in whole batches",
        Cut::Ones => "record by record",
        Cut::Random(_) => "in batches of random sizes",
    };
    let instances = match fresh {
        true => "on a fresh instance for each call",
        false => "on one instance for all calls (memory that is left from the call before shows)",
    };
    format!("{batches}, {instances}")
}

/// How an outcome is unlike the first, by topic: their order among each other is not promised.
fn unlike(first: &Outcome, other: &Outcome, topics: &Topics) -> Option<String> {
    if let Some(Stopped { line, why }) = &other.stopped {
        return Some(format!("it stops at line {line}: {why}"));
    }
    for (wanted, got) in first.looks.iter().zip(&other.looks) {
        for topic in 0..topics.names.len() {
            let of = |list: &[Output]| -> Vec<Output> {
                list.iter()
                    .filter(|output| output.topic == topic)
                    .cloned()
                    .collect()
            };
            let (wanted, got) = (of(wanted), of(got));
            let (wanted, got) = match wanted.iter().zip(&got).find(|(w, g)| w != g) {
                Some((wanted, got)) => (Some(wanted), Some(got)),
                None if wanted.len() == got.len() => continue,
                None => (wanted.get(got.len()), got.get(wanted.len())),
            };
            let line = |output: Option<&Output>| {
                output.map_or("nothing".to_owned(), |output| {
                    expect::line_of(output, topics.shown(topic))
                })
            };
            return Some(format!(
                "{}\nin whole batches on fresh instances: {}",
                line(got),
                line(wanted)
            ));
        }
    }
    None
}

/// Compare what came with what the case expects, look by look and topic by topic.
fn differences(case: &Case, outcome: &Outcome, topics: &Topics) -> Result<Vec<Difference>> {
    let looks = case.steps.iter().filter_map(|step| match &step.what {
        What::Expect(list) => Some((Some(step.line), list.as_slice())),
        _ => None,
    });
    let mut differences = Vec::new();
    let nothing: &[Expected] = &[];
    for ((line, expected), outputs) in looks.chain([(None, nothing)]).zip(&outcome.looks) {
        let mut wanted: Vec<Vec<&Expected>> = vec![Vec::new(); topics.names.len()];
        for expected in expected {
            let line = line.unwrap_or_default();
            let topic = topics
                .of_expected(expected)
                .map_err(|why| Error::input(format!("line {line}: {why}")))?;
            wanted[topic].push(expected);
        }
        for (topic, wanted) in wanted.iter().enumerate() {
            let got: Vec<&Output> = outputs
                .iter()
                .filter(|output| output.topic == topic)
                .collect();
            if let Some(changes) = expect::compare(wanted, &got, topics.shown(topic)) {
                let topic = topics.shown(topic).map(str::to_owned);
                differences.push(Difference {
                    line,
                    topic,
                    changes,
                });
            }
        }
        // What comes after a stop is nobody's fault but the stop's.
        if outcome.stopped.is_some() {
            break;
        }
    }
    Ok(differences)
}

impl Topics {
    fn of(job: &Job) -> Self {
        let names = job.plan.topics.clone();
        let sinks: Vec<String> = job
            .spec
            .sinks
            .iter()
            .map(sluicebox_core::pipeline::sink_topic)
            .collect();
        let main = match sinks.as_slice() {
            [only] => names.iter().position(|name| name == only),
            _ => None,
        };
        Self { names, main }
    }

    /// How a topic is named in a case, if it needs a name.
    fn shown(&self, topic: usize) -> Option<&str> {
        (self.main != Some(topic)).then(|| self.names[topic].as_str())
    }

    fn of_expected(&self, expected: &Expected) -> std::result::Result<usize, String> {
        let there = || self.names.join(", ");
        match &expected.topic {
            Some(name) => {
                let known = self.names.iter().position(|known| known == name);
                known.ok_or_else(|| {
                    format!("nothing goes to a topic `{name}`; there are: {}", there())
                })
            }
            None => self.main.ok_or_else(|| {
                format!(
                    "the job has several sinks: say `topic`; there are: {}",
                    there()
                )
            }),
        }
    }
}

/// Keeps what modules log.
#[derive(Default)]
struct Logs(Mutex<Vec<Logged>>);

impl Logs {
    fn take(&self) -> Vec<Logged> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Logs {
    fn event(&self, event: Event<'_>) {
        if let Event::ModuleLog {
            operator,
            level,
            text,
        } = event
        {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() < LOG_LINES_MAX {
                let (operator, text) = (operator.to_owned(), text.to_owned());
                all.push(Logged {
                    operator,
                    level,
                    text,
                });
            }
        }
    }
}
