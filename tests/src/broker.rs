//! A real Apache Kafka broker for tests, started from its jars: no container, no installation, no fixed port.
//! Every exactly-once claim is tested against this, for no imitation has all of Kafka's corner cases.
//!
//! One broker serves a whole test binary ([`shared`]): starting one takes seconds, topics are cheap. A test that
//! stops, pauses or restarts its broker starts its own ([`Broker::start`]).

use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::Client;
use crate::java::Running;
use crate::kdc::Kdc;
use crate::process::Signal;
use crate::proxy::Proxy;
use crate::secure::Secure;
use crate::server::{Listener, Node, format_storage, free_port, properties};

const READY_TIMEOUT: Duration = Duration::from_secs(90);
const START_ATTEMPTS: usize = 3;

/// How a broker differs from the usual one.
#[derive(Clone, Debug)]
pub struct Options {
    /// Largest heap, in MiB.
    pub heap_mib: u32,
    /// Further lines for `server.properties`; they win over ours.
    pub properties: Vec<(String, String)>,
    /// With a second listener behind a [`Proxy`].
    pub proxied: bool,
    /// With listeners that take only TLS with passwords or certificates, and an authorizer ([`Secure`]).
    pub secure: bool,
    /// With a KDC of its own, and a listener that takes only tickets of it ([`Kdc`]).
    pub kerberos: bool,
    /// Run as in production, with the optimising compiler and a concurrent collector; tests rather start fast.
    pub optimised: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            heap_mib: 512,
            properties: Vec::new(),
            proxied: false,
            secure: false,
            kerberos: false,
            optimised: false,
        }
    }
}

/// One broker (KRaft, combined mode) on loopback, with its own folder. Dropping it ends the process.
#[derive(Debug)]
pub struct Broker {
    // Before the folder: the process ends first.
    running: Option<Running>,
    folder: tempfile::TempDir,
    node: Node,
    port: u16,
    options: Options,
    proxy: Option<Proxy>,
    secure: Option<Secure>,
    kdc: Option<Kdc>,
}

