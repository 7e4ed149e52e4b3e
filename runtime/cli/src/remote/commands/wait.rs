//! Whether what was deployed runs. A deployment is a wish that a host follows within moments; whoever deploys wants to know
//! whether it came to pass. The decision is pure, the loop around it asks until there is one.

use super::super::answers::{Job, Status};
use super::super::client::Client;
use super::super::error::Error;
use anyhow::Result;
use std::time::{Duration, Instant};

/// How often the host is asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long a halt may still be that of the version before.
const SETTLE: Duration = Duration::from_secs(3);

/// What became of it.
#[derive(Debug)]
pub enum Outcome {
    /// It runs, or would if it were wanted.
    Well(String),
    /// It halted.
    Halted(String),
    /// Neither, as far as is known.
    Unknown(String),
}

/// An outcome, and the last that was seen.
pub struct Waited {
    /// What became of it.
    pub outcome: Outcome,
    /// As the host has it.
    pub status: serde_json::Value,
}

/// Wait until there is an outcome, but no longer than `wait`.
pub fn until_running(client: &Client, path: &str, version: u32, wait: Duration) -> Result<Waited> {
    let start = Instant::now();
    let mut status = serde_json::Value::Null;
    loop {
        let since = start.elapsed();
        let why = match client.get(path) {
            Ok(answer) => {
                status = answer.value["status"].clone();
                let job: Job = answer.read()?;
                match decide(&job, version, since) {
                    Ok(outcome) => return Ok(Waited { outcome, status }),
                    Err(why) => why,
                }
            }
            Err(error) if error.is_passing() => waited_for(error),
            Err(error) => return Err(error.into()),
        };
        if since + ASK_EVERY > wait {
            let outcome = Outcome::Unknown(why);
            return Ok(Waited { outcome, status });
        }
        std::thread::sleep(ASK_EVERY);
    }
}

fn waited_for(error: Error) -> String {
    anyhow::Error::from(error).to_string()
}

/// The outcome, or why there is none yet.
fn decide(job: &Job, version: u32, since: Duration) -> Result<Outcome, String> {
    if job.version != version {
        let text = format!("version {} was deployed meanwhile", job.version);
        return Ok(Outcome::Well(text));
    }
    if job.desired != "running" {
        let text = format!(
            "the job is {}: version {version} runs once it is resumed",
            job.desired
        );
        return Ok(Outcome::Well(text));
    }
    let Some(status) = &job.status else {
        return Err("no host has begun with it".to_owned());
    };
    let ours = status.version == Some(version);
    match status.state.as_str() {
        "running" if ours => Ok(Outcome::Well(format!("version {version} runs"))),
        "idle" if ours => Ok(Outcome::Well("other hosts run it".to_owned())),
        // A module that can't be started halts the job before its version is known.
        "halted" if ours || since >= SETTLE => Ok(Outcome::Halted(message(status))),
        state => Err(match &status.message {
            Some(message) => {
                let what = message.lines().next().unwrap_or_default();
                format!("it is {state}: {what}")
            }
            None => format!("it is {state}"),
        }),
    }
}

fn message(status: &Status) -> String {
    let unknown = "the host does not say why; `sluicebox logs` may";
    status.message.clone().unwrap_or_else(|| unknown.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(desired: &str, state: &str, version: Option<u32>, seconds: u64) -> String {
        let job = Job {
            hosts: Vec::new(),
            job: "spend".to_owned(),
            desired: desired.to_owned(),
            version: 2,
            status: Some(Status {
                state: state.to_owned(),
                version,
                message: Some("why".to_owned()),
                shards: Vec::new(),
            }),
            versions: Vec::new(),
        };
        format!("{:?}", decide(&job, 2, Duration::from_secs(seconds)))
    }

    #[test]
    fn what_the_version_before_did_decides_nothing() {
        let seen = [
            seen("running", "running", Some(1), 0),
            seen("running", "running", Some(2), 0),
            seen("running", "starting", Some(1), 9),
            seen("running", "restarting", Some(2), 9),
            seen("running", "halted", Some(1), 0),
            seen("running", "halted", None, 0),
            seen("running", "halted", None, 9),
            seen("running", "halted", Some(2), 0),
            seen("running", "idle", Some(2), 0),
            seen("paused", "idle", None, 0),
        ];
        insta::assert_snapshot!(seen.join("\n"), @r#"
        Err("it is running: why")
        Ok(Well("version 2 runs"))
        Err("it is starting: why")
        Err("it is restarting: why")
        Err("it is halted: why")
        Err("it is halted: why")
        Ok(Halted("why"))
        Ok(Halted("why"))
        Ok(Well("other hosts run it"))
        Ok(Well("the job is paused: version 2 runs once it is resumed"))
        "#);
    }
}
