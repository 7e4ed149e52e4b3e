//! SASL GSSAPI: tickets of Kerberos, from a keytab by `kinit`, or from a cache that somebody else keeps.
//!
//! librdkafka would start a shell with `kinit` in it for each client, every minute. Here it is one process for all clients of a
//! connection, without a shell; the tickets are in the process' cache, where GSSAPI looks for them.

use crate::ffi::login::{Credentials, Lack, Standing};
use crate::limits::{KINIT_STEP, KINIT_WAIT_MAX, TICKETS_EVERY_MS};
use crate::properties::{check_stray, mechanism};
use sluicebox_core::log::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const PREFIX: &str = "sasl.kerberos.";
const GSSAPI: &str = "GSSAPI";
/// How all messages about missing tickets begin.
pub const NO_TICKET: &str = "no ticket for SASL GSSAPI";

/// What to do about a lack of tickets.
pub fn advice(refused: bool) -> &'static str {
    match refused {
        true => "check sasl.kerberos.keytab and sasl.kerberos.principal",
        false => "check that the KDC runs and krb5.conf names it",
    }
}

/// Where tickets come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `None`: from a cache that somebody else keeps.
    keytab: Option<Keytab>,
    /// What brokers are called there.
    service: String,
    every: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Keytab {
    path: String,
    principal: String,
}

impl Settings {
    /// `None` if the connection shows no tickets.
    pub fn read(properties: &BTreeMap<String, String>) -> Result<Option<Settings>> {
        let get = |name: &str| properties.get(&format!("{PREFIX}{name}"));
        if !mechanism(properties).is_some_and(|name| name.eq_ignore_ascii_case(GSSAPI)) {
            return check_stray(properties, PREFIX, GSSAPI).map(|()| None);
        }
        if cfg!(not(feature = "kerberos")) {
            return Err(Error::halt(
                "Kafka property sasl.mechanism is GSSAPI, and this sluicebox was built without Kerberos: build it with \
                 `--features kerberos`, or use another mechanism",
            ));
        }
        Settings::parse(get).map(Some)
    }

    /// From a property's value by the end of its name.
    fn parse<'a>(get: impl Fn(&str) -> Option<&'a String>) -> Result<Settings> {
        let keytab = match (get("keytab"), get("principal")) {
            (None, None) => None,
            (Some(path), Some(principal)) => Some(Keytab {
                path: path.clone(),
                principal: principal.clone(),
            }),
            (Some(_), None) => {
                return wrong(
                    "principal",
                    "is missing: it says whose keys of the keytab are meant",
                );
            }
            (None, Some(_)) => {
                return wrong(
                    "principal",
                    "has no effect without sasl.kerberos.keytab: set that, or remove this and let somebody else run kinit",
                );
            }
        };
        let every = match get("min.time.before.relogin").map(|text| text.parse()) {
            None => TICKETS_EVERY_MS,
            Some(Ok(ms @ 1_000..=86_400_000)) => ms,
            Some(_) => {
                return wrong(
                    "min.time.before.relogin",
                    "is no number of milliseconds from 1000 to 86400000",
                );
            }
        };
        let service = get("service.name").map_or("kafka", String::as_str);
        Ok(Settings {
            keytab,
            service: service.to_owned(),
            every: Duration::from_millis(every),
        })
    }
}

fn wrong<T>(name: &str, why: &str) -> Result<T> {
    Err(Error::halt(format!("Kafka property {PREFIX}{name} {why}")))
}

/// Tickets that are fetched again and again while the connection is in use.
pub struct Tickets {
    last: Arc<LastRun>,
    machines: Machines,
    /// Nothing is sent: that it is dropped says all.
    _in_use: Sender<()>,
}

/// The machines that brokers are on, as far as is known.
type Machines = Arc<Mutex<Vec<String>>>;

/// What came of the last run of kinit.
#[derive(Debug)]
pub struct LastRun(Mutex<Standing>);

