//! What a configuration means, and what its author is told when it means nothing.

use super::*;

fn lookup(name: &str) -> Option<String> {
    (name == "PASSWORD").then(|| "hunter2".to_owned())
}

fn parse(text: &str) -> Config {
    match Config::parse(text, &lookup) {
        Ok(config) => config,
        Err(problems) => panic!("{problems}"),
    }
}

fn problems(text: &str) -> String {
    match Config::parse(text, &lookup) {
        Ok(config) => panic!("it is taken for good: {config:#?}"),
        Err(problems) => problems.to_string(),
    }
}

const FULL: &str = "
apiVersion: sluicebox/v1
installation: shop
listen: 0.0.0.0:443
data_dir: data
object_store: { path: ../objects }
kafka:
  main:
    bootstrap_servers: 'a:9092,b:9092'
    properties: { security.protocol: SASL_SSL, sasl.password: '${PASSWORD}' }
  audit: { bootstrap_servers: 'c:9092' }
tls: { certificate: tls/cert.pem, key: tls/key.pem, client_ca: /etc/clients.pem }
limits: { requests_per_second: 5, connections_max: 10, head_timeout: 1s, body_timeout: 2s, handshake_timeout: 3s }
park_after: 5m
telemetry: { otlp: { endpoint: 'https://traces.example.org/x', headers: { x-key: '${PASSWORD}' }, sample_percent: 5 } }
";

