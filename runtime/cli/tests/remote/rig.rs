//! A host's API on a port of this machine, and the command in a folder of its own that knows nothing of the user's.

use crate::fleet::FakeFleet;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sluicebox_catalog::{Change, Scope, Store, Token, objects, token};
use sluicebox_server::peers::Peers;
use sluicebox_server::telemetry::Tracer;
use sluicebox_server::{ApiEvent, ApiObserver, Clock, Config, Parts, Server};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

const NOW_MS: i64 = 1_767_225_600_000;

struct Stopped;

impl Clock for Stopped {
    fn now_ms(&self) -> i64 {
        NOW_MS
    }
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

struct Silent;

impl ApiObserver for Silent {
    fn event(&self, _: ApiEvent) {}
}

/// The host, and the environment of the command.
pub struct Rig {
    folder: TempDir,
    runtime: Runtime,
    store: Store,
    fleet: Arc<FakeFleet>,
    url: String,
    env: Mutex<BTreeMap<String, String>>,
    stop: Option<oneshot::Sender<()>>,
}

impl Rig {
    /// A host without certificates.
    pub fn new() -> Self {
        Self::start_host(TempDir::new().expect("a folder"), "")
    }

    /// A host with a certificate by `ca.pem`; there is `other-ca.pem` too.
    pub fn with_tls() -> Self {
        let folder = TempDir::new().expect("a folder");
        certificates(folder.path());
        let at = |name: &str| folder.path().join(name).display().to_string();
        let tls = format!(
            "tls: {{ certificate: '{}', key: '{}' }}\n",
            at("cert.pem"),
            at("key.pem")
        );
        Self::start_host(folder, &tls)
    }

    fn start_host(folder: TempDir, more: &str) -> Self {
        let text = format!(
            "apiVersion: sluicebox/v1\ndata_dir: unused\nlisten: 127.0.0.1:0\nkafka: {{ main: {{ bootstrap_servers: 'kafka:9092' }} }}\n{more}"
        );
        let config = Config::parse(&text, &|_| None).expect("a configuration");
        let catalog = folder.path().join("catalog");
        let objects = objects(&catalog.to_string_lossy()).expect("a folder");
        let runtime = Runtime::new().expect("a runtime");
        let store = runtime
            .block_on(Store::open(objects))
            .expect("an empty catalog");
        let fleet = Arc::new(FakeFleet::default());
        let parts = Parts {
            store: store.clone(),
            fleet: fleet.clone(),
            clock: Arc::new(Stopped),
            observer: Arc::new(Silent),
            tracer: Tracer::default(),
            peers: Arc::new(Peers::new(&config, "this", store.clone(), 0).expect("a client")),
        };
        let server = runtime
            .block_on(Server::bind(&config, parts))
            .expect("a port");
        let port = server.address().expect("an address").port();
        let (stop, stopped) = oneshot::channel();
        runtime.spawn(server.run(async {
            let _ = stopped.await;
        }));
        let scheme = if more.is_empty() { "http" } else { "https" };
        let rig = Self {
            folder,
            runtime,
            store,
            fleet,
            url: format!("{scheme}://127.0.0.1:{port}"),
            env: Mutex::default(),
            stop: Some(stop),
        };
        rig.file("admin.txt", &rig.token(None, "admin"));
        rig
    }

    /// Where the command runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn fleet(&self) -> &FakeFleet {
        &self.fleet
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder().join(name), text).expect("a file");
    }

    /// A variable of the environment from now on.
    pub fn env(&self, name: &str, value: &str) {
        let mut env = self.env.lock().expect("no panic");
        env.insert(name.to_owned(), value.to_owned());
    }

    /// A token, made past the API: `admin` is one for everything, of a tenant for all that is possible there.
    pub fn token(&self, tenant: Option<&str>, may: &str) -> String {
        if let Some(tenant) = tenant {
            let everything = serde_json::json!({ "read": ["*"], "write": ["*"] });
            self.commit(Change::TenantCreated {
                tenant: tenant.to_owned(),
                policy: serde_json::from_value(everything).expect("a policy"),
                quotas: Default::default(),
            });
        }
        let made = token::generate(sluicebox_catalog::random().expect("randomness"));
        let scopes: &[Scope] = match (tenant, may) {
            (_, "view") => &[Scope::View],
            (None, _) => &[Scope::Admin],
            (Some(_), _) => &[Scope::Push, Scope::Deploy],
        };
        let token = Token {
            tenant: tenant.map(str::to_owned),
            name: may.to_owned(),
            scopes: scopes.iter().copied().collect(),
            hash: made.hash.clone(),
            created_ms: NOW_MS,
            expires_ms: None,
            revoked: false,
        };
        let id = made.id.clone();
        self.commit(Change::TokenCreated { id, token });
        made.text
    }

    fn commit(&self, change: Change) {
        let committed = self.store.commit("host", NOW_MS, |_| Ok(change.clone()));
        self.runtime.block_on(committed).expect("a change");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluicebox"));
        // Neither the user's profiles nor a proxy of this machine.
        command.env_clear().args(args).current_dir(self.folder());
        command.env("XDG_CONFIG_HOME", self.folder().join("config"));
        command.envs(self.env.lock().expect("no panic").iter());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the command runs")
    }

    /// A command line and what it answered, without what differs each time.
    pub fn told(&self, line: &str) -> String {
        let args: Vec<_> = line
            .split(' ')
            .map(|arg| if arg == "URL" { self.url.as_str() } else { arg })
            .collect();
        let output = self.run(&args);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let code = output.status.code().expect("an exit code");
        let mut told = format!(
            "$ sluicebox {line}\nexit {code}\n{}{}\n",
            text(&output.stdout),
            text(&output.stderr)
        );
        told = told.replace(&self.url, "URL");
        for id in self.store.current().tokens.keys() {
            told = hide_secret(&told, &format!("sbx_{id}_")).replace(id, "<token-id>");
        }
        told
    }

    /// Start a command that goes on.
    pub fn start(&self, args: &[&str]) -> Running {
        let mut child = self.command(args).spawn().expect("the command starts");
        let stdout = child.stdout.take().expect("a pipe");
        Running {
            child,
            lines: BufReader::new(stdout),
        }
    }

    /// Stop the host.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }
}

/// The rest of a token, behind its id.
fn hide_secret(text: &str, prefix: &str) -> String {
    match text.split_once(prefix) {
        Some((before, after)) => {
            let rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            format!("{before}sbx_SECRET{rest}")
        }
        None => text.to_owned(),
    }
}

/// A command that goes on.
pub struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    /// Until a line with this text comes.
    pub fn wait_for(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            let read = self.lines.read_line(&mut line).expect("readable");
            assert!(read > 0, "it ended without `{text}`");
        }
    }

    /// Its exit code, once it ends.
    pub fn code(&mut self) -> Option<i32> {
        self.child.wait().expect("the command ends").code()
    }
}

/// What the fake fleet takes for a module.
pub fn module(folder: &Path, name: &str, salt: &str) -> Vec<u8> {
    // Large enough that the host is asked before the body is sent.
    let bytes = format!("fake {salt} {}", " ".repeat(100_000)).into_bytes();
    std::fs::write(folder.join(name), &bytes).expect("a file");
    bytes
}

fn certificates(folder: &Path) {
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).expect("a file");
    let authority = || {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        (certificate.pem(), Issuer::new(params, key))
    };
    let (ca, issuer) = authority();
    let (other, _) = authority();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    write("ca.pem", ca);
    write("other-ca.pem", other);
    write("cert.pem", certificate.pem());
    write("key.pem", key.serialize_pem());
}
