//! For any input, job, batch sizes, epochs, crashes, faults and evictions the committed outputs are the model's: byte for
//! byte, in order, with the same accounts. A failing case is printed whole and kept in `proptest-regressions`;
//! PROPTEST_CASES=10000 widens the search.

use crate::failpoints::{dies_at, surviving};
use crate::job::{DEAD, IDS, Job, Kind, Op, Policy};
use crate::model::Row;
use crate::rig::{Rig, run_to_end};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sluicebox_core::embedded::{At, Call};
use sluicebox_core::log::{Error, Kind as ErrorKind};
use sluicebox_core::shard::{Shard, ShardError};
use sluicebox_core::spec::OnInvalid;

fn policy() -> impl Strategy<Value = Policy> {
    prop_oneof![Just(Policy::Skip), Just(Policy::DeadLetter)]
}

fn window_kind() -> impl Strategy<Value = Kind> {
    let late = select(vec![
        None,
        Some("late"),
        Some("late"),
        Some(DEAD),
        Some("out"),
    ]);
    (1i64..40, 0i64..40, prop_oneof![Just(0i64), 0i64..60], late).prop_map(
        |(size_ms, shift, lateness_ms, late)| Kind::Window {
            size_ms,
            offset_ms: shift % size_ms,
            lateness_ms,
            late,
        },
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![2 => window_kind(), 1 => Just(Kind::Filter), 1 => Just(Kind::Map)]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = (
        kind(),
        policy(),
        any::<prop::sample::Index>(),
        any::<bool>(),
        select(vec![usize::MAX, 1, 3]),
    );
    vec(op, 0..4).prop_map(|ops| {
        let ops =
            ops.into_iter()
                .enumerate()
                .map(|(i, (kind, policy, from, chained, rows_max))| {
                    // Mostly a chain; sometimes an operator reads an earlier one.
                    let from = if chained { i } else { from.index(i + 1) }.checked_sub(1);
                    Op {
                        id: IDS[i],
                        kind,
                        policy,
                        from,
                        rows_max,
                    }
                });
        ops.collect()
    })
}

fn job() -> impl Strategy<Value = Job> {
    let times = (
        0i64..30,
        select(vec![-1_000i64, 0]),
        select(vec![
            OnInvalid::Skip,
            OnInvalid::DeadLetter,
            OnInvalid::Clamp,
        ]),
    );
    (ops(), times, any::<bool>(), any::<bool>()).prop_map(
        |(ops, (delay_ms, min_ms, on_invalid), copy, shared)| {
            let read: Vec<_> = ops.iter().map(|op| op.from).collect();
            let leaves = (0..ops.len()).map(Some).filter(|op| !read.contains(op));
            let mut sinks: Vec<_> = leaves
                .enumerate()
                .map(|(i, op)| (op, if shared || i == 0 { "out" } else { "more" }))
                .collect();
            if copy || sinks.is_empty() {
                sinks.push((None, if shared { "out" } else { "copy" }));
            }
            Job {
                ops,
                sinks,
                delay_ms,
                min_ms,
                max_ms: 1_000,
                on_invalid,
            }
        },
    )
}

/// Words that make modules do something, rarely.
fn words() -> impl Strategy<Value = String> {
    let word = (
        select(vec!['#', '~', '!', '-', '2', 'k', '0']),
        select(vec!["a", "b", "c"]),
    );
    let word = word.prop_map(|(what, id)| format!(" {what}{id}"));
    prop_oneof![6 => Just(String::new()), 2 => word.clone(), 1 => (word.clone(), word).prop_map(|(a, b)| a + &b)]
}

fn row(partition: usize) -> impl Strategy<Value = Row> {
    let key = select(vec!["a", "b", "a", "b", "c", "D", "E", "S", "T", "Z", ""]);
    let key = prop_oneof![12 => key.prop_map(Some), 1 => Just(None)];
    let timestamp = prop_oneof![20 => -60i64..120, 1 => Just(-1i64), 1 => Just(5_000i64), 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    (key, words(), 0u32..100, timestamp, 0u8..8).prop_map(
        move |(key, words, number, timestamp, rare)| Row {
            value: (key.is_none() || rare > 0)
                .then(|| format!("{partition}v{number}{words}").into_bytes()),
            key: key.map(|key| format!("{partition}{key}").into_bytes()),
            headers: (rare == 7).then(|| b"\x01\0\0\0h\xff\xff\xff\xff".to_vec()),
            timestamp,
        },
    )
}

/// Rows whose times go roughly up.
fn rows(partition: usize) -> impl Strategy<Value = Vec<Row>> {
    (vec(row(partition), 0..50), 0i64..6).prop_map(|(mut rows, slope)| {
        for (i, row) in rows
            .iter_mut()
            .enumerate()
            .filter(|(_, r)| (-60..120).contains(&r.timestamp))
        {
            row.timestamp += i as i64 * slope;
        }
        rows
    })
}

fn input() -> impl Strategy<Value = Vec<Vec<Row>>> {
    prop_oneof![2 => rows(0).prop_map(|r| vec![r]), 1 => (rows(0), rows(1)).prop_map(|(a, b)| vec![a, b])]
}

/// What happens to a run.
#[derive(Clone, Debug)]
enum Event {
    Turns(usize),
    /// The epoch's time is over.
    Tick,
    /// The process ends here; the next finds the store as it was, an old one, or none.
    Crash(Found),
    /// The process ends when it comes past this step for the n-th time from now.
    Die(&'static str, usize),
    Fault(Call, u64, ErrorKind),
    Taint(Call),
    /// Another version, the same as before it; at an epoch's end, or in the midst of one.
    Switch(bool),
}

#[derive(Clone, Copy, Debug)]
enum Found {
    Same,
    Old,
    None,
}

fn event() -> impl Strategy<Value = Event> {
    let call = select(vec![
        Call::Init,
        Call::Begin,
        Call::Send,
        Call::Append,
        Call::CommitBefore,
        Call::Abort,
        Call::Poll,
        Call::ReadChangelog,
    ]);
    let kind = select(vec![
        ErrorKind::Retriable,
        ErrorKind::Abortable,
        ErrorKind::Fenced,
        ErrorKind::Halt,
    ]);
    let fault = (call, 1u64..8, kind).prop_map(|(call, nth, kind)| Event::Fault(call, nth, kind));
    let lost = select(vec![ErrorKind::Fenced, ErrorKind::Halt])
        .prop_map(|k| Event::Fault(Call::CommitAfter, 1, k));
    let steps = select(sluicebox_core::failpoint::STEPS.to_vec());
    prop_oneof![
        6 => (1usize..6).prop_map(Event::Turns),
        4 => Just(Event::Tick),
        2 => select(vec![Found::Same, Found::Old, Found::None]).prop_map(Event::Crash),
        2 => (steps, 1usize..4).prop_map(|(step, nth)| Event::Die(step, nth)),
        2 => fault,
        1 => lost,
        1 => select(vec![Call::Send, Call::Append, Call::CommitBefore]).prop_map(Event::Taint),
        2 => any::<bool>().prop_map(Event::Switch),
    ]
}

#[derive(Clone, Debug)]
struct Run {
    rows: Vec<usize>,
    cache_bytes_max: usize,
    overlay_bytes_max: usize,
    events: Vec<Event>,
}

fn batch_sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        Just(vec![1]),
        Just(vec![2]),
        Just(vec![7]),
        Just(vec![4096]),
        vec(1usize..9, 1..5)
    ]
}

fn run() -> impl Strategy<Value = Run> {
    let sizes = (
        select(vec![0usize, 300, 1 << 20]),
        select(vec![1usize, 200, 1 << 20]),
    );
    (batch_sizes(), sizes, vec(event(), 0..25)).prop_map(
        |(rows, (cache_bytes_max, overlay_bytes_max), events)| Run {
            rows,
            cache_bytes_max,
            overlay_bytes_max,
            events,
        },
    )
}

fn rig(job: &Job, input: &[Vec<Row>]) -> Rig {
    let mut rig = Rig::new(job.clone(), input.len() as i32);
    for (partition, rows) in input.iter().enumerate() {
        rows.iter()
            .for_each(|row| rig.produce(partition, row.clone()));
    }
    rig.log.seal("in").unwrap();
    rig
}

/// One process after the other, until one comes to the end.
fn survive(rig: &mut Rig, run: &Run) {
    rig.control.rows(&run.rows);
    rig.config.cache_bytes_max = run.cache_bytes_max;
    rig.config.overlay_bytes_max = run.overlay_bytes_max;
    let mut old = rig.store.copy();
    let mut shard = None;
    for event in &run.events {
        match event {
            Event::Tick => rig.tick(),
            Event::Die(step, nth) => dies_at(step, *nth),
            Event::Fault(call, nth, kind) => {
                let why = format!("injected {kind:?}");
                rig.log.fail(At::nth(*call, *nth), Error::new(*kind, why));
            }
            Event::Taint(call) => rig.log.taint(At::next(*call)),
            Event::Crash(found) => {
                shard = None;
                let now = rig.store.copy();
                match found {
                    Found::Same => {}
                    Found::Old => rig.store.set(std::mem::replace(&mut old, now)),
                    Found::None => rig.store.set(Default::default()),
                }
            }
            Event::Turns(turns) => {
                for _ in 0..*turns {
                    shard = proceed(rig, shard.take(), |shard| shard.turn(false).map(drop));
                }
            }
            Event::Switch(ended) => {
                shard = proceed(rig, shard.take(), |shard| {
                    if *ended {
                        shard.turn(true)?;
                    }
                    shard.switch(rig.version())
                });
            }
        }
    }
    dies_at("", 0);
    rig.log.heal();
    let mut shard = shard.unwrap_or_else(|| rig.shard());
    while let Err(error) = run_to_end(&mut shard) {
        assert!(
            error.to_string().contains("injected") || matches!(error, ShardError::Reconnect(_)),
            "{error}"
        );
        shard.reconnect(rig.open());
        shard.recover().unwrap();
    }
    rig.assert_exact(&shard);
    assert!(
        rig.store.lock().is_empty(),
        "windows that are gone leave nothing behind"
    );
}

/// One step of a process, which has to start first if there is none; what is left of it.
fn proceed(
    rig: &Rig,
    shard: Option<Shard>,
    step: impl FnOnce(&mut Shard) -> Result<(), ShardError>,
) -> Option<Shard> {
    let again = |mut shard: Shard, error: ShardError| match error {
        ShardError::Reconnect(_) => {
            shard.reconnect(rig.open());
            shard.recover().map(|()| Some(shard))
        }
        ShardError::Halt(_) => Err(error),
    };
    let turn = move || match shard {
        None => {
            let mut shard = rig.start();
            match shard.recover() {
                Ok(()) => Ok(Some(shard)),
                Err(error) => again(shard, error),
            }
        }
        Some(mut shard) => match step(&mut shard) {
            Ok(()) => Ok(Some(shard)),
            Err(error) => again(shard, error),
        },
    };
    match surviving(turn)? {
        Ok(shard) => shard,
        Err(ShardError::Halt(why)) if !why.contains("injected") => {
            panic!("a halt that nobody asked for: {why}")
        }
        // The next process tries again.
        Err(_) => None,
    }
}

/// A fair search in a few seconds, unless the environment asks for more.
pub fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(192)
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: cases(),
        max_shrink_iters: 3_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn batch_sizes_change_nothing(job in job(), input in input(), rows in batch_sizes()) {
        let mut rig = rig(&job, &input);
        survive(&mut rig, &Run { rows, cache_bytes_max: 1 << 20, overlay_bytes_max: 1 << 20, events: Vec::new() });
    }

    #[test]
    fn nothing_that_happens_to_a_run_changes_its_outputs(job in job(), input in input(), run in run()) {
        survive(&mut rig(&job, &input), &run);
    }
}
