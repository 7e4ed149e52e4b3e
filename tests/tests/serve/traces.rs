//! Traces of requests, deployments and epochs, and that jobs don't depend on who receives them.

use super::*;
use anyhow::{Context, ensure};
use sluicebox_tests::receiver::{Receiver, Span};
use sluicebox_tests::truth::Truth;
use std::collections::BTreeMap;

/// An installation whose hosts send traces there, and a job's topics.
fn traced(receiver: &Receiver, options: &Options) -> Result<(Installation, Job)> {
    let (installation, job) = set_up(options)?;
    let endpoint = receiver.endpoint();
    let more = format!("telemetry: {{ otlp: {{ endpoint: '{endpoint}' }} }}");
    Ok((installation.with(more), job))
}

fn number(span: &Span, key: &str) -> Result<u64> {
    let text = span.attribute(key);
    let text = text.with_context(|| format!("{key} is missing in {span:?}"))?;
    Ok(text.parse()?)
}

/// Each record is in the span of exactly one epoch, each commit in its epoch.
#[test]
fn a_jobs_life_is_traced() -> Result<()> {
    let receiver = Receiver::start()?;
    let options = Options::default();
    let (installation, mut job) = traced(&receiver, &options)?;
    let workload = workload(3_000);
    job.produce(&workload, 0, workload.length())?;
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))?;
    // What was not sent yet is sent now.
    host.process.interrupt(TIMEOUT)?;
    let spans = receiver.spans();
    let named = |name: &str| -> Vec<&Span> {
        let of_job = |span: &&Span| span.attribute("sluicebox.job") == Some(job.name.clone());
        let named = spans.iter().filter(|span| span.name() == name);
        named.filter(of_job).collect()
    };
    let epochs: BTreeMap<&str, &Span> = named("epoch")
        .into_iter()
        .map(|span| (span.text("spanId"), span))
        .collect();
    let mut records = 0;
    for epoch in epochs.values() {
        records += number(epoch, "sluicebox.records")?;
        ensure!(number(epoch, "sluicebox.version")? == 1, "{epoch:?}");
        ensure!(
            epoch
                .attribute("sluicebox.operator.spend.busy_seconds")
                .is_some(),
            "{epoch:?}"
        );
    }
    let produced = workload.length() * workload.partitions as u64;
    ensure!(
        records == produced,
        "{records} records in epochs, of {produced}"
    );
    let commits: Vec<&Span> = spans.iter().filter(|s| s.name() == "commit").collect();
    ensure!(
        commits.len() == epochs.len(),
        "{} commits, {} epochs",
        commits.len(),
        epochs.len()
    );
    for commit in commits {
        let epoch = epochs.get(commit.text("parentSpanId"));
        let epoch = epoch.with_context(|| format!("no epoch has {commit:?}"))?;
        ensure!(
            commit.text("traceId") == epoch.text("traceId"),
            "{commit:?}"
        );
        let began = |span: &Span| span.text("startTimeUnixNano").parse::<u64>();
        ensure!(began(epoch)? <= began(commit)?, "{epoch:?} {commit:?}");
    }
    ensure!(
        named("load version").len() == 1,
        "{:?}",
        named("load version")
    );
    ensure!(!named("start shard").is_empty(), "no shard has started");
    let deployed = spans.iter().find(|span| {
        span.name() == "PUT /v1/tenants/{tenant}/jobs/{job}"
            && span.attribute("sluicebox.tenant").as_deref() == Some(TENANT)
    });
    ensure!(deployed.is_some(), "the deployment is missing in {spans:?}");
    Ok(())
}

/// What is sent is never taken: the job ends its input, the host stops, and it was told.
#[test]
fn a_receiver_that_hangs_holds_nothing_up() -> Result<()> {
    let receiver = Receiver::silent()?;
    let options = Options::default();
    let (installation, mut job) = traced(&receiver, &options)?;
    let workload = workload(1_000);
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    receiver.wait_for("a request", |spans| !spans.is_empty())?;
    job.produce(&workload, 0, workload.length())?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    job.check(&Truth::of(&workload))?;
    (host.process).wait_for_words("traces don't arrive", TIMEOUT)?;
    let metrics = host.api.text("/metrics")?;
    let none = "sluicebox_trace_spans_total{outcome=\"exported\"} 0\n";
    ensure!(metrics.contains(none), "{metrics}");
    let status = host.process.interrupt(TIMEOUT)?;
    ensure!(status.success(), "{status}:\n{}", host.process.log());
    Ok(())
}
