//! Dead letters, listed and requeued once what made them fail is corrected: every record comes out once, also when the host
//! dies in the middle.

use super::*;
use anyhow::ensure;
use serde_json::json;
use sluicebox_tests::process::wait_until;
use sluicebox_tests::records::Rec;
use sluicebox_tests::serving::Served;
use sluicebox_tests::workload::START_MS;

const RECORDS: i64 = 400;
/// Every so many records is one that the first version can't take.
const POISON_EVERY: i64 = 20;
pub(crate) const LETTERS: i64 = RECORDS / POISON_EVERY;

fn records() -> Vec<Rec> {
    let value = |i: i64| match i % POISON_EVERY {
        7 => format!("poison {i}"),
        _ => format!("value {i}"),
    };
    let record = |i: i64| Rec {
        headers: vec![("trace".to_owned(), Some(i.to_string().into_bytes()))],
        ..Rec::new((i % 4) as i32, &format!("key {i}"), &value(i), START_MS + i)
    };
    (0..RECORDS).map(record).collect()
}

/// A job whose module traps on some records, or a corrected one.
fn guarded(case: &Case, corrected: bool) -> String {
    let Case {
        job,
        options,
        before,
        ..
    } = case;
    let mode = if corrected { "pass" } else { "panic on poison" };
    let guard = format!(
        "operators:\n{before}  - id: guard\n    filter: {{ module: hostile@1, config: {mode} }}\n    on_error: dead_letter\n"
    );
    let text = spec::with_operators(job, options, "", &guard);
    let own = |line: &&str| !line.starts_with("kafka:") && !line.starts_with("group:");
    let lines: Vec<&str> = text.lines().filter(own).collect();
    format!("{}\nkafka: main\n", lines.join("\n"))
}

pub(crate) struct Case {
    installation: Installation,
    pub job: Job,
    options: Options,
    pub host: Served,
    /// Operators before the one that fails.
    before: &'static str,
}

impl Case {
    /// A job that has processed all records, of which some are dead letters.
    pub fn new() -> Result<Self> {
        Self::with("")
    }

    fn with(before: &'static str) -> Result<Self> {
        let options = Options::default();
        let (installation, job) = set_up(&options)?;
        let host = installation.start("one", None)?;
        let case = Self {
            installation,
            job,
            options,
            host,
            before,
        };
        case.host.api.push(TENANT, "hostile")?;
        case.job.client().produce(&case.job.input, &records())?;
        let spec = guarded(&case, false);
        case.host.api.deploy(TENANT, &case.job.name, &spec)?;
        case.wait_for(&case.job.output, RECORDS - LETTERS)?;
        case.wait_for(&case.job.dead, LETTERS)?;
        Ok(case)
    }

