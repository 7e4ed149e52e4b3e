//! The other hosts of the installation: what a host is asked about a job, it asks them too, with the token of whoever asks.
//! They find each other in the object store. Whoever does not answer is named in the answer and holds it up for a moment.

mod client;

use crate::config::Config;
use crate::error::{Error, root};
use crate::event::{ApiEvent, ApiObserver};
use crate::limits::{HOSTS_LISTED_EVERY, PEER_BYTES_MAX, PEER_WAIT};
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use client::Client;
use futures_util::future::join_all;
use reqwest::{Response, Url};
use serde::de::DeserializeOwned;
use sluicebox_catalog::limits::HOST_ANNOUNCED_EVERY;
use sluicebox_catalog::{HostRecord, Store};
use sluicebox_core::spec::is_clear_text;
use std::net::SocketAddr;
use std::sync::OnceLock;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

/// Says which host has answered: several may be behind one address, and addresses change hands.
pub const HOST_HEADER: &str = "sluicebox-host";

/// This host among the others.
pub struct Peers {
    id: String,
    started_ms: i64,
    store: Store,
    /// By configuration.
    url: Option<String>,
    /// Where it listens, once it does.
    listens: OnceLock<Option<String>>,
    insecure: bool,
    client: Client,
    listed: Mutex<Option<(Instant, Vec<HostRecord>)>>,
}

/// What another host has answered, or why it has not.
pub type Answered<T> = (HostRecord, Result<T, String>);

impl Peers {
    /// This host, which nobody knows yet.
    pub fn new(config: &Config, id: &str, store: Store, started_ms: i64) -> Result<Self, Error> {
        Ok(Self {
            id: id.to_owned(),
            started_ms,
            store,
            url: config.peers.url.clone(),
            listens: OnceLock::new(),
            insecure: config.peers.insecure,
            client: Client::new(config)?,
            listed: Mutex::default(),
        })
    }

    /// This host's identity.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// This host listens there. That is where others reach it, unless it is told otherwise: if it is one address, and no
    /// certificate has to name it.
    pub fn listens(&self, address: SocketAddr, tls: bool) {
        let one = !address.ip().is_unspecified() && !tls;
        let _ = self.listens.set(one.then(|| format!("http://{address}")));
    }

    /// This host, as the others see it.
    pub fn this(&self) -> HostRecord {
        let listens = || self.listens.get().cloned().flatten();
        HostRecord {
            id: self.id.clone(),
            url: self.url.clone().or_else(listens),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_ms: self.started_ms,
        }
    }

    /// Say that this host is there, for ever. The first failure of a row is told.
    pub async fn announce(&self, observer: &dyn ApiObserver) {
        let mut told = false;
        loop {
            match self.store.announce(&self.this()).await {
                Ok(()) => told = false,
                Err(error) if !told => {
                    told = true;
                    let why = error.to_string();
                    observer.event(ApiEvent::Unannounced { why });
                }
                Err(_) => {}
            }
            sleep(HOST_ANNOUNCED_EVERY).await;
        }
    }

    /// Say that this host is going.
    pub async fn withdraw(&self) {
        // Else it is found out after a while.
        let _ = timeout(PEER_WAIT, self.store.withdraw(&self.id)).await;
    }

    /// All other hosts, as of a few seconds ago. Where the object store does not answer, those that were there before.
    pub async fn others(&self) -> Vec<HostRecord> {
        let mut listed = self.listed.lock().await;
        let before = match listed.take() {
            Some((at, hosts)) if at.elapsed() < HOSTS_LISTED_EVERY => {
                *listed = Some((at, hosts.clone()));
                return hosts;
            }
            before => before.map_or(Vec::new(), |(_, hosts)| hosts),
        };
        let mut hosts = match timeout(PEER_WAIT, self.store.hosts()).await {
            Ok(Ok(hosts)) => hosts,
            _ => before,
        };
        hosts.retain(|host| host.id != self.id);
        *listed = Some((Instant::now(), hosts.clone()));
        hosts
    }

    /// Ask all others for the JSON at `path`, as whoever has this token. Takes [`PEER_WAIT`] at most.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &HeaderValue,
    ) -> Vec<Answered<T>> {
        let others = self.others().await;
        let asked = others.into_iter().map(|host| async {
            let answer = timeout(PEER_WAIT, async {
                let answer = self.get(&host, path, token).await?;
                let body = whole(answer).await?;
                serde_json::from_slice(&body).map_err(|error| format!("its answer: {error}"))
            });
            let late = || Err(format!("no answer within {} s", PEER_WAIT.as_secs()));
            let answer = answer.await.unwrap_or_else(|_| late());
            (host, answer)
        });
        join_all(asked).await
    }

    /// Begin to read what another host has at `path`.
    pub async fn open(
        &self,
        host: &HostRecord,
        path: &str,
        token: &HeaderValue,
    ) -> Result<Response, String> {
        let answer = timeout(PEER_WAIT, self.get(host, path, token)).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {} s", PEER_WAIT.as_secs())))
    }

    async fn get(
        &self,
        host: &HostRecord,
        path: &str,
        token: &HeaderValue,
    ) -> Result<Response, String> {
        let url = host.url.as_deref();
        let url = url.ok_or("it does not say how it is reached: set `peers.url` there")?;
        let parsed = Url::parse(url).map_err(|error| format!("`{url}`: {error}"))?;
        if !self.insecure && is_clear_text(parsed.scheme(), parsed.host_str().unwrap_or_default()) {
            return Err(format!("`{url}` would see the token in clear text"));
        }
        let client = self.client.current().map_err(|error| error.to_string())?;
        let asked = client
            .get(format!("{url}{path}"))
            .header(AUTHORIZATION, token);
        let answer = asked.send().await.map_err(|error| root(&error))?;
        let answered = answer.headers().get(HOST_HEADER);
        if answered.is_none_or(|id| id.as_bytes() != host.id.as_bytes()) {
            return Err(format!("something else answers at {url}"));
        }
        match answer.status().is_success() {
            true => Ok(answer),
            false => Err(format!("it answers {}", answer.status().as_u16())),
        }
    }
}

async fn whole(mut answer: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| root(&error))? {
        body.extend_from_slice(&piece);
        if body.len() > PEER_BYTES_MAX {
            return Err(format!("it answers more than {PEER_BYTES_MAX} bytes"));
        }
    }
    Ok(body)
}
