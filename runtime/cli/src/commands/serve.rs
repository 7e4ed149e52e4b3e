//! `sluicebox serve`: the multi-tenant host, in one process: API, catalog and the jobs that it asks for.

use crate::failure::{Usage, advised};
use crate::output::{Format, Paint, stderr_paint};
use crate::signals;
use crate::spec_file::Invalid;
use anyhow::{Context, Result};
use serde_json::json;
use sluicebox_host::Level;
use sluicebox_server::{ApiEvent, ApiObserver, Config, Host};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  sluicebox serve --config host.yaml
  sluicebox serve --config host.yaml --output json      # a JSON object a line, for log collectors

A small host.yaml:
  apiVersion: sluicebox/v1
  data_dir: ./data
  kafka:
    main: { bootstrap_servers: \"127.0.0.1:9092\" }

The first start writes a token for everything to DATA_DIR/admin-token; then, elsewhere:
  sluicebox login http://127.0.0.1:7070 --token-file data/admin-token
  sluicebox push orders-valid.wasm
  sluicebox deploy job.yaml

Hosts with the same installation, object store and Kafka share all jobs.";

/// How often it is looked whether the host was told to stop.
const TICK: Duration = Duration::from_millis(50);

/// Arguments of `serve`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The host's configuration; `${NAME}` in it is taken from the environment
    #[arg(long, value_name = "HOST.yaml")]
    config: PathBuf,
    /// How to tell on standard error what happens
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Serve until told to stop.
pub fn run(args: Args) -> Result<()> {
    let config = read(&args.config)?;
    let stop = signals::stop_flag()?;
    let console = Arc::new(Console {
        format: args.output,
        paint: stderr_paint(),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("can't start the threads of the API")?;
    runtime.block_on(async {
        let host = Host::open(&config, console).await?;
        host.run(stopped(stop)).await;
        Ok(())
    })
}

async fn stopped(stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(TICK).await;
    }
}

fn read(path: &Path) -> Result<Config> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!(
            "can't read the host's configuration {}: {error}",
            path.display()
        );
        advised(Usage(message), "`sluicebox serve --help` shows a small one")
    })?;
    let lookup = |name: &str| std::env::var(name).ok();
    let mut config =
        Config::parse(&text, &lookup).map_err(|problems| Invalid::of(path, problems))?;
    config.resolve_paths(path.parent().unwrap_or(Path::new("")));
    Ok(config)
}

/// Prints events as lines of text or of JSON.
struct Console {
    format: Format,
    paint: Paint,
}

impl Console {
    fn text(&self, event: &ApiEvent) -> String {
        match event {
            ApiEvent::Job { line, .. } if line.level == Level::Error => {
                format!("{} {event}", self.paint.error("error:"))
            }
            ApiEvent::Job { line, .. } if line.level == Level::Warn => {
                format!("{} {event}", self.paint.warn("warning:"))
            }
            ApiEvent::Denied { .. }
            | ApiEvent::Failed { .. }
            | ApiEvent::Stale { .. }
            | ApiEvent::Unswept { .. }
            | ApiEvent::Traces { wrong: Some(_) } => {
                format!("{} {event}", self.paint.warn("warning:"))
            }
            _ => event.to_string(),
        }
    }
}

/// Each line names tenant and job, where it is about one.
fn json(event: &ApiEvent) -> serde_json::Value {
    match event {
        ApiEvent::Job { tenant, job, line } => {
            json!({"event": "job", "tenant": tenant, "job": job, "line": line})
        }
        ApiEvent::Changed {
            revision,
            by,
            request,
        } => json!({"event": "changed", "revision": revision, "by": by, "request": request}),
        ApiEvent::Requeued {
            records,
            topic,
            by,
            request,
        } => {
            json!({"event": "requeued", "records": records, "topic": topic, "by": by, "request": request})
        }
        other => json!({"event": "host", "text": other.to_string()}),
    }
}

impl ApiObserver for Console {
    fn event(&self, event: ApiEvent) {
        match self.format {
            Format::Text => eprintln!("{}", self.text(&event)),
            Format::Json => eprintln!("{}", json(&event)),
        }
    }
}
