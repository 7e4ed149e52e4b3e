//! Brokers that want tokens (SASL OAUTHBEARER), and authorization servers that give, refuse or are away. The brokers end
//! a connection when its token ends, so a job that outlives many tokens has shown each new one in time.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sluicebox_tests::broker;
use sluicebox_tests::issuer::{Mood, TokenServer};
use sluicebox_tests::job::{Host, Job};
use sluicebox_tests::secure::{PASSWORD, Secure, USER};
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, Workload};

use crate::secure::{Properties, WRONG, everything, job, refused};

const TIMEOUT: Duration = Duration::from_secs(90);
const LONG: Duration = Duration::from_secs(3600);

fn secure() -> Result<&'static Secure> {
    broker::shared_secure().secure()
}

/// The right properties with one that is other.
fn with(issuer: &TokenServer, key: &str, value: &str) -> Result<Properties> {
    let mut properties = secure()?.token_properties(issuer);
    properties.retain(|(name, _)| name != key);
    properties.push((key.to_owned(), value.to_owned()));
    Ok(properties)
}

/// Orders that come in `steps` lots while `between` does something after each.
fn runs(
    life: Duration,
    steps: u64,
    between: impl Fn(&TokenServer, u64) -> Result<()>,
) -> Result<TokenServer> {
    let issuer = secure()?.issuer(life)?;
    let workload = Workload {
        seed: workload::seed(),
        per_partition: 400 * steps,
        ..Workload::default()
    };
    let job = job(secure()?.tokens(), secure()?.token_properties(&issuer))?;
    job.client().grant(USER, &everything(&job))?;
    let mut host = job.start("host", None)?;
    let started = Instant::now();
    for step in 0..steps {
        let end = match step + 1 == steps {
            // With the order that closes all windows.
            true => workload.length(),
            false => 400 * (step + 1),
        };
        job.produce(&workload, 400 * step, end)?;
        between(&issuer, step)?;
        keeps_up(&job, &mut host)?;
    }
    eprintln!("{} tokens in {:?}", issuer.given(), started.elapsed());
    ensure!(!host.log().contains(PASSWORD), "the secret is in the log");
    job.check(&Truth::of(&workload))?;
    Ok(issuer)
}

fn keeps_up(job: &Job, host: &mut Host) -> Result<()> {
    job.wait_for_end(&mut [host], TIMEOUT)
}

fn wait(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}

#[test]
fn a_job_that_outlives_its_tokens() -> Result<()> {
    let issuer = runs(Duration::from_secs(5), 4, |_, _| {
        wait(4);
        Ok(())
    })?;
    // One for all clients, each for 4 of its 5 seconds.
    let given = issuer.given();
    ensure!((3..=12).contains(&given), "{given} tokens were given");
    Ok(())
}

/// Longer than the last token is good for: brokers put the job out, and nothing is lost.
#[test]
fn an_endpoint_that_hangs_and_comes_back() -> Result<()> {
    runs(Duration::from_secs(5), 3, |issuer, step| {
        if step == 1 {
            issuer.set(Mood::Silent);
            wait(12);
            issuer.set(Mood::Good);
        }
        Ok(())
    })?;
    Ok(())
}

#[test]
fn an_endpoint_that_is_overloaded_for_a_while() -> Result<()> {
    runs(Duration::from_secs(5), 3, |issuer, step| {
        if step == 1 {
            issuer.set(Mood::Overloaded);
            wait(12);
            issuer.set(Mood::Good);
        }
        Ok(())
    })?;
    Ok(())
}

#[test]
fn a_wrong_secret() -> Result<()> {
    let issuer = secure()?.issuer(LONG)?;
    refused(
        secure()?.tokens(),
        with(&issuer, "sasl.oauthbearer.client.secret", WRONG)?,
        &[
            "401: invalid_client",
            "sasl.oauthbearer.client.id, .client.secret",
        ],
    )
}

#[test]
fn tokens_for_somebody_else() -> Result<()> {
    let issuer = secure()?.issuer(LONG)?;
    refused(
        secure()?.tokens(),
        with(&issuer, "sasl.oauthbearer.scope", "others")?,
        &["invalid_token", "sasl.oauthbearer.scope"],
    )
}

#[test]
fn an_endpoint_of_an_unknown_authority() -> Result<()> {
    let (issuer, stranger) = (secure()?.issuer(LONG)?, secure()?.stranger());
    refused(
        secure()?.tokens(),
        with(
            &issuer,
            "https.ca.location",
            &stranger.display().to_string(),
        )?,
        &["certificate", "https.ca.location"],
    )
}

#[test]
fn nobody_at_the_endpoint() -> Result<()> {
    let (issuer, nobody) = (secure()?.issuer(LONG)?, "https://127.0.0.1:1/token");
    refused(
        secure()?.tokens(),
        with(&issuer, "sasl.oauthbearer.token.endpoint.url", nobody)?,
        &["Connection refused", "sasl.oauthbearer.token.endpoint.url"],
    )
}

#[test]
fn tokens_for_a_listener_that_wants_passwords() -> Result<()> {
    let issuer = secure()?.issuer(LONG)?;
    refused(
        secure()?.bootstrap(),
        secure()?.token_properties(&issuer),
        &["SCRAM-SHA-512", "sasl.mechanism"],
    )
}

#[test]
fn a_secret_in_clear_text() -> Result<()> {
    let issuer = secure()?.issuer(LONG)?;
    refused(
        secure()?.tokens(),
        with(
            &issuer,
            "sasl.oauthbearer.token.endpoint.url",
            "http://login.example/token",
        )?,
        &["clear text", "https://"],
    )
}