    fn wait_for(&self, topic: &str, records: i64) -> Result<()> {
        let deadline = std::time::Instant::now() + TIMEOUT;
        loop {
            let found = self.job.client().read_committed(topic)?.len();
            if found as i64 >= records {
                return Ok(());
            }
            ensure!(
                std::time::Instant::now() < deadline,
                "{topic}: {found} of {records}\n{}",
                self.host.process.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn correct(&self) -> Result<()> {
        let spec = guarded(self, true);
        self.host.api.deploy(TENANT, &self.job.name, &spec)?;
        let runs = |job: &Value| running_version(job) == 2;
        self.host
            .api
            .wait_for_job(TENANT, &self.job.name, "version 2 runs", runs)?;
        Ok(())
    }

    fn wait_until_idle(&self, what: &str) -> Result<()> {
        let idle = |job: &Value| state(job) == "idle";
        let waited = self
            .host
            .api
            .wait_for_job(TENANT, &self.job.name, what, idle);
        waited.map(drop)
    }

    fn path(&self, more: &str) -> String {
        format!("/v1/tenants/{TENANT}/jobs/{}{more}", self.job.name)
    }

    fn requeue(&self, wish: &Value) -> Result<Value> {
        let path = self.path("/dead-letters/requeue");
        self.host.api.ok("POST", &path, wish.to_string().as_bytes())
    }

    fn waiting(&self) -> Result<Value> {
        self.host
            .api
            .ok("GET", &self.path("/dead-letters?limit=2"), b"")
    }

    /// A deleted job leaves nothing, what requeueing needed included.
    fn delete(&self) -> Result<()> {
        self.host.api.ok("POST", &self.path("/stop"), b"")?;
        let client = self.job.client();
        let own = format!("sluicebox.{}.", self.installation.name());
        let left = || -> Result<Vec<String>> {
            let groups = client.groups()?.into_iter().map(|(name, _)| name);
            Ok(groups.filter(|name| name.starts_with(&own)).collect())
        };
        let groups = left()?;
        ensure!(
            groups.iter().any(|name| name.ends_with(".requeue")),
            "{groups:?}"
        );
        self.host.api.ok("DELETE", &self.path(""), b"")?;
        wait_until("the job's groups are gone", TIMEOUT, || {
            Ok(left()?.is_empty())
        })
    }

    /// Every record has come out, once, as it was.
    pub fn check(&self) -> Result<()> {
        self.wait_for(&self.job.output, RECORDS)?;
        // What came twice would come now.
        std::thread::sleep(Duration::from_secs(2));
        let without_offsets = |mut records: Vec<Rec>| {
            records.iter_mut().for_each(|record| record.offset = 0);
            // By key, partitions are the job's choice.
            records.iter_mut().for_each(|record| record.partition = 0);
            records.sort();
            records
        };
        let written = without_offsets(self.job.client().read_committed(&self.job.output)?);
        let want = without_offsets(records());
        ensure!(
            written == want,
            "{} records of {}",
            written.len(),
            want.len()
        );
        Ok(())
    }
}

#[test]
fn corrected_records_come_out_once() -> Result<()> {
    let case = Case::new()?;
    let waiting = case.waiting()?;
    ensure!(waiting["count"] == LETTERS, "{waiting:#}");
    let letter = &waiting["letters"][0];
    ensure!(letter["operator"] == "guard", "{letter:#}");
    let value = letter["value"]["text"].as_str().unwrap_or_default();
    ensure!(value.starts_with("poison "), "{letter:#}");

    case.correct()?;
    let dry = case.requeue(&json!({"dry_run": true}))?;
    ensure!(dry["requeued"] == json!({"guard": LETTERS}), "{dry:#}");
    ensure!(case.waiting()?["count"] == LETTERS, "a dry run did it");
    let done = case.requeue(&json!({}))?;
    ensure!(done["requeued"] == json!({"guard": LETTERS}), "{done:#}");
    ensure!(done["done"] == true, "{done:#}");
    case.check()?;
    ensure!(case.waiting()?["count"] == 0, "they still wait");
    let again = case.requeue(&json!({}))?;
    ensure!(again["requeued"] == json!({}), "{again:#}");
    case.check()?;
    let all = case
        .host
        .api
        .ok("GET", &case.path("/dead-letters?all=true"), b"")?;
    ensure!(all["count"] == LETTERS, "{all:#}");
    case.delete()
}

/// Behind a map a letter is not the record, and other rows of it may have come out: it takes a word, and the source is read.
#[test]
fn behind_a_map_the_records_of_the_source_are_requeued() -> Result<()> {
    let map = "  - id: same\n    map: { module: hostile@1, config: pass }\n";
    let case = Case::with(map)?;
    case.correct()?;
    let path = case.path("/dead-letters/requeue");
    let (status, refused) = case.host.api.call("POST", &path, b"{}")?;
    let detail = refused["detail"].as_str().unwrap_or_default();
    ensure!(status == 409 && detail.contains("`guard`"), "{refused:#}");
    let done = case.requeue(&json!({"repeats": true}))?;
    ensure!(done["requeued"] == json!({"guard": LETTERS}), "{done:#}");
    case.check()
}

/// What is not corrected fails again, and waits again; a requeue does not go round in circles.
#[test]
fn what_fails_again_waits_again() -> Result<()> {
    let case = Case::new()?;
    case.requeue(&json!({}))?;
    case.wait_for(&case.job.dead, 2 * LETTERS)?;
    ensure!(case.waiting()?["count"] == LETTERS, "{}", case.waiting()?);
    case.correct()?;
    case.requeue(&json!({}))?;
    case.check()
}

/// faults.md: killed between the records and the commit, and between the positions and the commit.
#[test]
fn a_host_that_dies_in_the_middle_has_requeued_nothing() -> Result<()> {
    let mut case = Case::new()?;
    case.correct()?;
    // Nothing else commits meanwhile.
    case.host.api.ok("POST", &case.path("/pause"), b"")?;
    case.wait_until_idle("is paused")?;
    for step in ["after-flush", "after-offsets"] {
        case.host.process.kill()?;
        case.host = case.installation.start("one", Some(step))?;
        (case.host.api)
            .wait_for_job(TENANT, &case.job.name, "known", |job| state(job) == "idle")?;
        let died = case.requeue(&json!({}));
        ensure!(died.is_err(), "{died:?}");
        let deadline = std::time::Instant::now() + TIMEOUT;
        while case.host.process.running()? {
            ensure!(
                std::time::Instant::now() < deadline,
                "{step} was not reached"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    case.host = case.installation.start("two", None)?;
    case.wait_until_idle("stands")?;
    // Only a requeue ends the open transaction at once; whoever looks is told to wait for its end.
    let (status, told) = case
        .host
        .api
        .call("GET", &case.path("/dead-letters"), b"")?;
    let help = told["help"].as_str().unwrap_or_default();
    ensure!(status == 503 && help.contains("in a minute"), "{told:#}");
    let done = case.requeue(&json!({}))?;
    ensure!(done["requeued"] == json!({"guard": LETTERS}), "{done:#}");
    case.host.api.ok("POST", &case.path("/resume"), b"")?;
    case.check()
}

/// Both ask at the same time, through two hosts: one is overtaken, and each record is written once.
#[test]
fn two_at_once_requeue_once() -> Result<()> {
    let case = Case::new()?;
    case.correct()?;
    let second = case.installation.start("two", None)?;
    let runs = |job: &Value| job["status"].is_object();
    (second.api).wait_for_job(TENANT, &case.job.name, "known", runs)?;
    let path = case.path("/dead-letters/requeue");
    std::thread::scope(|scope| {
        for api in [&case.host.api, &second.api] {
            let path = &path;
            // Whoever is overtaken is told so.
            scope.spawn(move || api.call("POST", path, b"{}"));
        }
    });
    case.requeue(&json!({}))?;
    case.check()
}
