//! Brokers that want TLS and a password, and everything that can be wrong with those: each is told within seconds, with
//! what to check, and never with the secret itself.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sluicebox_tests::broker;
use sluicebox_tests::job::{Job, Options};
use sluicebox_tests::rights::{Operation, Resource, Right};
use sluicebox_tests::secure::{CERTIFIED_USER, PASSWORD, Secure, USER};
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, Workload};

const TIMEOUT: Duration = Duration::from_secs(60);
/// A person's patience.
const PATIENCE: Duration = Duration::from_secs(20);
pub const WRONG: &str = "wrong-8d2e-word";

pub type Properties = Vec<(String, String)>;

fn secure() -> Result<&'static Secure> {
    broker::shared_secure().secure()
}

/// The right properties with one that is other, or without it.
fn with(key: &str, value: Option<&str>) -> Result<Properties> {
    let mut properties = secure()?.properties();
    properties.retain(|(name, _)| name != key);
    properties.extend(value.map(|value| (key.to_owned(), value.to_owned())));
    Ok(properties)
}

pub fn job(bootstrap: String, properties: Properties) -> Result<Job> {
    let options = Options {
        bootstrap: Some(bootstrap),
        properties,
        ..Options::default()
    };
    Job::new(&broker::shared_secure().client(), &options)
}

/// The password comes from the environment, as it should, and the authority in the spec itself.
#[test]
fn a_job_over_tls_with_a_password() -> Result<()> {
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 2_000,
        ..Workload::default()
    };
    let authority = std::fs::read_to_string(secure()?.authority())?;
    let mut properties = with("sasl.password", Some("${SLUICEBOX_TEST_PASSWORD}"))?;
    properties.retain(|(key, _)| key != "ssl.ca.location");
    properties.push(("ssl.ca.pem".into(), authority));
    let job = job(secure()?.bootstrap(), properties)?;
    job.client().grant(USER, &everything(&job))?;
    job.produce(&workload, 0, workload.length())?;
    let mut host = job.spawn("host", |command| {
        command.env("SLUICEBOX_TEST_PASSWORD", PASSWORD);
    })?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    ensure!(!host.log().contains(PASSWORD), "the password is in the log");
    job.check(&Truth::of(&workload))
}

#[test]
fn a_job_with_a_certificate_of_its_own() -> Result<()> {
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 2_000,
        ..Workload::default()
    };
    let job = job(secure()?.mutual(), secure()?.mutual_properties())?;
    job.client().grant(CERTIFIED_USER, &everything(&job))?;
    job.produce(&workload, 0, workload.length())?;
    let mut host = job.start("host", None)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

/// Enough for this job; how little is enough is another test's matter.
pub fn everything(job: &Job) -> Vec<Right> {
    let right = |resource, name: &str, operation| Right {
        resource,
        name: name.to_owned(),
        prefixed: true,
        operation,
    };
    let own = format!("sluicebox.local.{}", job.name);
    let mut rights = Vec::new();
    for prefix in [&job.name, &own] {
        for operation in [
            Operation::Create,
            Operation::Read,
            Operation::Write,
            Operation::DescribeConfigs,
        ] {
            rights.push(right(Resource::Topic, prefix, operation));
        }
        rights.push(right(Resource::Group, prefix, Operation::Read));
    }
    rights.push(right(Resource::TransactionalId, &own, Operation::Write));
    rights
}

/// `run` must refuse soon, with an exit code that is no success, all of `words`, and no secret.
pub fn refused(bootstrap: String, properties: Properties, words: &[&str]) -> Result<()> {
    let job = job(bootstrap, properties)?;
    let started = Instant::now();
    let mut host = job.start("host", None)?;
    let status = host.wait(TIMEOUT)?;
    let (took, log) = (started.elapsed(), host.log());
    eprintln!("after {took:?}: {log}");
    ensure!(!status.success(), "it went well:\n{log}");
    ensure!(status.code().is_some(), "ended with {status}:\n{log}");
    ensure!(took < PATIENCE, "it took {took:?}:\n{log}");
    for word in words {
        ensure!(log.contains(word), "{word:?} is not in the error:\n{log}");
    }
    for secret in [PASSWORD, WRONG] {
        ensure!(!log.contains(secret), "a secret is in the error:\n{log}");
    }
    Ok(())
}

#[test]
fn a_wrong_password() -> Result<()> {
    refused(
        secure()?.bootstrap(),
        with("sasl.password", Some(WRONG))?,
        &["sasl.username", "sasl.password"],
    )
}

#[test]
fn no_password() -> Result<()> {
    refused(
        secure()?.bootstrap(),
        with("sasl.password", None)?,
        &["sasl.username", "sasl.password"],
    )
}

#[test]
fn a_mechanism_that_the_brokers_do_not_have() -> Result<()> {
    refused(
        secure()?.bootstrap(),
        with("sasl.mechanisms", Some("SCRAM-SHA-256"))?,
        &["SCRAM-SHA-512", "sasl.mechanism"],
    )
}

#[test]
fn an_unknown_authority() -> Result<()> {
    let stranger = secure()?.stranger().display().to_string();
    refused(
        secure()?.bootstrap(),
        with("ssl.ca.location", Some(&stranger))?,
        &["certificate", "ssl.ca.location"],
    )
}

#[test]
fn no_certificate_where_the_brokers_want_one() -> Result<()> {
    let mut properties = secure()?.mutual_properties();
    properties.retain(|(key, _)| key != "ssl.certificate.location" && key != "ssl.key.location");
    refused(
        secure()?.mutual(),
        properties,
        &["ssl.certificate.location", "ssl.key.location"],
    )
}

#[test]
fn an_authority_that_is_not_there() -> Result<()> {
    refused(
        secure()?.bootstrap(),
        with("ssl.ca.location", Some("/nowhere/ca.pem"))?,
        &["ssl.ca.location"],
    )
}

/// The certificate is for the address, not for this name of it.
#[test]
fn a_certificate_of_another_host() -> Result<()> {
    refused(
        format!("localhost:{}", secure()?.port()),
        secure()?.properties(),
        &["certificate", "localhost", "host name"],
    )
}

#[test]
fn plain_text_to_a_tls_port() -> Result<()> {
    refused(
        secure()?.bootstrap(),
        Vec::new(),
        &["security.protocol", "expects TLS"],
    )
}

#[test]
fn tls_to_a_plain_text_port() -> Result<()> {
    refused(
        broker::shared_secure().bootstrap(),
        secure()?.properties(),
        &["security.protocol", "does not speak TLS"],
    )
}

#[test]
fn nobody_at_the_address() -> Result<()> {
    refused(
        "127.0.0.1:1".to_owned(),
        secure()?.properties(),
        &["127.0.0.1:1", "bootstrap_servers", "Connection refused"],
    )
}

#[test]
fn an_address_with_no_name() -> Result<()> {
    refused(
        "no-such-host.invalid:9092".to_owned(),
        secure()?.properties(),
        &["no-such-host.invalid", "bootstrap_servers"],
    )
}

/// Mistakes elsewhere in the spec show no line of it that has a secret.
#[test]
fn a_mistake_beside_a_secret() -> Result<()> {
    for (key, value) in [
        ("sasl.passwort", WRONG),
        ("ssl.key.pem", WRONG),
        ("linger.ms", WRONG),
    ] {
        let mut properties = with("sasl.password", Some(PASSWORD))?;
        properties.push((key.to_owned(), value.to_owned()));
        refused(secure()?.bootstrap(), properties, &[key])?;
    }
    Ok(())
}
