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
";

#[test]
fn a_configuration_means_this() {
    let mut config = parse(FULL);
    config.resolve_paths(Path::new("conf"));
    insta::assert_debug_snapshot!(config, @"");
    let at = |path: &ConfigPath| path.at.display().to_string();
    assert_eq!(at(&config.data_dir), "conf/data");
    assert_eq!(config.object_store.url(), "conf/../objects");
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
    insta::assert_snapshot!(problems(text), @"");
    insta::assert_snapshot!(problems("job: orders\n"), @"");
    insta::assert_snapshot!(problems("data"), @"");
}

#[test]
fn a_network_sees_no_tokens() {
    let with = |more: &str| format!("apiVersion: sluicebox/v1\ndata_dir: data\n{more}\n");
    insta::assert_snapshot!(problems(&with("listen: 0.0.0.0:7070")), @"");
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
fn secrets_are_not_debugged() {
    assert!(!format!("{:#?}", parse(FULL)).contains("hunter2"));
    let wrong = FULL
        .replace("SASL_SSL", "[]")
        .replace("data_dir", "datadir");
    assert!(!problems(&wrong).contains("hunter2"));
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
        insta::assert_snapshot!(of("", &two), @"");
        insta::assert_snapshot!(of("kafka: mian", &two), @"");
        insta::assert_snapshot!(of("kafka: { bootstrap_servers: 'x:1' }", &two), @"");
        let secrets = "kafka: { bootstrap_servers: 'c:9092', properties: { sasl.password: x } }";
        insta::assert_snapshot!(of(secrets, &two), @"");
        insta::assert_snapshot!(of("", &Connections::default()), @"");
        let mut one = two.clone();
        one.0.remove("audit");
        assert_eq!(of("", &one), "main");
        let mut default = two;
        let audit = default.0["audit"].clone();
        default.0.insert("default".to_owned(), audit);
        assert_eq!(of("", &default), "default");
    }
}
