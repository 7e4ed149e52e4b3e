//! Brokers that want tickets of Kerberos, with a real KDC: from keys, from a cache, and when there are none.
//! `cargo xtask kerberos` builds the program that can do it and runs this.
#![cfg(feature = "kerberos")]

use anyhow::{Result, ensure};
use sluicebox_tests::broker::{Broker, Options as BrokerOptions};
use sluicebox_tests::job::{Job, Options};
use sluicebox_tests::truth::Truth;
use sluicebox_tests::workload::{self, Workload};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(120);
/// A person's patience.
const PATIENCE: Duration = Duration::from_secs(20);

type Properties = Vec<(String, String)>;

struct Realm {
    broker: Broker,
    bootstrap: String,
}

impl Realm {
    fn new() -> Result<Self> {
        let mut broker = Broker::start_with(&BrokerOptions {
            kerberos: true,
            heap_mib: 256,
            ..BrokerOptions::default()
        })?;
        let bootstrap = broker.kdc()?.bootstrap();
        Ok(Self { broker, bootstrap })
    }

    fn job(&self, properties: Properties) -> Result<Job> {
        let options = Options {
            bootstrap: Some(self.bootstrap.clone()),
            properties,
            ..Options::default()
        };
        Job::new(&self.broker.client(), &options)
    }

    /// Orders in, results out; `disturb` comes after the first half.
    fn runs(
        &mut self,
        properties: Properties,
        prepare: impl FnOnce(&mut Self, PathBuf) -> Result<()>,
        disturb: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let workload = Workload {
            seed: workload::seed(),
            per_partition: 2_000,
            ..Workload::default()
        };
        let job = self.job(properties)?;
        let cache = cache(&job);
        prepare(self, cache.clone())?;
        job.produce(&workload, 0, 1_000)?;
        let kdc = self.broker.kdc()?;
        let mut host = job.spawn("host", |command| kdc.environment(command, &cache))?;
        job.wait_for_end(&mut [&mut host], TIMEOUT)?;
        disturb(self)?;
        job.produce(&workload, 1_000, workload.length())?;
        job.wait_for_end(&mut [&mut host], TIMEOUT)?;
        job.check(&Truth::of(&workload))
    }

    /// `run` must refuse soon, with all of `words`.
    fn refuses(&mut self, properties: Properties, words: &[&str]) -> Result<()> {
        let job = self.job(properties)?;
        let (started, cache) = (Instant::now(), cache(&job));
        let kdc = self.broker.kdc()?;
        let mut host = job.spawn("host", |command| kdc.environment(command, &cache))?;
        let status = host.wait(TIMEOUT)?;
        let (took, log) = (started.elapsed(), host.log());
        eprintln!("after {took:?}: {log}");
        ensure!(!status.success(), "it went well:\n{log}");
        ensure!(took < PATIENCE, "it took {took:?}:\n{log}");
        for word in words {
            ensure!(log.contains(word), "{word:?} is not in the error:\n{log}");
        }
        Ok(())
    }
}

/// Where the job's tickets are.
fn cache(job: &Job) -> PathBuf {
    job.spec_path().with_file_name("tickets")
}

fn with(mut properties: Properties, key: &str, value: &str) -> Properties {
    properties.retain(|(name, _)| name != key);
    properties.push((key.to_owned(), value.to_owned()));
    properties
}

#[test]
fn jobs_with_tickets() -> Result<()> {
    let mut realm = Realm::new()?;
    let keys = realm.broker.kdc()?.keytab_properties();
    realm.runs(keys.clone(), |_, _| Ok(()), |_| Ok(()))?;
    // From a cache that somebody else keeps.
    let cached = realm.broker.kdc()?.properties();
    realm.runs(
        cached.clone(),
        |realm, cache| realm.broker.kdc()?.kinit(&cache),
        |_| Ok(()),
    )?;
    // A broker's restart makes everybody show theirs again. Without a KDC there are no new ones, and those that there are do,
    // though kinit has run (it does each second here) since anybody last connected.
    let absence = |realm: &mut Realm| {
        std::thread::sleep(Duration::from_secs(3));
        realm.broker.kdc()?.stop();
        realm.broker.kill();
        realm.broker.start_again()?;
        Ok(())
    };
    realm.runs(keys, |_, _| Ok(()), absence)
}

#[test]
fn what_is_wrong_is_said() -> Result<()> {
    let mut realm = Realm::new()?;
    let kdc = realm.broker.kdc()?;
    let (keys, cached) = (kdc.keytab_properties(), kdc.properties());
    let (keytab, principal) = ("sasl.kerberos.keytab", "sasl.kerberos.principal");
    realm.refuses(cached, &["sasl.kerberos.keytab", "kinit"])?;
    realm.refuses(
        with(keys.clone(), principal, "nobody@SLUICE.TEST"),
        &["nobody@SLUICE.TEST", principal],
    )?;
    realm.refuses(with(keys.clone(), keytab, "/nowhere/job.keytab"), &[keytab])?;
    let other = with(keys.clone(), "sasl.kerberos.service.name", "other");
    realm.refuses(other, &["sasl.kerberos.service.name"])?;
    realm.broker.kdc()?.stop();
    realm.refuses(keys, &["KDC", "krb5.conf"])?;
    Ok(())
}
