//! `sluicebox jobs`: the jobs of a host, what is wanted of them and how they are.

use super::super::HostArgs;
use super::super::answers::{Job, JobVersion, Shard};
use super::super::client::Client;
use super::super::text::{columns, harmless, short, time};
use crate::output::{Format, print};
use anyhow::Result;
use std::fmt::Write;

const EXAMPLES: &str = "\
Examples:
  sluicebox jobs list
  sluicebox jobs show spend
  sluicebox jobs pause spend          # and `resume`: it goes on where it was
  sluicebox jobs stop spend && sluicebox jobs delete spend
  sluicebox jobs versions spend --output json";

/// Part of a shard's records from which on a key is worth a line.
const HOT_PERCENT: u32 = 10;

/// Arguments of `jobs`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    host: HostArgs,
    /// How to print it
    #[arg(long, global = true, value_enum, default_value_t)]
    output: Format,
}

/// What to do.
#[derive(clap::Subcommand)]
enum What {
    /// List the jobs
    List,
    /// Show how a job is
    Show(Which),
    /// Let a job stand for a while
    Pause(Which),
    /// Let a job run again; also one that has halted, once its cause is gone
    Resume(Which),
    /// Stop a job; then it can be deleted
    Stop(Which),
    /// Delete a stopped job, with its state and its committed positions
    Delete(Which),
    /// List the versions of a job
    Versions(Which),
}

#[derive(clap::Args)]
struct Which {
    /// The job's name
    #[arg(value_name = "JOB")]
    job: String,
}

/// Do it.
pub fn run(args: Args) -> Result<()> {
    let client = args.host.connect()?;
    let output = args.output;
    match args.what {
        What::List => {
            let answer = client.get(&client.of_tenant("/jobs")?)?;
            answer.print(output, |jobs: Vec<Job>| listed(&jobs))
        }
        What::Show(Which { job }) => {
            let answer = client.get(&client.of_job(&job, "")?)?;
            answer.print(output, |job| shown(&job))
        }
        What::Versions(Which { job }) => {
            let answer = client.get(&client.of_job(&job, "")?)?;
            match output {
                Format::Json => crate::output::print_json(&answer.value["versions"]),
                Format::Text => print(&versions(&answer.read()?)),
            }
        }
        What::Pause(which) => want(&client, &which, "pause", output),
        What::Resume(which) => want(&client, &which, "resume", output),
        What::Stop(which) => want(&client, &which, "stop", output),
        What::Delete(Which { job }) => {
            client.delete(&client.of_job(&job, "")?)?;
            print(&format!("deleted job {job}\n"))
        }
    }
}

fn want(client: &Client, Which { job }: &Which, what: &str, output: Format) -> Result<()> {
    let answer = client.post(&client.of_job(job, &format!("/{what}"))?)?;
    answer.print(output, |job: Job| {
        harmless(&format!("job {}: wanted {}\n", job.job, job.desired))
    })
}

/// How a job is, in a word.
fn state(job: &Job) -> String {
    match &job.status {
        Some(status) => status.state.clone(),
        None => "on no host".to_owned(),
    }
}

fn listed(jobs: &[Job]) -> String {
    if jobs.is_empty() {
        return "no jobs yet: `sluicebox deploy JOB.yaml`\n".to_owned();
    }
    let row = |job: &Job| {
        let current = job.versions.iter().find(|v| v.version == job.version);
        let message = job
            .status
            .as_ref()
            .and_then(|status| status.message.as_deref());
        vec![
            job.job.clone(),
            job.version.to_string(),
            job.desired.clone(),
            state(job),
            current.map_or(String::new(), |v| time(v.deployed_ms)),
            message
                .unwrap_or_default()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        ]
    };
    let rows: Vec<_> = jobs.iter().map(row).collect();
    columns(&["job", "version", "wanted", "is", "deployed", ""], &rows)
}

fn shown(job: &Job) -> String {
    let mut out = String::new();
    // A String takes any write.
    let _ = writeln!(out, "job      {}", job.job);
    let _ = writeln!(out, "wanted   {}, version {}", job.desired, job.version);
    let running = job.status.as_ref().and_then(|status| status.version);
    let running = running.map_or(String::new(), |version| format!(", version {version}"));
    let _ = writeln!(out, "is       {}{running}", state(job));
    let status = job.status.clone().unwrap_or_default();
    if let Some(message) = &status.message {
        let _ = writeln!(out, "because  {}", message.replace('\n', "\n         "));
    }
    if let Some(current) = job.versions.iter().find(|v| v.version == job.version) {
        for (module, digest) in &current.modules {
            let _ = writeln!(out, "module   {module} sha256:{digest}");
        }
        let _ = writeln!(
            out,
            "deployed {} by {}",
            time(current.deployed_ms),
            current.deployed_by
        );
    }
    for host in &job.hosts {
        if let Some(why) = &host.unreached {
            let name = host.url.as_deref().unwrap_or(&host.host);
            let _ = writeln!(out, "missing  host {name}: {why}");
        }
    }
    // A key may say anything.
    let line = |text: &str| harmless(text).replace('\n', " ");
    for shard in &status.shards {
        for hot in shard
            .hot_keys
            .iter()
            .filter(|hot| hot.percent >= HOT_PERCENT)
        {
            let (percent, key, shard) = (hot.percent, line(&hot.key), shard.shard);
            let _ = writeln!(
                out,
                "hot key  {key}: {percent} % of the records of shard {shard}"
            );
        }
    }
    let mut out = harmless(&out);
    if !status.shards.is_empty() {
        out.push('\n');
        let rows: Vec<_> = status.shards.iter().map(shard).collect();
        let heads = ["shard", "is", "host", "epoch", "watermark", ""];
        out.push_str(&columns(&heads, &rows));
    }
    out
}