#[test]
fn a_configuration_means_this() {
    let mut config = parse(FULL);
    config.resolve_paths(Path::new("conf"));
    insta::assert_debug_snapshot!(config, @r#"
    Config {
        installation: "shop",
        listen: 0.0.0.0:443,
        data_dir: "data",
        object_store: Folder(
            "../objects",
        ),
        kafka: Connections(
            {
                "audit": Connection {
                    bootstrap_servers: "c:9092",
                    properties: {},
                },
                "main": Connection {
                    bootstrap_servers: "a:9092,b:9092",
                    properties: {
                        "sasl.password": "[redacted]",
                        "security.protocol": "SASL_SSL",
                    },
                },
            },
        ),
        tls: Some(
            Tls {
                certificate: "tls/cert.pem",
                key: "tls/key.pem",
                client_ca: Some(
                    "/etc/clients.pem",
                ),
            },
        ),
        peers: Peers {
            url: None,
            ca: None,
            insecure: false,
        },
        limits: Limits {
            requests_per_second: 5,
            requests_burst: 10,
            connections_max: 10,
            head_timeout_ms: 1000,
            body_timeout_ms: 2000,
            handshake_timeout_ms: 3000,
        },
        park_after_ms: 300000,
        traces: Some(
            Otlp {
                endpoint: "https://traces.example.org/x",
                headers: [
                    "x-key",
                ],
                sample_percent: 5,
            },
        ),
    }
    "#);
    let at = |path: &ConfigPath| path.at.display().to_string();
    assert_eq!(at(&config.data_dir), "conf/data");
    assert!(
        matches!(&config.object_store, Objects::Folder(folder) if at(folder) == "conf/../objects")
    );
    let tls = config.tls.expect("certificates");
    assert_eq!(at(&tls.certificate), "conf/tls/cert.pem");
    assert_eq!(
        tls.client_ca.map(|path| at(&path)),
        Some("/etc/clients.pem".to_owned())
    );
}

#[test]
fn a_short_one_has_these_defaults() {
    let config = parse("apiVersion: sluicebox/v1\ndata_dir: data\n");
    assert_eq!(config.installation, "local");
    assert_eq!(config.listen.to_string(), "127.0.0.1:7070");
    assert_eq!(
        config.object_store,
        Objects::Folder(config.data_dir.join("objects"))
    );
    assert_eq!(config.limits, Limits::default());
    assert_eq!((config.kafka, config.tls), (Connections::default(), None));
    assert_eq!(config.traces, None);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let text = "
apiVersion: sluicebox/v1
instalation: shop
listen: localhost:7070
insecure: yes
object_store: { url: ./objects }
kafka:
  Main: { bootstrap_servers: 'a:9092' }
  audit: { bootstrap_server: 'c:9092' }
  exec: { bootstrap_servers: 'c:9092', properties: { plugin.library.paths: x, transactional.id: y } }
tls: { certificate: cert.pem }
limits: { requests_per_second: 0, body_timeout: 30, head_timeout: 1h }
";
    insta::assert_snapshot!(problems(text), @"
    2:1: `data_dir` is missing; name a folder for this host's identity and state, such as `data_dir: ./data`
    3:1: unknown key `instalation`; did you mean `installation`?
    4:9: listen: `localhost:7070` is no address to listen on; write an IP address and a port, such as `127.0.0.1:7070`, `0.0.0.0:7070` or `'[::1]:7070'`
    5:11: insecure: expected `true` or `false`, found `yes`
    6:22: object_store.url: `./objects` is no URL; a folder stands in `object_store: { path: ... }`
    8:9: kafka.Main: `Main` is no valid name of a connection; write `kafka: { NAME: { bootstrap_servers: ... } }`; names have 1 to 40 characters out of `a`-`z`, `0`-`9` and `-`
    9:12: kafka.audit: unknown key `bootstrap_server`; did you mean `bootstrap_servers`?
    10:76: kafka.exec.properties.plugin.library.paths: `plugin.library.paths` runs commands or loads code, so no spec may set it; remove it
    10:97: kafka.exec.properties.transactional.id: `transactional.id` is set by sluicebox; its guarantees rest on it; remove it
    11:6: tls: `key` is missing; name the PEM file of the certificate's private key
    12:32: limits.requests_per_second: must be a whole number from 1 to 1000000
    12:49: limits.body_timeout: 30 has no unit; write a duration, such as `20s`
    12:67: limits.head_timeout: must be from 100ms to 10m
    ");
    insta::assert_snapshot!(problems("job: orders\n"), @r"
    1:1: `apiVersion` is missing; begin the file with `apiVersion: sluicebox/v1`
    1:1: unknown key `job`; known here: apiVersion, installation, listen, insecure, data_dir, object_store, kafka, tls, peers, limits, park_after, telemetry
    1:1: `data_dir` is missing; name a folder for this host's identity and state, such as `data_dir: ./data`
    ");
    insta::assert_snapshot!(problems("data"), @"1:1: this is no host configuration; begin with `apiVersion: sluicebox/v1`, then `data_dir` and `kafka`");
}

#[test]
fn a_network_sees_no_tokens() {
    let with = |more: &str| format!("apiVersion: sluicebox/v1\ndata_dir: data\n{more}\n");
    insta::assert_snapshot!(problems(&with("listen: 0.0.0.0:7070")), @"3:9: listen: listening on 0.0.0.0:7070 without TLS would let tokens cross the network in clear text; add `tls: { certificate: ..., key: ... }`; or, if something in front of this host does TLS, `insecure: true`");
    problems(&with("listen: 192.168.1.2:7070\ninsecure: false"));
    for more in [
        "listen: '[::1]:7070'",
        "listen: 127.0.0.2:0",
        "listen: 0.0.0.0:7070\ninsecure: true",
        "listen: 0.0.0.0:7070\ntls: { certificate: c, key: k }",
    ] {
        parse(&with(more));
    }
}

#[test]
fn traces_go_where_their_headers_are_safe() {
    let with = |otlp: &str| {
        format!("apiVersion: sluicebox/v1\ndata_dir: data\ntelemetry: {{ otlp: {{ {otlp} }} }}\n")
    };
    let refused = [
        "",
        "endpoint: 'collector:4318'",
        "endpoint: 'http://me:hunter2@collector:4318'",
        "endpoint: 'http://collector:4318', headers: { authorization: '${PASSWORD}' }",
        "endpoint: 'http://localhost.example.org', headers: { x-key: '${PASSWORD}' }",
        "endpoint: 'HTTP://collector:4318', headers: { x-key: '${PASSWORD}' }",
        "endpoint: 'https://collector', headers: { 'x key': y }",
        "endpoint: 'https://collector', sample_percent: 101",
        "endpoint: 'https://collector', protocol: grpc",
    ];
    let refused: Vec<String> = refused.iter().map(|otlp| problems(&with(otlp))).collect();
    insta::assert_snapshot!(refused.join("\n"), @r"
    3:20: telemetry.otlp: `endpoint` is missing; name a receiver of OTLP over HTTP, such as `endpoint: http://127.0.0.1:4318`
    3:32: telemetry.otlp.endpoint: is no URL that traces can be sent to; write `http://HOST:4318` or `https://HOST`, without user, query or `/v1/traces`; credentials stand in `headers`
    3:32: telemetry.otlp.endpoint: is no URL that traces can be sent to; write `http://HOST:4318` or `https://HOST`, without user, query or `/v1/traces`; credentials stand in `headers`
    3:20: telemetry.otlp: would send its headers over the network in clear text; name an endpoint with `https://`, or one on this machine
    3:20: telemetry.otlp: would send its headers over the network in clear text; name an endpoint with `https://`, or one on this machine
    3:20: telemetry.otlp: would send its headers over the network in clear text; name an endpoint with `https://`, or one on this machine
    3:73: telemetry.otlp.headers.x key: is no header of HTTP; write `headers: { authorization: '${NAME}' }`, its value on one line
    3:69: telemetry.otlp.sample_percent: must be a whole number from 0 to 100
    3:53: telemetry.otlp: unknown key `protocol`; known here: endpoint, headers, sample_percent
    ");
    for good in [
        "endpoint: 'http://collector:4318'",
        "endpoint: 'https://collector', headers: { authorization: '${PASSWORD}' }",
        "endpoint: 'http://localhost:4318', headers: { authorization: '${PASSWORD}' }",
        "endpoint: 'http://127.0.0.1', headers: { authorization: x }",
        "endpoint: 'http://[::1]:4318/otlp', headers: { authorization: x }",
    ] {
        let traces = parse(&with(good)).traces.expect("a receiver");
        assert_eq!(traces.sample_percent, 100, "{good}");
    }
}

#[test]
fn others_reach_a_host_where_tokens_are_safe() {
    let with =
        |peers: &str| format!("apiVersion: sluicebox/v1\ndata_dir: data\npeers: {{ {peers} }}\n");
    let refused = [
        "url: 'one:7070'",
        "url: 'https://one:7070/api'",
        "url: 'https://me:hunter2@one'",
        "url: 'http://one:7070'",
        "urls: []",
    ];
    let refused: Vec<String> = refused.iter().map(|peers| problems(&with(peers))).collect();
    insta::assert_snapshot!(refused.join("\n"), @r"
    3:15: peers.url: is no URL of a host; write `https://NAME:PORT`, without user, path or query, by which the other hosts reach this one
    3:15: peers.url: is no URL of a host; write `https://NAME:PORT`, without user, path or query, by which the other hosts reach this one
    3:15: peers.url: is no URL of a host; write `https://NAME:PORT`, without user, path or query, by which the other hosts reach this one
    3:15: peers.url: would let tokens cross the network in clear text; write `https://`; or, if something around the hosts keeps their network closed, `insecure: true`
    3:10: peers: unknown key `urls`; did you mean `url`?
    ");
    for (good, url) in [
        ("url: 'https://one:7070/', ca: ca.pem", "https://one:7070"),
        ("url: 'http://127.0.0.1:7070'", "http://127.0.0.1:7070"),
    ] {
        let mut config = parse(&with(good));
        config.resolve_paths(Path::new("/etc/sluicebox"));
        assert_eq!(config.peers.url.as_deref(), Some(url));
        assert!(
            config
                .peers
                .ca
                .is_none_or(|ca| ca.at == Path::new("/etc/sluicebox/ca.pem"))
        );
    }
    let closed = format!("{}insecure: true\n", with("url: 'http://one:7070'"));
    assert!(parse(&closed).peers.insecure);
}

#[test]
fn secrets_are_not_debugged() {
    assert!(!format!("{:#?}", parse(FULL)).contains("hunter2"));
    let wrong = FULL
        .replace("SASL_SSL", "[]")
        .replace("data_dir", "datadir");
    assert!(!problems(&wrong).contains("hunter2"));
}

/// What readers copy from the documentation works.
#[test]
fn the_documentation_shows_a_good_configuration() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/host.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let any = |_: &str| Some("value".to_owned());
    let blocks = page.split("```yaml\n").skip(1);
    let installations: Vec<_> = blocks
        .map(|block| {
            let shown = block.split("```").next().expect("its end");
            Config::parse(shown, &any)
                .unwrap_or_else(|problems| panic!("{problems}"))
                .installation
        })
        .collect();
    assert_eq!(installations, ["local", "local", "shop", "local"]);
}

fn deployed(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    std::fs::read_to_string(file.join(name)).expect(name)
}

/// What is deployed as it stands starts.
#[test]
fn the_deployment_files_have_good_configurations() {
    let any = |_: &str| Some("value".to_owned());
    let found = ["host.yaml", "compose.host.yaml", "kubernetes/host.yaml"].map(|name| {
        let config = Config::parse(&deployed(name), &any)
            .unwrap_or_else(|problems| panic!("{name}: {problems}"));
        let data_dir = config.data_dir.to_string();
        (config.listen.port(), data_dir, config.tls.is_some())
    });
    let expected = |tls| (7070, "/var/lib/sluicebox/data".to_owned(), tls);
    assert_eq!(found, [expected(true), expected(false), expected(true)]);
}

/// Whoever stops a host must give it the time that it takes.
#[test]
fn the_deployment_files_wait_for_an_orderly_stop() {
    use crate::limits::{JOBS_STOP_WAIT, SPANS_STOP_WAIT, STOP_WAIT};
    let needed = STOP_WAIT + JOBS_STOP_WAIT + SPANS_STOP_WAIT;
    for (name, key) in [
        ("sluicebox.service", "TimeoutStopSec="),
        ("compose.yaml", "stop_grace_period: "),
        (
            "kubernetes/stateful-set.yaml",
            "terminationGracePeriodSeconds: ",
        ),
    ] {
        let text = deployed(name);
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.trim().strip_prefix(key));
        let seconds = value.and_then(|value| value.trim_end_matches('s').parse::<u64>().ok());
        let seconds = seconds.unwrap_or_else(|| panic!("{name}: no {key}"));
        assert!(seconds > needed.as_secs() + 5, "{name}: {seconds}");
    }
}

mod which_connection {
    use super::*;
    use sluicebox_core::spec::JobSpec;

    fn of(kafka: &str, connections: &Connections) -> String {
        let spec = format!(
            "apiVersion: sluicebox/v1\njob: j\nsource: {{ kafka: {{ topic: a, start: latest }} }}\nsink: {{ kafka: {{ topic: b }} }}\n{kafka}\n"
        );
        let spec = match JobSpec::parse(&spec, &|_| None) {
            Ok(spec) => spec,
            Err(problems) => panic!("{problems}"),
        };
        match connections.of(&spec) {
            Ok((name, _)) => name.to_owned(),
            Err(no) => format!("{}; {}", no.message, no.help),
        }
    }

    #[test]
    fn by_name_by_address_or_the_only_one() {
        let two = parse(FULL).kafka;
        assert_eq!(of("kafka: main", &two), "main");
        assert_eq!(of("kafka: { bootstrap_servers: 'c:9092' }", &two), "audit");
        insta::assert_snapshot!(of("", &two), @"the spec does not say which Kafka it means; write `kafka: NAME`; the host's connections: `audit`, `main`");
        insta::assert_snapshot!(of("kafka: mian", &two), @"this host has no connection `mian`; write `kafka: NAME`; the host's connections: `audit`, `main`");
        insta::assert_snapshot!(of("kafka: { bootstrap_servers: 'x:1' }", &two), @"no connection of this host has these `bootstrap_servers`; write `kafka: NAME`; the host's connections: `audit`, `main`");
        let secrets = "kafka: { bootstrap_servers: 'c:9092', properties: { sasl.password: x } }";
        insta::assert_snapshot!(of(secrets, &two), @"credentials and properties of Kafka belong to the host, not to a job's spec; write `kafka: NAME`; the host's connections: `audit`, `main`");
        insta::assert_snapshot!(of("", &Connections::default()), @"the spec does not say which Kafka it means; the host's operator adds one: `kafka: { NAME: { bootstrap_servers: ... } }` in host.yaml");
        let mut one = two.clone();
        one.0.remove("audit");
        assert_eq!(of("", &one), "main");
        let mut default = two;
        let audit = default.0["audit"].clone();
        default.0.insert("default".to_owned(), audit);
        assert_eq!(of("", &default), "default");
    }
}
