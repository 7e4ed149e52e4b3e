//! The listening side of a host: takes connections, at most so many, and ends in order.

use crate::api::{App, Parts, router};
use crate::config::Config;
use crate::connection;
use crate::error::Error;
use crate::event::{ApiEvent, ApiObserver};
use crate::limits::{CERTIFICATES_EVERY, Limits, REFRESH_EVERY, STOP_WAIT};
use crate::tls::Certificates;
use axum::Router;
use sluicebox_catalog::Store;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Pause after a connection could not be taken: the machine is short of something.
const SHORTAGE_WAIT: Duration = Duration::from_millis(100);

/// The API, listening. It answers once it runs.
pub struct Server {
    listener: TcpListener,
    certificates: Option<Arc<Certificates>>,
    router: Router,
    limits: Limits,
    store: Store,
    observer: Arc<dyn ApiObserver>,
    stopping: watch::Sender<bool>,
}

impl Server {
    /// Read the certificates and take the address.
    pub async fn bind(config: &Config, parts: Parts) -> Result<Self, Error> {
        let certificates = config.tls.as_ref().map(Certificates::read).transpose()?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|error| Error::Listen {
                address: config.listen,
                why: error.to_string(),
            })?;
        if let Ok(address) = listener.local_addr() {
            parts.peers.listens(address, config.tls.is_some());
        }
        let (store, observer) = (parts.store.clone(), parts.observer.clone());
        let (stopping, stops) = watch::channel(false);
        Ok(Self {
            listener,
            certificates: certificates.map(Arc::new),
            router: router(App::new(config, parts, stops)),
            limits: config.limits,
            store,
            observer,
            stopping,
        })
    }

    /// Where it listens: the port is known now, even if the configuration says 0.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Serve until `shutdown`; then no new requests are taken, and those under way get a while to end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        if let Some(address) = self.address() {
            let tls = self.certificates.is_some();
            self.observer.event(ApiEvent::Listening { address, tls });
        }
        let mut connections = JoinSet::new();
        let looking = async {
            tokio::join!(self.refresh(), self.renew());
        };
        tokio::select! {
            () = shutdown => {}
            () = looking => {}
            () = self.take(&mut connections) => {}
        }
        self.observer.event(ApiEvent::Stopping);
        self.stopping.send_replace(true);
        drop(self.listener);
        let ended = async { while connections.join_next().await.is_some() {} };
        // What is still there is aborted with the set.
        let _ = timeout(STOP_WAIT, ended).await;
    }

    /// Take connections for ever. While there are as many as there may be, the others wait in the system's queue.
    async fn take(&self, connections: &mut JoinSet<()>) {
        let places = Arc::new(Semaphore::new(self.limits.connections_max));
        loop {
            let place = tokio::select! {
                place = places.clone().acquire_owned() => place,
                Some(_) = connections.join_next() => continue,
            };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            match (place, accepted) {
                (Ok(place), Ok((stream, _))) => {
                    connections.spawn(self.connection(stream, place));
                }
                (Err(_), _) => return,
                // A client that left already, or no more file descriptors.
                (_, Err(_)) => sleep(SHORTAGE_WAIT).await,
            }
        }
    }

    fn connection(
        &self,
        stream: tokio::net::TcpStream,
        place: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + use<> {
        let tls = self.certificates.as_ref().map(|c| c.current());
        let (router, limits) = (self.router.clone(), self.limits);
        let stopping = self.stopping.subscribe();
        async move {
            connection::serve(stream, tls, router, limits, stopping).await;
            drop(place);
        }
    }

    /// See what other hosts wrote, for ever. The first failure of a row is told.
    async fn refresh(&self) {
        let mut told = false;
        loop {
            sleep(REFRESH_EVERY).await;
            match self.store.refresh().await {
                Ok(_) => told = false,
                Err(error) if !told => {
                    told = true;
                    let why = error.to_string();
                    self.observer.event(ApiEvent::Stale { why });
                }
                Err(_) => {}
            }
        }
    }

    /// See whether there are new certificates, for ever. What is wrong with them is told once.
    async fn renew(&self) {
        let mut told = None;
        loop {
            sleep(CERTIFICATES_EVERY).await;
            let Some(certificates) = self.certificates.clone() else {
                continue;
            };
            let looked = tokio::task::spawn_blocking(move || certificates.look()).await;
            let wrong = match looked {
                Ok(Ok(false)) => {
                    told = None;
                    continue;
                }
                Ok(Ok(true)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(panic) => Some(panic.to_string()),
            };
            if wrong.is_none() || told != wrong {
                told.clone_from(&wrong);
                self.observer.event(ApiEvent::Certificates { wrong });
            }
        }
    }
}

/// Listen and serve until `shutdown`.
pub async fn serve(
    config: &Config,
    parts: Parts,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    Server::bind(config, parts).await?.run(shutdown).await;
    Ok(())
}
