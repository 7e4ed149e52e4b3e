//! A network that misbehaves, between a client and its broker: it holds back the requests of one kind and delivers them
//! late (also after their client has given up and come back on another connection, which is what makes a late request
//! dangerous), it lets none of some kinds through until it is told to, or it cuts the wire for a while.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Largest request that is passed on, in bytes; Kafka's own default limit is 100 MiB.
const REQUEST_BYTES_MAX: usize = 100 << 20;

/// Kinds of requests, by Kafka's API keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Records.
    Produce = 0,
    /// What a group committed.
    OffsetFetch = 9,
    /// Where a coordinator is.
    FindCoordinator = 10,
    /// Becoming a member of a group.
    JoinGroup = 11,
    /// Staying one.
    Heartbeat = 12,
    /// Learning what is assigned.
    SyncGroup = 14,
    /// The end of a transaction, to the coordinator.
    EndTxn = 26,
    /// The positions of a transaction, to the group's coordinator.
    TxnOffsetCommit = 28,
}

#[derive(Debug, Default)]
struct State {
    /// Hold the next `count` requests of this kind back for so long.
    hold: Option<(Api, u32, Duration)>,
    held: u32,
    /// Nothing of these kinds is delivered for now.
    stopped: Vec<Api>,
    cut: bool,
    open: Vec<TcpStream>,
}

/// A proxy in front of one broker listener. Its threads end with their connections, at the latest with the process.
#[derive(Clone, Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Accept on `port` and pass on to `upstream`, both on loopback.
    pub fn start(port: u16, upstream: u16) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).context("the proxy's port is taken")?;
        let proxy = Self {
            port,
            state: Arc::default(),
        };
        let accepting = proxy.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A client whose broker is away finds the connection closed, as without a proxy.
                let _ = accepting.connect(client, upstream);
            }
        });
        Ok(proxy)
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Hold back the next `count` requests of a kind, each for `delay`, with everything behind it on its connection.
    pub fn hold(&self, api: Api, count: u32, delay: Duration) {
        let mut state = self.state();
        state.hold = Some((api, count, delay));
        state.held = 0;
    }

    /// How many requests were held back since [`Proxy::hold`] or [`Proxy::stop`].
    pub fn held(&self) -> u32 {
        self.state().held
    }

    /// Hold back all requests of these kinds, with everything behind them on their connections, until [`Proxy::mend`].
    pub fn stop(&self, kinds: &[Api]) {
        let mut state = self.state();
        state.stopped = kinds.to_vec();
        state.held = 0;
    }

    /// Break all connections and refuse new ones.
    pub fn cut(&self) {
        let mut state = self.state();
        state.cut = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Let connections and requests through again.
    pub fn mend(&self) {
        let mut state = self.state();
        state.cut = false;
        state.stopped.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self, client: TcpStream, upstream: u16) -> Result<()> {
        if self.state().cut {
            return Ok(());
        }
        let broker = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream))?;
        client.set_nodelay(true)?;
        broker.set_nodelay(true)?;
        self.state()
            .open
            .extend([client.try_clone()?, broker.try_clone()?]);
        let (mut answers, mut to_client) = (broker.try_clone()?, client.try_clone()?);
        thread::spawn(move || {
            let _ = std::io::copy(&mut answers, &mut to_client);
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let proxy = self.clone();
        thread::spawn(move || {
            let _ = proxy.requests(client, &broker);
            let _ = broker.shutdown(Shutdown::Both);
        });
        Ok(())
    }

    /// Pass requests on, one by one. A held request is delivered even if its client has gone meanwhile.
    fn requests(&self, mut client: TcpStream, mut broker: &TcpStream) -> Result<()> {
        loop {
            let mut length = [0; 4];
            client.read_exact(&mut length)?;
            let bytes = u32::from_be_bytes(length) as usize;
            anyhow::ensure!((2..=REQUEST_BYTES_MAX).contains(&bytes), "no Kafka request");
            let mut request = vec![0; bytes];
            client.read_exact(&mut request)?;
            let key = i16::from_be_bytes([request[0], request[1]]);
            if let Some(delay) = self.delay_of(key) {
                thread::sleep(delay);
            }
            self.wait_while_stopped(key);
            broker.write_all(&length)?;
            broker.write_all(&request)?;
        }
    }

    fn delay_of(&self, key: i16) -> Option<Duration> {
        let mut state = self.state();
        match &mut state.hold {
            Some((api, count, delay)) if *api as i16 == key && *count > 0 => {
                *count -= 1;
                let delay = *delay;
                state.held += 1;
                Some(delay)
            }
            _ => None,
        }
    }

    fn wait_while_stopped(&self, key: i16) {
        const STEP: Duration = Duration::from_millis(20);
        let is_stopped = |state: &State| state.stopped.iter().any(|api| *api as i16 == key);
        if !is_stopped(&self.state()) {
            return;
        }
        self.state().held += 1;
        while is_stopped(&self.state()) {
            thread::sleep(STEP);
        }
    }
}