impl Broker {
    /// Start a broker and wait until it answers.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::default())
    }

    /// Start a broker that differs from the usual one.
    pub fn start_with(options: &Options) -> Result<Self> {
        let mut last = None;
        for _ in 0..START_ATTEMPTS {
            match Self::try_start(options) {
                Ok(broker) => return Ok(broker),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no attempt was made")?)
    }

    fn try_start(options: &Options) -> Result<Self> {
        let mut broker = Self::prepare(Node::alone(free_port()?), options)?;
        broker.format()?;
        broker.start_again()?;
        Ok(broker)
    }

    /// A broker's folder and ports, with nothing in the one and nobody at the others yet.
    pub(crate) fn prepare(node: Node, options: &Options) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("sluicebox-broker-")
            .tempdir()?;
        let port = free_port()?;
        let mut listeners = vec![Listener::plain(port)];
        let proxy = match options.proxied {
            true => Some(proxied(&mut listeners)?),
            false => None,
        };
        let secure = match options.secure {
            true => Some(Secure::new(folder.path())?),
            false => None,
        };
        listeners.extend(secure.iter().flat_map(Secure::listeners));
        let kdc = match options.kerberos {
            true => Some(Kdc::start(folder.path())?),
            false => None,
        };
        listeners.extend(kdc.as_ref().map(Kdc::listener));
        let mut more = secure.as_ref().map(Secure::lines).unwrap_or_default();
        more.extend(kdc.as_ref().map(Kdc::lines));
        let properties = properties(folder.path(), &node, &listeners, &more, options);
        fs::write(folder.path().join("server.properties"), properties)?;
        Ok(Self {
            folder,
            node,
            port,
            options: options.clone(),
            proxy,
            secure,
            kdc,
            running: None,
        })
    }

    /// Make its folder a broker's.
    pub(crate) fn format(&self) -> Result<()> {
        let users = self.secure.as_ref().map(Secure::users).unwrap_or_default();
        format_storage(self.folder.path(), &self.node, &users)
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The proxy in front of the second listener; an error without [`Options::proxied`].
    pub fn proxy(&self) -> Result<&Proxy> {
        self.proxy.as_ref().context("this broker has no proxy")
    }

    /// The secure listeners; an error without [`Options::secure`].
    pub fn secure(&self) -> Result<&Secure> {
        let secure = self.secure.as_ref();
        secure.context("this broker has no secure listeners")
    }

    /// The KDC and the listener for its tickets; an error without [`Options::kerberos`].
    pub fn kdc(&mut self) -> Result<&mut Kdc> {
        self.kdc.as_mut().context("this broker has no KDC")
    }

    /// A test's view of the broker: topics, records, offsets.
    pub fn client(&self) -> Client {
        Client::new(&self.bootstrap())
    }

    /// Start a stopped broker on the same data and ports, and wait until it answers.
    pub fn start_again(&mut self) -> Result<()> {
        self.spawn()?;
        self.wait_ready()
    }

    /// Start the process.
    pub(crate) fn spawn(&mut self) -> Result<()> {
        if self.running.is_some() {
            bail!("the broker runs already");
        }
        self.running = Some(Running::start(self.folder.path(), &self.options)?);
        Ok(())
    }

    /// Wait until it answers; one that doesn't is ended.
    pub(crate) fn wait_ready(&mut self) -> Result<()> {
        self.answers().inspect_err(|_| self.kill())
    }

    fn answers(&mut self) -> Result<()> {
        let (deadline, client) = (Instant::now() + READY_TIMEOUT, self.client());
        loop {
            let running = self.running.as_mut().context("the broker is stopped")?;
            if let Some(status) = running.ended()? {
                bail!("the broker ended with {status}:\n{}", self.log_tail());
            }
            if client.answers(Duration::from_secs(1)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "the broker is not ready after {READY_TIMEOUT:?}:\n{}",
                    self.log_tail()
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Shut the broker down in order (SIGTERM, after a while SIGKILL). Its data stays.
    pub fn stop(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), Running::stop)
    }

    /// End the broker at once, as a power failure would. Its data stays.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Freeze the broker (SIGSTOP).
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::Stop)
    }

    /// Let a frozen broker go on (SIGCONT).
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::Cont)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let running = self.running.as_ref();
        running.context("the broker is stopped")?.signal(signal)
    }

    /// The last lines of what the broker logged (warnings and errors).
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("broker.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

/// The broker of this test binary, started by the first test that asks. Use [`unique`] names for topics and groups.
/// Panics where it cannot be started: without a broker these tests have nothing to say.
pub fn shared() -> &'static Broker {
    static SHARED: Once = Once::new();
    once(&SHARED, &Options::default())
}

/// As [`shared`], with [`Options::secure`].
pub fn shared_secure() -> &'static Broker {
    static SHARED: Once = Once::new();
    let options = Options {
        secure: true,
        heap_mib: 256,
        ..Options::default()
    };
    once(&SHARED, &options)
}

type Once = OnceLock<std::result::Result<Broker, String>>;

fn once(broker: &'static Once, options: &Options) -> &'static Broker {
    let start = || Broker::start_with(options).map_err(|error| format!("{error:#}"));
    match broker.get_or_init(start) {
        Ok(broker) => broker,
        Err(error) => panic!("no Kafka broker for this test: {error}"),
    }
}

/// A name that no other test uses: `prefix` (letters, digits, dashes), process and a counter.
pub fn unique(prefix: &str) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{}-{count}", std::process::id())
}

/// A listener of its own whose advertised address is the proxy's: clients that begin there stay there.
fn proxied(listeners: &mut Vec<Listener>) -> Result<Proxy> {
    let (behind, before) = (free_port()?, free_port()?);
    listeners.push(Listener {
        name: "PROXIED",
        protocol: "PLAINTEXT",
        port: behind,
        advertised: before,
    });
    Proxy::start(before, behind)
}
