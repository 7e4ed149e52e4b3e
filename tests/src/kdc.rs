//! A KDC of MIT Kerberos (Debian: krb5-kdc, krb5-admin-server, krb5-user), and a broker's listener that takes only its
//! tickets. All of it in the broker's folder, on loopback, and gone with it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::process::{Watcher, wait_until};
use crate::server::{Listener, free_port};

const REALM: &str = "SLUICE.TEST";
/// The principal of jobs.
pub const PRINCIPAL: &str = "sluice@SLUICE.TEST";
const SERVICE: &str = "kafka/127.0.0.1@SLUICE.TEST";

/// A KDC that runs. Dropping it ends the process.
#[derive(Debug)]
pub struct Kdc {
    folder: PathBuf,
    broker: u16,
    running: Option<(Child, Watcher)>,
}

/// What finds the KDC, in a broker's folder.
pub(crate) fn config(folder: &Path) -> PathBuf {
    folder.join("krb5.conf")
}

impl Kdc {
    /// Make a realm with the principals of a broker and of jobs, and begin to serve it.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let mut kdc = Self {
            folder: folder.to_owned(),
            broker: free_port()?,
            running: None,
        };
        let port = free_port()?;
        fs::write(config(folder), clients(port))?;
        fs::write(folder.join("kdc.conf"), server(folder, port))?;
        kdc.run("kdb5_util", &["create", "-s", "-P", "not-a-secret"])?;
        for (principal, keytab) in [(SERVICE, "broker.keytab"), (PRINCIPAL, "job.keytab")] {
            let keytab = kdc.keytab(keytab).display().to_string();
            kdc.run("kadmin.local", &["addprinc", "-randkey", principal])?;
            kdc.run("kadmin.local", &["ktadd", "-k", &keytab, principal])?;
        }
        kdc.start_again()?;
        Ok(kdc)
    }

    /// Begin to serve, also after [`Kdc::stop`].
    pub fn start_again(&mut self) -> Result<()> {
        let child = self
            .command("krb5kdc")
            .arg("-n")
            .spawn()
            .context("cannot start krb5kdc: install krb5-kdc")?;
        // The folder is the broker's, whose own watcher removes it.
        let watcher = Watcher::of(child.id(), &self.folder.join("nothing"))?;
        self.running = Some((child, watcher));
        wait_until("the KDC gives tickets", Duration::from_secs(20), || {
            Ok(self.kinit(&self.folder.join("probe")).is_ok())
        })
    }

    /// End it at once.
    pub fn stop(&mut self) {
        if let Some((mut child, mut watcher)) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
            watcher.done();
        }
    }

    /// Where the keys of jobs are.
    pub fn job_keytab(&self) -> PathBuf {
        self.keytab("job.keytab")
    }

    /// Put a ticket of jobs' principal into this cache.
    pub fn kinit(&self, cache: &Path) -> Result<()> {
        let keytab = self.job_keytab().display().to_string();
        let cache = cache.display().to_string();
        self.run("kinit", &["-c", &cache, "-k", "-t", &keytab, PRINCIPAL])
    }

    /// Let a program find the KDC, and keep its tickets here.
    pub fn environment(&self, command: &mut Command, cache: &Path) {
        command
            .env("KRB5_CONFIG", config(&self.folder))
            .env("KRB5CCNAME", format!("FILE:{}", cache.display()));
    }

    /// `host:port` of the broker's listener.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.broker)
    }

    /// What a job's spec says to come in with the tickets in a cache.
    pub fn properties(&self) -> Vec<(String, String)> {
        [
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanism", "GSSAPI"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// What a job's spec says to come in with keys.
    pub fn keytab_properties(&self) -> Vec<(String, String)> {
        let keytab = self.job_keytab().display().to_string();
        let mut properties = self.properties();
        properties.extend(
            [
                ("sasl.kerberos.keytab", keytab.as_str()),
                ("sasl.kerberos.principal", PRINCIPAL),
                ("sasl.kerberos.min.time.before.relogin", "1000"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        properties
    }

    pub(crate) fn listener(&self) -> Listener {
        Listener {
            name: "TICKETS",
            protocol: "SASL_PLAINTEXT",
            port: self.broker,
            advertised: self.broker,
        }
    }

    /// Lines of `server.properties`.
    pub(crate) fn lines(&self) -> String {
        let mut lines = String::new();
        let _ = writeln!(
            lines,
            "listener.name.tickets.sasl.enabled.mechanisms=GSSAPI\n\
             listener.name.tickets.sasl.kerberos.service.name=kafka\n\
             listener.name.tickets.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required \
             useKeyTab=true storeKey=true isInitiator=false keyTab=\"{}\" principal=\"{SERVICE}\";",
            self.keytab("broker.keytab").display()
        );
        lines
    }

    fn keytab(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Debian keeps these where only administrators look.
    fn command(&self, name: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("env");
        command
            .arg(format!("PATH={path}:/usr/sbin:/sbin"))
            .arg(name)
            .env("KRB5_CONFIG", config(&self.folder))
            .env("KRB5_KDC_PROFILE", self.folder.join("kdc.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Result<()> {
        let mut command = self.command(name);
        let output = command
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()?;
        ensure!(
            output.status.success(),
            "{name}: {}{} (Debian: krb5-kdc, krb5-admin-server, krb5-user)",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

impl Drop for Kdc {
    fn drop(&mut self) {
        self.stop();
    }
}

fn clients(port: u16) -> String {
    format!(
        "[libdefaults]\ndefault_realm = {REALM}\ndns_lookup_kdc = false\ndns_lookup_realm = false\n\
         dns_canonicalize_hostname = false\nrdns = false\nudp_preference_limit = 1\n\
         [realms]\n{REALM} = {{\n  kdc = 127.0.0.1:{port}\n}}\n"
    )
}

fn server(folder: &Path, port: u16) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    format!(
        "[kdcdefaults]\nkdc_listen = 127.0.0.1:{port}\nkdc_tcp_listen = 127.0.0.1:{port}\n\
         [realms]\n{REALM} = {{\n  database_name = {}\n  key_stash_file = {}\n  acl_file = {}\n  max_life = 1h\n\
         \x20 master_key_type = aes256-cts\n  supported_enctypes = aes256-cts:normal\n}}\n\
         [logging]\nkdc = FILE:{}\n",
        file("principals"),
        file("stash"),
        file("acl"),
        file("kdc.log")
    )
}
