//! A whole host: catalog, data plane and API together, from its configuration to its orderly end.

use crate::api::Parts as ApiParts;
use crate::bootstrap;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::error::Error;
use crate::event::ApiObserver;
use crate::fleet::{Clusters, Local, Parts};
use crate::limits::{
    CONNECT_EVERY, JOBS_STOP_WAIT, RECONCILE_EVERY, SPANS_STOP_WAIT, TOPICS_EVERY,
};
use crate::peers::Peers;
use crate::serve::Server;
use crate::sweep::sweep;
use crate::telemetry::{Exporter, Tracer, exporter};
use sluicebox_catalog::Store;
use sluicebox_catalog::limits::{INSTANCE_MEMORY_BYTES_MAX, MODULE_BYTES_MAX};
use sluicebox_host::{DataDir, connect_to};
use sluicebox_wasm::{Limits, Sandbox, Settings};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

/// A host that listens, and does not serve yet.
pub struct Host {
    server: Server,
    local: Arc<Local>,
    store: Store,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn ApiObserver>,
    peers: Arc<Peers>,
    /// There where the configuration names a receiver of traces.
    exporter: Option<Exporter>,
}

impl Host {
    /// Open what the configuration names and take the address. Nothing runs yet.
    pub async fn open(config: &Config, observer: Arc<dyn ApiObserver>) -> Result<Self, Error> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let store = bootstrap::open(config, clock.now_ms(), observer.as_ref()).await?;
        let data_dir = DataDir::open(&config.data_dir.at)?;
        let peers = Peers::new(config, data_dir.host_id(), store.clone(), clock.now_ms())?;
        let peers = Arc::new(peers);
        let (tracer, exporter) =
            traces(config, data_dir.host_id(), clock.clone(), observer.clone())?;
        let settings = Settings {
            cache_dir: Some(data_dir.cache()),
            limits: Limits {
                // What the largest quotas allow; each module and instance has its own tenant's.
                module_bytes_max: MODULE_BYTES_MAX as usize,
                memory_bytes_max: INSTANCE_MEMORY_BYTES_MAX as usize,
                ..Limits::default()
            },
        };
        let sandbox = Sandbox::new(settings)
            .map_err(|error| sluicebox_host::Error::failed(error.to_string()))?;
        let (handle, modules) = (Handle::current(), store.clone());
        let read_module = move |digest: &str| {
            let read = handle.block_on(modules.module(digest));
            read.map(|bytes| bytes.to_vec())
                .map_err(|error| sluicebox_host::Error::failed(error.to_string()))
        };
        let local = Arc::new(Local::new(Parts {
            installation: config.installation.clone(),
            data_dir,
            sandbox,
            read_module: Box::new(read_module),
            clusters: Clusters::new(config.kafka.clone(), Box::new(connect_to)),
            park_after: Duration::from_millis(config.park_after_ms),
            clock: clock.clone(),
            observer: observer.clone(),
            tracer: tracer.clone(),
        }));
        let parts = ApiParts {
            store: store.clone(),
            fleet: local.clone(),
            clock: clock.clone(),
            observer: observer.clone(),
            tracer,
            peers: peers.clone(),
        };
        let server = Server::bind(config, parts).await?;
        Ok(Self {
            server,
            local,
            store,
            clock,
            observer,
            peers,
            exporter,
        })
    }

    /// Where the API listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.address()
    }

    /// Serve and run jobs until `shutdown`; then the API ends, and the jobs end their epochs and leave.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self {
            server,
            local,
            store,
            clock,
            observer,
            peers,
            mut exporter,
        } = self;
        tokio::select! {
            () = server.run(shutdown) => {}
            () = reconcile(local.clone(), store.clone()) => {}
            () = sweep(store, clock, observer.clone()) => {}
            () = peers.announce(observer.as_ref()) => {}
            () = connect(local.clone()) => {}
            () = look_at_topics(local.clone()) => {}
            () = export(&mut exporter) => {}
        }
        local.stop();
        peers.withdraw().await;
        tokio::select! {
            () = left(&local) => {}
            () = sleep(JOBS_STOP_WAIT) => {}
            () = export(&mut exporter) => {}
        }
        if let Some(exporter) = &mut exporter {
            // What is still there then is lost.
            let _ = timeout(SPANS_STOP_WAIT, exporter.flush()).await;
        }
    }
}

/// What takes traces, and what sends them where the configuration says.
fn traces(
    config: &Config,
    host_id: &str,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn ApiObserver>,
) -> Result<(Tracer, Option<Exporter>), Error> {
    let Some(otlp) = &config.traces else {
        return Ok((Tracer::default(), None));
    };
    let resource = vec![
        ("service.name", "sluicebox".to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.namespace", config.installation.clone()),
        ("service.instance.id", host_id.to_owned()),
    ];
    let (tracer, exporter) = exporter(otlp, resource, clock, observer)?;
    Ok((tracer, Some(exporter)))
}

/// Send traces for ever.
async fn export(exporter: &mut Option<Exporter>) {
    match exporter {
        Some(exporter) => exporter.run().await,
        None => std::future::pending().await,
    }
}

/// All jobs have ended their epochs.
async fn left(local: &Local) {
    while !local.idle() {
        sleep(Duration::from_millis(20)).await;
    }
}

/// Keep what runs what the catalog wants, for ever.
async fn reconcile(local: Arc<Local>, store: Store) {
    let mut watch = store.watch();
    loop {
        let (catalog, jobs) = (watch.borrow_and_update().clone(), local.clone());
        // Starting threads and deleting folders blocks.
        let done = spawn_blocking(move || jobs.reconcile(&catalog)).await;
        if done.is_err() || watch.has_changed().is_err() {
            // Without it the host would pretend to run jobs: end it.
            return;
        }
        tokio::select! {
            _ = watch.changed() => {}
            () = sleep(RECONCILE_EVERY), if !local.settled() => {}
        }
    }
}

/// Reach each cluster once, so that the host can say that it is ready.
async fn connect(local: Arc<Local>) {
    loop {
        let local = local.clone();
        // A panic is told by the runtime; the next try may do better.
        if let Ok(true) = spawn_blocking(move || local.connect()).await {
            return std::future::pending().await;
        }
        sleep(CONNECT_EVERY).await;
    }
}

/// See how well the topics of jobs are kept, for ever.
async fn look_at_topics(local: Arc<Local>) {
    loop {
        sleep(TOPICS_EVERY).await;
        let local = local.clone();
        // A panic is told by the runtime; the next look may do better.
        let _ = spawn_blocking(move || local.look_at_topics()).await;
    }
}
