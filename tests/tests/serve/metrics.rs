//! What dashboards and alerts are made of.

use super::*;
use anyhow::{Context, ensure};
use std::collections::BTreeSet;
use std::path::Path;

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