impl Credentials for LastRun {
    fn standing(&self) -> Standing {
        (self.0.lock())
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Tickets {
    /// Fetch the first, and begin to fetch further ones. `None` if somebody else does.
    pub fn start(settings: Settings) -> Result<Option<Tickets>> {
        let Some(keytab) = settings.keytab else {
            return Ok(None);
        };
        claim(&keytab.principal)?;
        kinit(&keytab)
            .map_err(|lack| Error::halt(format!("{}; {}", lack.text, advice(lack.refused))))?;
        let last = Arc::new(LastRun(Mutex::new(Standing::Good(Instant::now()))));
        let (in_use, ended) = channel();
        let machines = Machines::default();
        let (told, known) = (last.clone(), machines.clone());
        thread::Builder::new()
            .name("kafka-tickets".to_owned())
            .spawn(move || {
                while ended.recv_timeout(settings.every) == Err(RecvTimeoutError::Timeout) {
                    let standing = match kinit(&keytab) {
                        Ok(()) => {
                            tickets_of(&settings.service, &known);
                            // What a broker said of a good ticket is still true of the next.
                            told.good()
                        }
                        Err(lack) => Standing::Bad(lack),
                    };
                    *told.0.lock().unwrap_or_else(PoisonError::into_inner) = standing;
                }
            })
            .map_err(|error| {
                Error::new(Kind::Retriable, format!("can't start a thread: {error}"))
            })?;
        Ok(Some(Tickets {
            last,
            machines,
            _in_use: in_use,
        }))
    }

    /// These are the machines that brokers are on.
    pub fn reaches(&self, mut machines: Vec<String>) {
        machines.sort_unstable();
        machines.dedup();
        *self.machines.lock().unwrap_or_else(PoisonError::into_inner) = machines;
    }

    /// How they are.
    pub fn standing(&self) -> &Arc<LastRun> {
        &self.last
    }
}

impl LastRun {
    fn good(&self) -> Standing {
        match self.standing() {
            good @ Standing::Good(_) => good,
            Standing::Bad(_) => Standing::Good(Instant::now()),
        }
    }
}

/// A process has one cache, and GSSAPI takes what is in it: two principals would take each other's place.
fn claim(principal: &str) -> Result<()> {
    static OURS: Mutex<Option<String>> = Mutex::new(None);
    let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    match &*ours {
        Some(other) if other != principal => Err(Error::halt(format!(
            "Kafka property sasl.kerberos.principal is {principal}, and this process is {other} already: use one principal for \
             all connections"
        ))),
        _ => {
            *ours = Some(principal.to_owned());
            Ok(())
        }
    }
}

/// Fetch a ticket into the process' cache.
fn kinit(keytab: &Keytab) -> std::result::Result<(), Lack> {
    let lack = |refused: bool, why: &str| {
        Err(Lack {
            refused,
            text: format!("{NO_TICKET}: {why}"),
        })
    };
    let spawned = Command::new("kinit")
        .args(["-k", "-t", &keytab.path, "--", &keytab.principal])
        // Its words are looked at.
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let why =
                format!("can't start kinit ({error}); install Kerberos' tools (Debian: krb5-user)");
            return lack(true, &why);
        }
    };
    let words = match ended(&mut child) {
        Some(true) => return Ok(()),
        Some(false) => said(&mut child),
        None => return lack(false, "kinit did not end in time"),
    };
    let passes = ["Cannot contact any KDC", "Resource temporarily unavailable"];
    lack(!passes.iter().any(|cause| words.contains(cause)), &words)
}

/// Fetch the tickets that brokers are shown: kinit has emptied the cache, and a KDC that goes away now would else be missed by
/// the next connection, though the ticket for tickets is good for hours.
fn tickets_of(service: &str, machines: &Machines) {
    let machines = (machines.lock())
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    if machines.is_empty() {
        return;
    }
    let spawned = Command::new("kvno")
        .args(["-q", "-S", service, "--"])
        .args(machines)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    // Whatever comes of it: who connects asks for what is missing.
    if let Ok(mut child) = spawned {
        ended(&mut child);
    }
}

/// Whether it went well; `None` if it took too long and was ended.
fn ended(child: &mut Child) -> Option<bool> {
    let until = Instant::now() + KINIT_WAIT_MAX;
    while Instant::now() < until {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status.success());
        }
        thread::sleep(KINIT_STEP);
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// The first line of what it has to say. It has ended, and no pipe is that small.
fn said(child: &mut Child) -> String {
    let mut text = Vec::new();
    if let Some(stderr) = child.stderr.as_mut() {
        let _ = stderr.take(4096).read_to_end(&mut text);
    }
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().next().unwrap_or("kinit failed");
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn other_mechanisms_have_no_tickets() {
        let plain = properties(&[("sasl.mechanism", "PLAIN")]);
        assert_eq!(Settings::read(&plain), Ok(None));
        let stray = properties(&[("sasl.mechanism", "PLAIN"), ("sasl.kerberos.keytab", "k")]);
        let refused = Settings::read(&stray).expect_err("is refused");
        insta::assert_snapshot!(refused.message, @"Kafka property sasl.kerberos.keytab has no effect without `sasl.mechanism: GSSAPI`: set that, or remove this");
    }

    #[cfg(not(feature = "kerberos"))]
    #[test]
    fn a_build_without_kerberos_says_so() {
        let properties = properties(&[("sasl.mechanism", "GSSAPI")]);
        let refused = Settings::read(&properties).expect_err("is refused");
        insta::assert_snapshot!(refused.message, @"Kafka property sasl.mechanism is GSSAPI, and this sluicebox was built without Kerberos: build it with `--features kerberos`, or use another mechanism");
    }

    #[test]
    fn a_keytab_and_a_principal_or_neither() {
        let parse = |pairs: &[(&str, &str)]| {
            let properties = properties(pairs);
            Settings::parse(|name| properties.get(name))
        };
        let (keytab, principal) = (("keytab", "k"), ("principal", "p"));
        let every = ("min.time.before.relogin", "5000");
        let settings = parse(&[keytab, principal, every]).expect("is good");
        assert_eq!(settings.every, Duration::from_secs(5));
        assert!(settings.keytab.is_some());
        let others = parse(&[]).expect("is good");
        assert_eq!(others.keytab, None);
        let refusal = |pairs: &[(&str, &str)]| parse(pairs).expect_err("is refused").message;
        insta::assert_snapshot!(refusal(&[keytab]), @"Kafka property sasl.kerberos.principal is missing: it says whose keys of the keytab are meant");
        insta::assert_snapshot!(refusal(&[principal]), @"Kafka property sasl.kerberos.principal has no effect without sasl.kerberos.keytab: set that, or remove this and let somebody else run kinit");
        insta::assert_snapshot!(refusal(&[("min.time.before.relogin", "0")]), @"Kafka property sasl.kerberos.min.time.before.relogin is no number of milliseconds from 1000 to 86400000");
    }

    #[test]
    fn a_process_has_one_principal() {
        assert_eq!(claim("one@REALM"), Ok(()));
        assert_eq!(claim("one@REALM"), Ok(()));
        let refused = claim("two@REALM").expect_err("is refused");
        insta::assert_snapshot!(refused.message, @"Kafka property sasl.kerberos.principal is two@REALM, and this process is one@REALM already: use one principal for all connections");
    }
}
