//! Three brokers that are one cluster, every topic on all of them: for what happens when one of them goes away.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::broker::{Broker, Options};
use crate::client::{Client, TIMEOUT};
use crate::process::wait_until;
use crate::server::{Node, free_port};
use crate::wire::{self, Body};

const BROKERS: usize = 3;
const START_ATTEMPTS: usize = 3;

/// Three brokers.
#[derive(Debug)]
pub struct Cluster {
    brokers: Vec<Broker>,
    // After the brokers: the next cluster starts when these are gone.
    _turn: MutexGuard<'static, ()>,
}

/// Who leads a group or a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinator {
    /// Of a consumer group.
    Group = 0,
    /// Of a transactional id.
    Transaction = 1,
}

impl Cluster {
    /// Start three brokers and wait until they have found each other. One cluster at a time in a process: three brokers
    /// are a lot for a small machine.
    pub fn start_with(options: &Options) -> Result<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = None;
        for _ in 0..START_ATTEMPTS {
            match start(options) {
                Ok(brokers) => {
                    let cluster = Self {
                        brokers,
                        _turn: turn,
                    };
                    cluster.wait_whole()?;
                    return Ok(cluster);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no attempt was made")?)
    }

    /// Addresses of all of them.
    pub fn bootstrap(&self) -> String {
        let all: Vec<String> = self.brokers.iter().map(Broker::bootstrap).collect();
        all.join(",")
    }

    /// Addresses of all their proxies.
    pub fn proxied(&self) -> Result<String> {
        let proxy = |broker: &Broker| Ok(broker.proxy()?.bootstrap());
        let all: Result<Vec<String>> = self.brokers.iter().map(proxy).collect();
        Ok(all?.join(","))
    }

    /// A test's view of the cluster. Topics that it makes are on all brokers.
    pub fn client(&self) -> Client {
        Client::new(&self.bootstrap()).with_replicas(BROKERS as i32)
    }

    /// The brokers, in the order of their ids.
    pub fn brokers(&mut self) -> &mut [Broker] {
        &mut self.brokers
    }

    /// Wait until all brokers are there and every replica is in sync.
    pub fn wait_whole(&self) -> Result<()> {
        let client = self.client();
        wait_until("all replicas are in sync", Duration::from_secs(60), || {
            Ok(client.brokers_in_sync().is_ok_and(|n| n == Some(BROKERS)))
        })
    }

    /// Which broker (an index) leads this group or transactional id.
    pub fn coordinator(&self, of: Coordinator, name: &str) -> Result<usize> {
        const FIND_COORDINATOR: i16 = 10;
        let mut found = None;
        wait_until("the coordinator is known", TIMEOUT, || {
            let body = Body::default().text(name).byte(of as u8);
            let any = self.brokers.first().context("no brokers")?.bootstrap();
            let mut answer = wire::ask(&any, FIND_COORDINATOR, 1, body)?;
            let _throttle_ms = answer.int()?;
            let (code, _message) = (answer.short()?, answer.text()?);
            if code == 0 {
                found = Some(usize::try_from(answer.int()?)?);
            }
            Ok(found.is_some())
        })?;
        let id = found.context("no coordinator")?;
        ensure!((1..=BROKERS).contains(&id), "there is no broker {id}");
        Ok(id - 1)
    }
}

fn start(options: &Options) -> Result<Vec<Broker>> {
    let voters: Result<Vec<u16>> = (0..BROKERS).map(|_| free_port()).collect();
    let voters = voters?;
    let mut brokers = Vec::new();
    for (i, controller) in voters.iter().enumerate() {
        let node = Node {
            id: i + 1,
            controller: *controller,
            voters: voters.clone(),
        };
        brokers.push(Broker::prepare(node, options)?);
    }
    for broker in &brokers {
        broker.format()?;
    }
    for broker in &mut brokers {
        broker.spawn()?;
    }
    for broker in &mut brokers {
        broker.wait_ready()?;
    }
    Ok(brokers)
}
