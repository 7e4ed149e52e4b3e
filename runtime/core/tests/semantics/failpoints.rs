//! The process ends at each named step: whatever was half done is as if it had never begun, or done.

use crate::job::{Job, window};
use crate::rig::{Rig, run_to_end};
use sluicebox_core::failpoint::{self, STEPS};
use sluicebox_core::shard::Turn;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

/// What a dying process throws; anything else is a real panic.
struct Died;

thread_local! {
    /// The step where this thread's process ends, and how often it passes there before.
    static PLAN: RefCell<(String, usize)> = const { RefCell::new((String::new(), 0)) };
}

/// The n-th time that this thread comes past `step` from now, its process ends; 0 is never.
pub fn dies_at(step: &str, nth: usize) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| failpoint::install(reached));
    PLAN.with_borrow_mut(|plan| *plan = (step.to_owned(), nth));
}

fn reached(step: &str) {
    let dies = PLAN.with_borrow_mut(|(at, nth)| {
        if at != step || *nth == 0 {
            return false;
        }
        *nth -= 1;
        *nth == 0
    });
    if dies {
        // Not `panic!`: the panic hook would print it.
        resume_unwind(Box::new(Died));
    }
}

/// Run a process; `None` if it died at its step.
pub fn surviving<T>(process: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(process)) {
        Ok(result) => Some(result),
        Err(thrown) if thrown.is::<Died>() => None,
        Err(thrown) => resume_unwind(thrown),
    }
}

/// Steps that only the Kafka connection comes past.
const OF_KAFKA: [&str; 2] = ["after-flush", "after-offsets"];

fn rig() -> Rig {
    let mut rig = Rig::new(Job::chain(vec![window(10)]), 1);
    for i in 0..60 {
        rig.row(
            ["0a", "0b", "0c"][i % 3],
            &format!("0v{i}"),
            i as i64 * 2 - i as i64 % 5 * 4,
        );
    }
    rig.control.rows(&[7]);
    rig.log.seal("in").unwrap();
    rig
}

/// Dies once at the n-th passing of `step`; how far it came. Then another process comes to the end.
fn dies_once(step: &str, nth: usize, keep_store: bool) -> bool {
    let rig = rig();
    // So that there is something to restore.
    let mut shard = rig.shard();
    rig.tick();
    assert_eq!(shard.turn(false).unwrap(), Turn::Committed);
    drop(shard);
    rig.store.set(Default::default());
    dies_at(step, nth);
    let died = surviving(|| {
        let mut shard = rig.shard();
        for _ in 0..4 {
            rig.tick();
            shard.turn(false).unwrap();
            shard.switch(rig.version()).unwrap();
        }
        run_to_end(&mut shard).unwrap();
    })
    .is_none();
    dies_at("", 0);
    if !keep_store {
        rig.store.set(Default::default());
    }
    let mut shard = rig.shard();
    run_to_end(&mut shard).unwrap();
    rig.assert_exact(&shard);
    died
}

#[test]
fn a_process_that_ends_at_any_step_loses_and_doubles_nothing() {
    for step in STEPS.iter().filter(|step| !OF_KAFKA.contains(step)) {
        for nth in 1..4 {
            for keep_store in [true, false] {
                let died = dies_once(step, nth, keep_store);
                assert!(died || nth > 1, "nothing came past {step}");
            }
        }
    }
}
