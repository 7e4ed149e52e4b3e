//! `sluicebox demo`: a newcomer's first minute. A stream of orders with late and disordered ones among them, three
//! modules, windows closing on the screen, and at the end the proof that every order is accounted for.

mod orders;
mod screen;
mod windows;
mod wire;

use super::job::data_dir;
use crate::failure::{Usage, advised};
use crate::output::print;
use crate::signals;
use anyhow::{Context, Result, anyhow};
use orders::Orders;
use screen::Screen;
use sluicebox_core::log::Log;
use sluicebox_core::spec::JobSpec;
use sluicebox_host::{EmbeddedLog, Options, Summary};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use windows::Windows;
use wire::{Feeder, PARTITIONS, Results};

const JOB_YAML: &str = include_str!("job.yaml");
const MODULES: [&str; 3] = [
    "orders-valid.wasm",
    "orders-enrich.wasm",
    "spend-per-user.wasm",
];
/// Between two looks at what has come.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long results may take to be visible once they are committed.
const DRAIN: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "\
Examples:
  sluicebox build example-udfs --out modules   # once
  sluicebox demo --modules modules             # no broker, no configuration
  sluicebox demo --modules modules --rate 0    # as fast as it goes
  sluicebox demo --modules modules --kafka localhost:9092";

/// Arguments of `demo`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder of the example modules
    #[arg(long, value_name = "DIR", default_value = "modules")]
    modules: PathBuf,
    /// Run on these brokers instead of the embedded log; topics `demo-...` are made there
    #[arg(long, value_name = "HOST:PORT,...")]
    kafka: Option<String>,
    /// Orders to send
    #[arg(long, value_name = "N", default_value_t = 400_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    orders: u64,
    /// Orders a second; 0 is as fast as it goes
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    rate: u64,
    /// The same seed gives the same orders
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Folder for compiled modules; one process each
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Run the demo.
pub fn run(args: Args) -> Result<()> {
    check_modules(&args.modules)?;
    let stop = signals::stop_flag()?;
    // On Kafka each run has topics of its own, so that it starts from nothing.
    let job = match args.kafka {
        None => "demo".to_owned(),
        Some(_) => format!("demo-{}", std::process::id()),
    };
    let spec = spec(&job, &args)?;
    let embedded = args.kafka.is_none().then(EmbeddedLog::new);
    let log: Arc<dyn Log> = match &embedded {
        Some(log) => Arc::new(log.clone()),
        None => sluicebox_host::connect(&spec)?,
    };
    let names = ["orders", "spend", "late", "dead"].map(|name| format!("{job}-{name}"));
    wire::make_topics(log.as_ref(), &names)?;
    let [orders, spend, ..] = names;
    let demo = Demo {
        args,
        log,
        embedded,
        orders,
        spend,
        stop,
        sent: AtomicU64::new(0),
        screen: Arc::new(Screen::new()),
    };
    demo.run(spec)
}

fn check_modules(folder: &Path) -> Result<()> {
    let missing = MODULES.iter().find(|name| !folder.join(name).is_file());
    let Some(missing) = missing else {
        return Ok(());
    };
    let message = format!("there is no {} in {}", missing, folder.display());
    let help = "`cargo xtask demo` does it all; or build the modules with `sluicebox build example-udfs --out modules` and \
                name their folder with --modules";
    Err(advised(Usage(message), help))
}

fn spec(job: &str, args: &Args) -> Result<JobSpec> {
    let lookup = |name: &str| match name {
        "JOB" => Some(job.to_owned()),
        "MODULES" => Some(
            std::path::absolute(&args.modules)
                .ok()?
                .to_string_lossy()
                .into_owned(),
        ),
        "KAFKA" => Some(args.kafka.clone().unwrap_or("embedded".to_owned())),
        _ => None,
    };
    JobSpec::parse(JOB_YAML, &lookup).context("the demo's own spec is wrong")
}

struct Demo {
    args: Args,
    log: Arc<dyn Log>,
    /// The log, unless it is Kafka.
    embedded: Option<EmbeddedLog>,
    /// Topics.
    orders: String,
    spend: String,
    stop: Arc<AtomicBool>,
    sent: AtomicU64,
    screen: Arc<Screen>,
}

impl Demo {
    fn run(&self, spec: JobSpec) -> Result<()> {
        print(&Screen::begin(&spec, self.args.orders))?;
        let mut windows = Windows::default();
        let mut results = Results::open(self.log.as_ref(), &self.spend)?;
        let summary = std::thread::scope(|scope| {
            let feed = scope.spawn(|| self.feed());
            let host = scope.spawn(|| self.host(spec));
            let mut watched = Ok(());
            while watched.is_ok() && !host.is_finished() {
                watched = self.watch(&mut results, &mut windows);
            }
            // Whatever ended it: nobody must wait for the others now.
            self.stop.store(true, Ordering::Relaxed);
            let summary = host
                .join()
                .map_err(|_| anyhow!("the job's thread panicked"))?;
            let fed = feed
                .join()
                .map_err(|_| anyhow!("the thread that sends orders panicked"))?;
            let summary = summary?;
            fed.and(watched).map(|()| summary)
        })?;
        while results.poll(DRAIN, |partition, value| windows.add(partition, value))? {}
        let sent = self.sent.load(Ordering::Relaxed);
        self.screen.show(windows.complete(true), sent)?;
        print(&Screen::end(&summary, &windows, sent))
    }

    fn feed(&self) -> Result<()> {
        let feeder = Feeder {
            sent: &self.sent,
            stop: &self.stop,
            rate: self.args.rate,
        };
        let orders = Orders::new(self.args.seed, self.args.orders, PARTITIONS);
        let fed = feeder.run(self.log.as_ref(), &self.orders, orders);
        if let Some(log) = &self.embedded {
            // The end of the input closes every window.
            log.seal(&self.orders)?;
        }
        fed
    }

    fn watch(&self, results: &mut Results, windows: &mut Windows) -> Result<()> {
        results.poll(LOOK_EVERY, |partition, value| windows.add(partition, value))?;
        self.screen
            .show(windows.complete(false), self.sent.load(Ordering::Relaxed))?;
        // A topic on Kafka has no end, so there the demo stops when all orders have been read.
        if self.embedded.is_none() && self.screen.rows() >= self.args.orders {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn host(&self, spec: JobSpec) -> Result<Summary> {
        let elsewhere =
            || data_dir("demo").unwrap_or_else(|_| std::env::temp_dir().join("sluicebox-demo"));
        let folder = self.args.data_dir.clone().unwrap_or_else(elsewhere);
        let options = Options {
            spec,
            base: PathBuf::new(),
            data_dir: folder,
            installation: "demo".to_owned(),
            recover_from_changelog: false,
            dev: None,
            partitions: PARTITIONS,
        };
        Ok(sluicebox_host::run_on(
            self.log.clone(),
            options,
            self.screen.clone(),
            self.stop.clone(),
        )?)
    }
}
