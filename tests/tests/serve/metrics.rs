//! What dashboards and alerts are made of.

use super::*;
use anyhow::{Context, ensure};
use sluicebox_tests::cluster::Cluster;
use sluicebox_tests::records::Rec;
use sluicebox_tests::workload::START_MS;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

/// Names of our metrics in a text; of histograms, without what their samples add.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c| !word(c));
    let ours = words.filter(|name| name.starts_with("sluicebox_"));
    let base = |name: &str| {
        let ends = ["_bucket", "_sum", "_count"].into_iter();
        let base = ends.filter_map(|end| name.strip_suffix(end)).next();
        base.unwrap_or(name).to_owned()
    };
    ours.map(base).collect()
}

fn deployed(file: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy")
        .join(file);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// Every metric that the dashboard, the alerts and the documentation name is exported by a host that runs a job, and the
/// documentation has every one that is exported.
#[test]
fn what_dashboards_and_alerts_ask_for_is_exported() -> Result<()> {
    let options = Options::default();
    let (installation, mut job) = set_up(&options)?;
    let workload = workload(500);
    job.produce(&workload, 0, workload.length())?;
    let mut host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    job.wait_for_end(&mut [&mut host.process], TIMEOUT)?;
    (host.api).wait_for_job(TENANT, &job.name, "has committed", |job| {
        job["status"]["shards"][0]["epochs"].as_u64() > Some(0)
    })?;
    let text = host.api.text("/metrics")?;
    let exported: BTreeSet<String> = (text.lines())
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .map(str::to_owned)
        .collect();
    for file in ["grafana/sluicebox.json", "prometheus/alerts.yaml"] {
        let named = names(&deployed(file)?);
        ensure!(named.len() > 5, "{file}: {named:?}");
        let missing: Vec<_> = named.difference(&exported).collect();
        ensure!(missing.is_empty(), "{file}: nobody exports {missing:?}");
    }
    let documentation = deployed("../docs/host.md")?;
    let undocumented: Vec<_> = exported
        .iter()
        .filter(|name| {
            let short = name.strip_prefix("sluicebox_tenant").unwrap_or(name);
            !documentation.contains(&format!("`{name}`"))
                && !documentation.contains(&format!("`{short}`"))
        })
        .collect();
    ensure!(
        undocumented.is_empty(),
        "docs/host.md lacks {undocumented:?}"
    );
    Ok(())
}

/// A sample of a metric whose labels contain `label`.
fn sample(api: &Api, name: &str, label: &str) -> Result<Option<f64>> {
    let text = api.text("/metrics")?;
    let start = format!("{name}{{");
    let line = (text.lines()).find(|line| line.starts_with(&start) && line.contains(label));
    let value = line.and_then(|line| line.rsplit(' ').next());
    Ok(value.map(str::parse).transpose()?)
}

fn wait_for_sample(api: &Api, name: &str, label: &str, want: f64) -> Result<()> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let found = sample(api, name, label)?;
        if found == Some(want) {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{name} of {label} is {found:?}, and not {want}"
        );
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// One of three brokers goes away and comes back: the metric that the alert asks for says so.
#[test]
fn replicas_out_of_sync_are_told() -> Result<()> {
    const METRIC: &str = "sluicebox_topic_under_replicated_partitions";
    let mut cluster = Cluster::start_with(&broker::Options {
        heap_mib: 256,
        ..broker::Options::default()
    })?;
    let options = Options::default();
    let installation = Installation::new(&cluster.bootstrap())?;
    let mut job = Job::new(&cluster.client(), &options)?;
    let host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    let topic = format!("topic=\"{}\"", job.input);
    wait_for_sample(&host.api, METRIC, &topic, 0.0)?;
    let partitions = sample(&host.api, "sluicebox_topic_partitions", &topic)?;
    ensure!(partitions == Some(4.0), "{partitions:?}");
    cluster.brokers()[1].stop()?;
    wait_for_sample(&host.api, METRIC, &topic, 4.0)?;
    let changelog = ".changelog\"";
    let under = sample(&host.api, METRIC, changelog)?;
    ensure!(under > Some(0.0), "the changelog: {under:?}");
    cluster.brokers()[1].start_again()?;
    wait_for_sample(&host.api, METRIC, &topic, 0.0)
}

/// Six of ten records have one key.
#[test]
fn a_hot_key_is_told() -> Result<()> {
    let options = Options {
        partitions: 1,
        ..Options::default()
    };
    let (installation, mut job) = set_up(&options)?;
    let key = |i: i64| match i % 10 {
        0..6 => "everybody".to_owned(),
        _ => format!("user-{i}"),
    };
    let record = |i: i64| Rec::new(0, &key(i), "{}", START_MS + i);
    let records: Vec<Rec> = (0..20_000).map(record).collect();
    job.client().produce(&job.input, &records)?;
    let host = installation.start("one", None)?;
    deploy(&installation, &host.api, &mut job, &options)?;
    let told = |job: &Value| {
        let hottest = &job["status"]["shards"][0]["hot_keys"][0];
        let percent = hottest["percent"].as_u64().unwrap_or_default();
        hottest["key"] == "everybody" && (50..=70).contains(&percent)
    };
    (host.api).wait_for_job(TENANT, &job.name, "tells of its hot key", told)?;
    let ratio = sample(&host.api, "sluicebox_hot_key_ratio", &job.name)?;
    ensure!(ratio > Some(0.5), "{ratio:?}");
    Ok(())
}
