//! A data plane that runs what it is told to have run.

use sluicebox_catalog::{Quotas, sha256_hex};
use sluicebox_host::letters::{Letter, Listed, ListedLetter, Requeue, Requeued, Which};
use sluicebox_host::{Error, Level};
use sluicebox_server::port::{
    Candidate, Checked, Fleet, InspectError, Inspected, Lag, RunState, ShardStatus, Status,
};
use sluicebox_server::{LogLine, Logs};
use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Default)]
pub struct FakeFleet {
    statuses: Mutex<BTreeMap<String, Status>>,
    logs: Mutex<BTreeMap<String, Logs>>,
}

impl FakeFleet {
    /// What is to be said of a job (`tenant/job`) from now on.
    pub fn set(&self, job: &str, status: Status) {
        let mut statuses = self.statuses.lock().expect("no panic");
        statuses.insert(job.to_owned(), status);
    }

    /// A line of a job's log.
    pub fn log(&self, job: &str, text: &str) {
        let mut logs = self.logs.lock().expect("no panic");
        logs.entry(job.to_owned()).or_default().push(LogLine {
            at_ms: 1_767_225_600_000,
            shard: None,
            operator: None,
            level: Level::Info,
            text: text.to_owned(),
        });
    }
}

/// A version that runs.
pub fn running(version: u32) -> Status {
    Status {
        state: RunState::Running,
        version: Some(version),
        message: None,
        shards: vec![ShardStatus {
            state: RunState::Running,
            epoch: 41,
            positions: BTreeMap::from([(0, 90)]),
            watermarks: BTreeMap::from([(0, 1_767_225_600_000)]),
            ..ShardStatus::unknown(0)
        }],
    }
}

/// A version that does not.
pub fn stands(version: u32, state: RunState) -> Status {
    Status {
        state,
        version: Some(version),
        message: Some("the record at offset 7 failed\nSkip it, or correct the module.".to_owned()),
        shards: Vec::new(),
    }
}

impl Fleet for FakeFleet {
    fn inspect(&self, wasm: &[u8], _: &Quotas) -> Result<Inspected, InspectError> {
        if !wasm.starts_with(b"fake ") {
            let error = sluicebox_wasm::inspect(wasm).expect_err("only fakes are good");
            return Err(error.into());
        }
        Ok(Inspected {
            digest: sha256_hex(wasm),
            exports: vec!["sluicebox:udf/filter@0.1.0".to_owned()],
            imports: Vec::new(),
            size_bytes: wasm.len() as u64,
        })
    }

    fn check(&self, candidate: &Candidate<'_>) -> Result<Checked, Error> {
        Ok(Checked {
            plan_hash: format!("{:016x}", candidate.spec.plan_hash()),
        })
    }

    fn status(&self, tenant: &str, job: &str) -> Option<Status> {
        let statuses = self.statuses.lock().expect("no panic");
        statuses.get(&format!("{tenant}/{job}")).cloned()
    }

    fn lag(&self, _: &str, _: &str) -> Result<Vec<Lag>, Error> {
        Ok(vec![Lag {
            topic: "orders".to_owned(),
            partition: 0,
            start: 0,
            end: 100,
            committed: Some(90),
            lag: 10,
        }])
    }

    fn letters(&self, _: &str, _: &str, which: &Which) -> Result<Listed, Error> {
        let letter = Letter {
            operator: "valid".to_owned(),
            error: "no user".to_owned(),
            source_partition: 3,
            source_offset: Some(41),
            window_end: None,
            whole: true,
            headers: None,
        };
        let listed = ListedLetter {
            partition: 0,
            offset: 12,
            timestamp: 1_767_225_600_000,
            key: None,
            value: Some((b"{}".to_vec(), 2)),
            letter,
        };
        Ok(Listed {
            letters: vec![listed; which.letters_max.min(2)],
            count: 2,
            more: false,
        })
    }

    fn requeue(&self, _: &str, _: &str, wish: &Requeue) -> Result<Requeued, Error> {
        // Two parts.
        let done = !wish.until.is_empty();
        Ok(Requeued {
            topic: "orders".to_owned(),
            requeued: [("valid".to_owned(), 7)].into(),
            until: [(0, 13)].into(),
            done,
            ..Requeued::default()
        })
    }

    fn logs(&self, tenant: &str, job: &str) -> Option<Logs> {
        let logs = self.logs.lock().expect("no panic");
        logs.get(&format!("{tenant}/{job}")).cloned()
    }

    fn ready(&self) -> bool {
        true
    }
}
