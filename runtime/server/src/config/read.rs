//! What a configuration may say.

use super::objects::object_store;
use super::peers::peers;
use super::telemetry::telemetry;
use super::{Config, ConfigPath, Connections, Objects, Peers, Tls};
use crate::limits::Limits;
use reqwest::Url;
use sluicebox_core::spec::document::{Cursor, Fields, connection};
use sluicebox_core::spec::name_problem;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

const KEYS: [&str; 12] = [
    "apiVersion",
    "installation",
    "listen",
    "insecure",
    "data_dir",
    "object_store",
    "kafka",
    "tls",
    "peers",
    "limits",
    "park_after",
    "telemetry",
];
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7070);
const INSTALLATION_DEFAULT: &str = "local";
const CONNECTIONS_MAX_RANGE: RangeInclusive<i64> = 1..=100_000;
const REQUESTS_RANGE: RangeInclusive<i64> = 1..=1_000_000;
const PARK_AFTER_MS_DEFAULT: u64 = 60_000;
const PARK_AFTER_MS_RANGE: RangeInclusive<i64> = 1_000..=86_400_000;
const TIMEOUT_MS_RANGE: RangeInclusive<i64> = 100..=600_000;

/// Read the whole configuration. `None`: problems were reported.
pub(super) fn config(root: &Cursor<'_>) -> Option<Config> {
    let fields = root.fields(&KEYS)?;
    let installation = fields.or("installation", INSTALLATION_DEFAULT.to_owned(), |c| {
        c.name()
    });
    let insecure = fields.or("insecure", false, |c| c.boolean());
    let tls = fields.or("tls", None, |c| tls(&c).map(Some));
    let secure = fields.get("tls").is_some() || insecure != Some(false);
    let allowed = insecure == Some(true);
    let default = Peers {
        insecure: allowed,
        ..Peers::default()
    };
    let peers = fields.or("peers", default, |c| peers(&c, allowed));
    let listen = fields.or("listen", LISTEN_DEFAULT, |c| listen(&c, secure));
    let data_dir = fields
        .require(
            "data_dir",
            "name a folder for this host's identity and state, such as `data_dir: ./data`",
        )
        .and_then(|c| path(&c));
    let object_store = fields.or("object_store", None, |c| object_store(&c).map(Some));
    let kafka = fields.or("kafka", Connections::default(), |c| connections(&c));
    let limits = fields.or("limits", Limits::default(), |c| limits(&c));
    let park_after_ms = fields.or("park_after", PARK_AFTER_MS_DEFAULT, |c| {
        let ms = c.duration_ms()?;
        match PARK_AFTER_MS_RANGE.contains(&ms) {
            true => Some(ms as u64),
            false => c.wrong("must be from 1s to 24h"),
        }
    });
    let traces = fields.or("telemetry", None, |c| telemetry(&c));
    let data_dir = data_dir?;
    Some(Config {
        installation: installation?,
        listen: listen?,
        object_store: object_store?.unwrap_or(Objects::Folder(data_dir.join("objects"))),
        data_dir,
        kafka: kafka?,
        tls: tls?,
        peers: peers?,
        limits: limits?,
        park_after_ms: park_after_ms?,
        traces: traces?,
    })
}

/// Tokens that cross a network in clear text belong to everyone on it.
fn listen(cursor: &Cursor<'_>, secure: bool) -> Option<SocketAddr> {
    let text = cursor.text()?;
    let Ok(address) = text.parse::<SocketAddr>() else {
        return cursor.wrong_help(
            format!("`{text}` is no address to listen on"),
            "write an IP address and a port, such as `127.0.0.1:7070`, `0.0.0.0:7070` or `'[::1]:7070'`",
        );
    };
    if !secure && !address.ip().is_loopback() {
        return cursor.wrong_help(
            format!("listening on {address} without TLS would let tokens cross the network in clear text"),
            "add `tls: { certificate: ..., key: ... }`; or, if something in front of this host does TLS, `insecure: true`",
        );
    }
    Some(address)
}

/// A URL of something that speaks HTTP, without user, query or fragment.
pub(super) fn bare_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let bare = url.username().is_empty() && url.password().is_none();
    let good = bare
        && matches!(url.scheme(), "http" | "https")
        && url.query().is_none()
        && url.fragment().is_none();
    good.then_some(url)
}

fn path(cursor: &Cursor<'_>) -> Option<ConfigPath> {
    cursor.text().map(ConfigPath::new)
}

fn connections(cursor: &Cursor<'_>) -> Option<Connections> {
    let mut all = BTreeMap::new();
    let mut good = true;
    for (name, inner) in cursor.entries()? {
        if let Some(help) = name_problem(name) {
            let message = format!("`{name}` is no valid name of a connection");
            let help = format!("write `kafka: {{ NAME: {{ bootstrap_servers: ... }} }}`; {help}");
            good = inner.wrong_help(message, help).unwrap_or(false);
            continue;
        }
        match connection(&inner) {
            Some(connection) => drop(all.insert(name.to_owned(), connection)),
            None => good = false,
        }
    }
    good.then_some(Connections(all))
}

fn tls(cursor: &Cursor<'_>) -> Option<Tls> {
    let fields = cursor.fields(&["certificate", "key", "client_ca"])?;
    let certificate = fields
        .require("certificate", "name the PEM file of the host's certificate")
        .and_then(|c| path(&c));
    let key = fields
        .require("key", "name the PEM file of the certificate's private key")
        .and_then(|c| path(&c));
    let client_ca = fields.or("client_ca", None, |c| path(&c).map(Some));
    Some(Tls {
        certificate: certificate?,
        key: key?,
        client_ca: client_ca?,
    })
}

fn limits(cursor: &Cursor<'_>) -> Option<Limits> {
    let fields = cursor.fields(&[
        "requests_per_second",
        "requests_burst",
        "connections_max",
        "head_timeout",
        "body_timeout",
        "handshake_timeout",
    ])?;
    let default = Limits::default();
    let per_second = number(
        &fields,
        "requests_per_second",
        default.requests_per_second,
        REQUESTS_RANGE,
    );
    // Whoever changes only the rate means both.
    let burst = per_second.unwrap_or_default().saturating_mul(2);
    let burst = number(&fields, "requests_burst", burst, REQUESTS_RANGE);
    let connections_max = default.connections_max as u32;
    let connections_max = number(
        &fields,
        "connections_max",
        connections_max,
        CONNECTIONS_MAX_RANGE,
    );
    let head = timeout_ms(&fields, "head_timeout", default.head_timeout_ms);
    let body = timeout_ms(&fields, "body_timeout", default.body_timeout_ms);
    let handshake = timeout_ms(&fields, "handshake_timeout", default.handshake_timeout_ms);
    Some(Limits {
        requests_per_second: per_second?,
        requests_burst: burst?,
        connections_max: connections_max? as usize,
        head_timeout_ms: head?,
        body_timeout_ms: body?,
        handshake_timeout_ms: handshake?,
    })
}

fn number(fields: &Fields<'_>, key: &str, default: u32, range: RangeInclusive<i64>) -> Option<u32> {
    // The ranges are far inside of 32 bits.
    fields.or(key, default, |c| c.integer(range).map(|n| n as u32))
}

fn timeout_ms(fields: &Fields<'_>, key: &str, default: u64) -> Option<u64> {
    fields.or(key, default, |c| {
        let ms = c.duration_ms()?;
        match TIMEOUT_MS_RANGE.contains(&ms) {
            true => Some(ms as u64),
            false => c.wrong("must be from 100ms to 10m"),
        }
    })
}
