//! A data plane that only pretends, with controls: it can be told to refuse, to fail, to be slow.

use axum::body::Bytes;
use sluicebox_catalog::{Quotas, sha256_hex};
use sluicebox_host::Error;
use sluicebox_host::letters::{Letter, Listed, ListedLetter, Requeue, Requeued, Which};
use sluicebox_server::Logs;
use sluicebox_server::port::{
    Candidate, Checked, Fleet, InspectError, Inspected, Lag, RunState, ShardStatus, Status,
};
use sluicebox_wasm::Limits;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Every call may last this long before a test is wrong.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
pub struct FakeFleet {
    /// Answer checks with this.
    pub refuse: Mutex<Option<Error>>,
    /// Answer inspections with this.
    pub broken: Mutex<Option<Error>>,
    /// Hold checks and inspections back.
    pub stalled: AtomicBool,
    /// Checks and inspections that have begun.
    pub begun: AtomicUsize,
    /// What was checked: tenant, job, uid, connection, digests.
    pub checked: Mutex<Vec<String>>,
    pub unready: AtomicBool,
    pub panics: AtomicBool,
    pub running: Mutex<BTreeMap<String, Status>>,
    pub logs: Mutex<BTreeMap<String, Logs>>,
}

impl FakeFleet {
    pub fn stall(&self) {
        self.stalled.store(true, Ordering::SeqCst);
    }

    pub fn go_on(&self) {
        self.stalled.store(false, Ordering::SeqCst);
    }

    fn wait(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let mut waited = Duration::ZERO;
        while self.stalled.load(Ordering::SeqCst) {
            assert!(waited < PATIENCE, "stalled for ever");
            let pause = Duration::from_millis(2);
            std::thread::sleep(pause);
            waited += pause;
        }
    }

    /// The log of a job, from its beginning.
    pub fn log(&self, job: &str) -> Logs {
        let mut logs = self.logs.lock().expect("no panic");
        logs.entry(job.to_owned()).or_default().clone()
    }
}

/// A module that this fleet takes: its imports, and something to make it different from others.
pub fn module(imports: &[&str], salt: &str) -> Bytes {
    format!("fake {} {salt}", imports.join(",")).into()
}

impl Fleet for FakeFleet {
    fn inspect(&self, wasm: &[u8], quotas: &Quotas) -> Result<Inspected, InspectError> {
        assert!(!self.panics.load(Ordering::SeqCst), "as it was told");
        self.wait();
        if let Some(error) = self.broken.lock().expect("no panic").clone() {
            return Err(error.into());
        }
        let text = std::str::from_utf8(wasm).unwrap_or_default();
        let Some(text) = text.strip_prefix("fake ") else {
            let limits = Limits {
                module_bytes_max: quotas.module_bytes_max as usize,
                ..Limits::default()
            };
            // What is no fake is looked at as it would be by a real one.
            let error = sluicebox_wasm::inspect_within(wasm, &limits);
            return Err(error.expect_err("only fakes are good").into());
        };
        let imports = text.split(' ').next().unwrap_or_default().split(',');
        Ok(Inspected {
            digest: sha256_hex(wasm),
            exports: vec!["sluicebox:udf/filter@0.1.0".to_owned()],
            imports: imports
                .filter(|i| !i.is_empty())
                .map(str::to_owned)
                .collect(),
            size_bytes: wasm.len() as u64,
        })
    }

    fn check(&self, candidate: &Candidate<'_>) -> Result<Checked, Error> {
        self.wait();
        for module in candidate.modules {
            assert_eq!(sha256_hex(&module.bytes), module.digest);
        }
        let seen = format!("{candidate:?}");
        self.checked.lock().expect("no panic").push(seen);
        match self.refuse.lock().expect("no panic").clone() {
            Some(error) => Err(error),
            None => Ok(Checked {
                plan_hash: format!("{:016x}", candidate.spec.plan_hash()),
            }),
        }
    }

    fn status(&self, tenant: &str, job: &str) -> Option<Status> {
        let running = self.running.lock().expect("no panic");
        running.get(&format!("{tenant}/{job}")).cloned()
    }

    fn lag(&self, _: &str, job: &str) -> Result<Vec<Lag>, Error> {
        if let Some(error) = self.broken.lock().expect("no panic").clone() {
            return Err(error);
        }
        let lag = |partition, committed| Lag {
            topic: format!("{job}-in"),
            partition,
            start: 0,
            end: 100,
            committed,
            lag: 100 - committed.unwrap_or(0),
        };
        Ok(vec![lag(0, Some(90)), lag(1, None)])
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
        !self.unready.load(Ordering::SeqCst)
    }

    fn metrics(&self) -> String {
        "sluicebox_fake 1\n".to_owned()
    }
}

/// A job that runs, for answers.
pub fn running() -> Status {
    let account = sluicebox_core::ledger::Account {
        input: 3,
        forwarded: 3,
        ..Default::default()
    };
    Status {
        state: RunState::Running,
        version: Some(1),
        message: None,
        shards: vec![ShardStatus {
            state: RunState::Running,
            epoch: 7,
            positions: [(0, 90)].into(),
            watermarks: [(0, 1_000)].into(),
            ledger: [("valid".to_owned(), account)].into(),
            ..ShardStatus::unknown(0)
        }],
    }
}