fn shard(shard: &Shard) -> Vec<String> {
    // The slowest partition holds the others' windows open.
    let watermark = shard.watermarks.values().min().copied();
    vec![
        shard.shard.to_string(),
        shard.state.clone(),
        short(shard.host.as_deref().unwrap_or_default()).to_owned(),
        shard.epoch.to_string(),
        watermark.map_or("none".to_owned(), time),
        shard.message.clone().unwrap_or_default(),
    ]
}

fn versions(job: &Job) -> String {
    let row = |version: &JobVersion| {
        let modules = version.modules.iter();
        let modules: Vec<_> = modules
            .map(|(module, digest)| format!("{module} {}", short(digest)))
            .collect();
        vec![
            version.version.to_string(),
            match version.version == job.version {
                true => "current".to_owned(),
                false => String::new(),
            },
            time(version.deployed_ms),
            version.deployed_by.clone(),
            version
                .rollback_of
                .map_or(String::new(), |of| format!("repeats {of}")),
            modules.join(", "),
        ]
    };
    let rows: Vec<_> = job.versions.iter().map(row).collect();
    columns(&["version", "", "deployed", "by", "", "modules"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(status: &str) -> Job {
        let json = format!(
            r#"{{"job": "spend", "uid": 7, "desired": "running", "version": 2, "status": {status},
            "hosts": [{{"host": "0123456789abcdef0123456789abcdef", "url": null}}, {{"host": "fedcba9876543210fedcba9876543210", "url": "https://two:7070", "unreached": "Connection refused"}}], "versions": [
            {{"version": 2, "deployed_ms": 1767225600000, "deployed_by": "abcdefghij", "plan_hash": "x", "modules": {{"shop/valid@3": "{digest}"}}}},
            {{"version": 1, "deployed_ms": 1767225000000, "deployed_by": "host", "rollback_of": 9, "plan_hash": "x", "modules": {{}}}}]}}"#,
            digest = "0123456789abcdef".repeat(4)
        );
        serde_json::from_str(&json).expect("a job")
    }

    #[test]
    fn jobs_are_listed_and_shown() {
        let running = job(r#"{"state": "running", "version": 2, "shards": [
            {"shard": 0, "state": "running", "host": "0123456789abcdef0123456789abcdef", "epoch": 41, "positions": {"0": 10}, "watermarks": {"0": 1767225600000, "1": 1767225500000}, "ledger": {},
             "hot_keys": [{"key": "ann\n\u001b[31m", "percent": 43}, {"key": "bob", "percent": 2}]},
            {"shard": 1, "state": "restarting", "message": "the broker is away", "epoch": 0, "positions": {}, "watermarks": {}, "ledger": {}}]}"#);
        let halted = job(
            r#"{"state": "halted", "version": 1, "message": "the record at offset 7 failed\nSkip it.", "shards": []}"#,
        );
        let elsewhere = job("null");
        insta::assert_snapshot!(shown(&running), @r"
        job      spend
        wanted   running, version 2
        is       running, version 2
        module   shop/valid@3 sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        deployed 2026-01-01T00:00:00Z by abcdefghij
        missing  host https://two:7070: Connection refused
        hot key  ann ?[31m: 43 % of the records of shard 0

        shard  is          host          epoch  watermark
        0      running     0123456789ab  41     2025-12-31T23:58:20Z
        1      restarting                0      none                  the broker is away
        ");
        insta::assert_snapshot!(shown(&halted), @r"
        job      spend
        wanted   running, version 2
        is       halted, version 1
        because  the record at offset 7 failed
                 Skip it.
        module   shop/valid@3 sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        deployed 2026-01-01T00:00:00Z by abcdefghij
        missing  host https://two:7070: Connection refused
        ");
        insta::assert_snapshot!(shown(&elsewhere), @r"
        job      spend
        wanted   running, version 2
        is       on no host
        module   shop/valid@3 sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        deployed 2026-01-01T00:00:00Z by abcdefghij
        missing  host https://two:7070: Connection refused
        ");
        insta::assert_snapshot!(versions(&running), @r"
        version           deployed              by                     modules
        2        current  2026-01-01T00:00:00Z  abcdefghij             shop/valid@3 0123456789ab
        1                 2025-12-31T23:50:00Z  host        repeats 9
        ");
        insta::assert_snapshot!(listed(&[running, halted, elsewhere]), @r"
        job    version  wanted   is          deployed
        spend  2        running  running     2026-01-01T00:00:00Z
        spend  2        running  halted      2026-01-01T00:00:00Z  the record at offset 7 failed
        spend  2        running  on no host  2026-01-01T00:00:00Z
        ");
    }
}
