//! What all requests share: the catalog, the data plane, limits. Everything that a handler does to the outside goes
//! through here.

use super::call::Call;
use super::metrics::Requests;
use super::problem::{Answer, Kind, Problem};
use crate::clock::Clock;
use crate::config::{Config, Connections};
use crate::event::{ApiEvent, ApiObserver};
use crate::limits::{
    ANSWER_WAIT, FOLLOWERS_MAX, FOLLOWERS_PER_TENANT_MAX, Limits, WORK_MAX, WORK_PER_TENANT_MAX,
    WORK_WAIT, WORK_WAITING_MAX,
};
use crate::peers::Peers;
use crate::port::{Fleet, Used};
use crate::rate::Rates;
use crate::slots::{Full, Sizes, Slot, Slots};
use crate::telemetry::Tracer;
use sluicebox_catalog::{Catalog, Change, Refused, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What the API is made of.
pub struct Parts {
    /// The catalog.
    pub store: Store,
    /// The data plane of this host.
    pub fleet: Arc<dyn Fleet>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who is told what happens.
    pub observer: Arc<dyn ApiObserver>,
    /// Who is told what requests took.
    pub tracer: Tracer,
    /// The other hosts.
    pub peers: Arc<Peers>,
}

/// What all requests share. Clones are the same.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// The same, behind the pointer.
pub struct Shared {
    pub(super) store: Store,
    fleet: Arc<dyn Fleet>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<dyn ApiObserver>,
    pub(super) tracer: Tracer,
    pub(super) peers: Arc<Peers>,
    pub(super) connections: Connections,
    pub(super) limits: Limits,
    pub(super) rates: Rates,
    pub(super) requests: Requests,
    /// True once the host stops: what would go on for ever ends then.
    pub(super) stopping: watch::Receiver<bool>,
    work: Arc<Slots>,
    followers: Arc<Slots>,
}

impl std::ops::Deref for App {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// Put it together.
    pub fn new(config: &Config, parts: Parts, stopping: watch::Receiver<bool>) -> Self {
        let limits = config.limits;
        Self(Arc::new(Shared {
            store: parts.store,
            fleet: parts.fleet,
            clock: parts.clock,
            observer: parts.observer,
            tracer: parts.tracer,
            peers: parts.peers,
            connections: config.kafka.clone(),
            limits,
            rates: Rates::new(limits.requests_per_second, limits.requests_burst),
            requests: Requests::default(),
            stopping,
            work: Slots::new(Sizes {
                all: WORK_MAX,
                tenant: WORK_PER_TENANT_MAX,
                waiting: WORK_WAITING_MAX,
            }),
            followers: Slots::new(Sizes {
                all: FOLLOWERS_MAX,
                tenant: FOLLOWERS_PER_TENANT_MAX,
                waiting: 0,
            }),
        }))
    }

    /// What a tenant has used on this host; never waits.
    pub fn used(&self, tenant: &str) -> Option<Used> {
        self.fleet.used(tenant)
    }

    /// Ask the data plane. Its calls block, hence a thread; whoever waits for one gives up after a while.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Fleet) -> T + Send + 'static,
    ) -> Answer<T> {
        let fleet = self.fleet.clone();
        let answer = tokio::task::spawn_blocking(move || question(fleet.as_ref()));
        match tokio::time::timeout(ANSWER_WAIT, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(panic)) => Err(Problem::internal(format!("the data plane failed: {panic}"))),
            Err(_) => Err(Problem::unavailable(format!(
                "no answer within {} seconds",
                ANSWER_WAIT.as_secs()
            ))),
        }
    }

    /// Ends when the host stops.
    pub(super) fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopping = self.stopping.clone();
        async move {
            // Whoever could say so is gone: the host has stopped.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// A place for something expensive: it has to be held until that is over.
    pub(super) async fn work(&self, tenant: &str) -> Answer<Slot> {
        let what = "uploads, deployments and questions to Kafka";
        place(
            self.work.take(tenant, WORK_WAIT).await,
            what,
            WORK_PER_TENANT_MAX,
        )
    }

    /// A place for a stream of log lines.
    pub(super) async fn follow(&self, tenant: &str) -> Answer<Slot> {
        let taken = self.followers.take(tenant, Duration::ZERO).await;
        place(taken, "streams of logs", FOLLOWERS_PER_TENANT_MAX)
    }

    /// Change the catalog as whoever calls. `make` may find that there is nothing to do. Answers the catalog and whether
    /// it changed.
    pub(super) async fn commit(
        &self,
        call: &Call,
        mut make: impl FnMut(&Catalog) -> Result<Option<Change>, Refused>,
    ) -> Answer<(Arc<Catalog>, bool)> {
        let by = call.principal.token_id.as_str();
        let mut changed = false;
        let catalog = self
            .store
            .commit(by, self.clock.now_ms(), |catalog| {
                let change = make(catalog)?;
                changed = change.is_some();
                Ok(change)
            })
            .await?;
        if changed {
            self.observer.event(ApiEvent::Changed {
                revision: catalog.revision,
                by: by.to_owned(),
                request: call.request(),
            });
        }
        Ok((catalog, changed))
    }
}

fn place(taken: Result<Slot, Full>, what: &str, per_tenant: usize) -> Answer<Slot> {
    taken.map_err(|full| match full {
        Full::Tenant => Problem::new(
            Kind::Rate,
            format!(
                "this tenant has {per_tenant} {what} under way, the most it may have at a time"
            ),
        )
        .help("wait until one of them has ended")
        .retry_after(Duration::from_secs(1)),
        Full::All => Problem::unavailable(format!("too many {what} are under way")),
    })
}
