//! Requests that the network delivers late: after their client has given up, aborted and gone on. librdkafka's
//! transactions have no defence of their own against this; the producer must be replaced before the next transaction.

use std::time::Duration;

use crate::proxied::{self, Proxied};
use anyhow::{Result, ensure};
use sluicebox_tests::broker;
use sluicebox_tests::proxy::{Api, Proxy};
use sluicebox_tests::truth::Truth;

const TIMEOUT: Duration = Duration::from_secs(240);

/// Runs a job through a proxy, disturbs the network in the middle, then finishes and compares.
fn survives(disturb: impl FnOnce(&Proxy) -> Result<()>) -> Result<()> {
    let Proxied {
        broker,
        workload,
        job,
        mut host,
    } = proxied::start(broker::Options::default(), 2_000, TIMEOUT)?;
    disturb(broker.proxy()?)?;
    // Something to commit, so that there are requests to disturb, and more after them.
    job.produce(&workload, 2_000, 4_000)?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.produce(&workload, 4_000, workload.length())?;
    job.wait_for_end(&mut [&mut host], TIMEOUT)?;
    job.check(&Truth::of(&workload))
}

fn held_back(api: Api, delay: Duration) -> Result<()> {
    let mut used = None;
    survives(|proxy| {
        proxy.hold(api, 1, delay);
        used = Some(proxy.clone());
        Ok(())
    })?;
    ensure!(
        used.is_some_and(|proxy| proxy.held() == 1),
        "no request was held back: this test tests nothing"
    );
    Ok(())
}

#[test]
fn the_end_of_a_transaction_comes_late() -> Result<()> {
    held_back(Api::EndTxn, Duration::from_secs(20))
}

#[test]
fn the_positions_of_a_transaction_come_late() -> Result<()> {
    held_back(Api::TxnOffsetCommit, Duration::from_secs(20))
}

#[test]
fn records_come_late() -> Result<()> {
    held_back(Api::Produce, Duration::from_secs(20))
}

#[test]
fn the_wire_is_cut_for_a_while() -> Result<()> {
    survives(|proxy| {
        proxy.cut();
        let healed = proxy.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(12));
            healed.mend();
        });
        Ok(())
    })
}
