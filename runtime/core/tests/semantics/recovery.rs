//! What a shard finds when it starts: the two witnesses, the changelog, the topic, the store. Each mismatch halts with a
//! message that says what to do; each store that is not a part of the job's history is built anew.

use crate::failpoints::{dies_at, surviving};
use crate::job::{Job, Kind, window};
use crate::model::Row;
use crate::rig::{Rig, run_to_end};
use sluicebox_core::epoch::Witness;
use sluicebox_core::log::{Committed, Log, Position};
use sluicebox_core::shard::ShardError;
use sluicebox_core::spec::StartSpec;
use sluicebox_core::state::{Delta, Marker, MemoryStore, Namespace, StateStore};
use std::collections::BTreeMap;

/// A job with one epoch committed (and the two claims), windows open, records left.
pub fn rig() -> Rig {
    let mut rig = Rig::new(Job::chain(vec![window(10)]), 2);
    for i in 0..40 {
        let partition = i % 2;
        let row = |i: i64| Row {
            key: Some(format!("{partition}k{}", i % 3).into_bytes()),
            value: Some(format!("{partition}v{i}").into_bytes()),
            headers: None,
            timestamp: i,
        };
        rig.produce(partition, row(i as i64));
    }
    rig.control.rows(&[10]);
    let mut shard = rig.shard();
    shard.turn(false).unwrap();
    shard.turn(true).unwrap();
    rig
}

pub fn assert_goes_on(rig: &Rig) {
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}

pub fn end_of(rig: &Rig, topic: &str) -> i64 {
    rig.log.lag(topic, "none").unwrap()[0].bounds.end
}

/// Commit an epoch record after the last one, changed as somebody with another version, or a bug, would have.
fn forge(rig: &Rig, change: impl FnOnce(&mut serde_json::Value)) {
    let records = rig.log.reader("changes").unwrap().drain().unwrap();
    let last = records
        .into_iter()
        .rfind(|r| r.key.as_deref() == Some(b"e"))
        .unwrap();
    let mut record: serde_json::Value = serde_json::from_slice(&last.value.unwrap()).unwrap();
    let epoch = record["epoch"].as_u64().unwrap();
    record["predecessor"] = epoch.into();
    record["epoch"] = (epoch + 1).into();
    (record["chunks"], record["delta_bytes"]) = (0.into(), 0.into());
    record["digest"] = xxhash_rust::xxh3::xxh3_64(&[]).into();
    change(&mut record);
    let number = |name: &str| record[name].as_u64().unwrap();
    let witness = Witness {
        lineage: number("lineage"),
        epoch: epoch + 1,
        generation: number("generation"),
    };
    let tasks = record["tasks"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(partition, task)| Position {
            partition: partition.parse().unwrap(),
            offset: task["offset"].as_i64().unwrap(),
            metadata: witness.text(),
        });
    let tasks: Vec<_> = tasks.collect();
    let mut log = rig.open();
    log.init_transactions().unwrap();
    log.begin().unwrap();
    log.append_changelog(b"e", record.to_string().as_bytes())
        .unwrap();
    let source = log.source_topic().unwrap().id;
    log.commit(&tasks, &source).unwrap();
}

#[test]
fn offsets_that_were_deleted_halt_and_the_changelog_knows_them() {
    let mut rig = rig();
    rig.log.delete_offsets("job");
    insta::assert_snapshot!(rig.refusal());
    rig.config.recover_from_changelog = true;
    assert_goes_on(&rig);
}

#[test]
fn offsets_that_were_changed_halt_and_the_changelog_knows_them() {
    let mut rig = rig();
    let at = |offset, metadata: &str| {
        rig.log.set_offset(
            "job",
            "in",
            1,
            Committed {
                offset,
                metadata: metadata.to_owned(),
            },
        );
    };
    at(3, "");
    insta::assert_snapshot!(rig.refusal());
    let witness = rig.log.lag("in", "job").unwrap()[0]
        .committed
        .clone()
        .unwrap()
        .metadata;
    at(3, &witness);
    insta::assert_snapshot!(rig.refusal());
    rig.config.recover_from_changelog = true;
    assert_goes_on(&rig);
}

#[test]
fn offsets_of_somebody_else_halt_a_new_job() {
    let rig = Rig::new(Job::chain(vec![window(10)]), 1);
    rig.log.set_offset(
        "job",
        "in",
        0,
        Committed {
            offset: 5,
            metadata: String::new(),
        },
    );
    insta::assert_snapshot!(rig.refusal());
}

#[test]
fn an_empty_changelog_beside_offsets_halts() {
    let rig = rig();
    rig.log
        .truncate_before("changes", 0, end_of(&rig, "changes"))
        .unwrap();
    insta::assert_snapshot!(rig.refusal());
}

#[test]
fn a_changelog_without_its_beginning_halts_only_without_a_store() {
    let rig = rig();
    let last = rig
        .log
        .reader("changes")
        .unwrap()
        .drain()
        .unwrap()
        .last()
        .unwrap()
        .offset;
    rig.log.truncate_before("changes", 0, last).unwrap();
    let store = rig.store.copy();
    assert_goes_on(&rig);
    let rig = self::rig();
    rig.log.truncate_before("changes", 0, last).unwrap();
    rig.store.set(MemoryStore::new());
    insta::assert_snapshot!(rig.refusal());
    rig.store.set(store);
}

#[test]
fn a_topic_made_again_halts() {
    let rig = rig();
    rig.log.recreate("in").unwrap();
    insta::assert_snapshot!(rig.refusal());
}

#[test]
fn records_deleted_before_they_were_read_halt() {
    let rig = rig();
    rig.log.truncate_before("in", 1, 15).unwrap();
    insta::assert_snapshot!(rig.refusal());
}

#[test]
fn a_topic_that_ends_before_the_position_halts() {
    let rig = rig();
    forge(&rig, |record| record["tasks"]["0"]["offset"] = 1_000.into());
    insta::assert_snapshot!(rig.refusal());
}

#[test]
fn partitions_that_were_added_halt() {
    let rig = rig();
    forge(&rig, |record| record["source_partitions"] = 1.into());
    insta::assert_snapshot!(rig.refusal());
}

#[test]
fn another_number_of_shards_halts() {
    let mut rig = rig();
    rig.config.log.partitions = vec![1];
    insta::assert_snapshot!(rig.refusal());
}

#[test]
fn a_plan_without_an_operator_that_holds_rows_halts() {
    let mut rig = rig();
    rig.job.ops[0].id = "b";
    insta::assert_snapshot!(rig.refusal());
    rig.job.ops[0].id = "a";
    rig.job.ops[0].kind = Kind::Map;
    insta::assert_snapshot!(rig.refusal());
}

#[test]
fn a_window_that_was_changed_while_it_holds_rows_halts() {
    for kind in [
        window(20),
        window(5),
        Kind::Window {
            size_ms: 10,
            offset_ms: 3,
            lateness_ms: 0,
            late: Some("late"),
        },
    ] {
        let mut rig = rig();
        rig.job.ops[0].kind = kind;
        insta::assert_snapshot!("a_changed_window", rig.refusal());
    }
}

#[test]
fn a_window_may_be_changed_while_it_holds_none() {
    let mut rig = rig();
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.job.ops[0].kind = window(20);
    run_to_end(&mut rig.shard()).unwrap();
}

#[test]
fn an_epoch_record_of_another_format_halts_by_its_number() {
    let rig = rig();
    forge(&rig, |record| record["format"] = 3.into());
    insta::assert_snapshot!(rig.refusal());
}

#[test]
fn an_epoch_of_another_predecessor_is_a_gap_and_halts() {
    let rig = rig();
    forge(&rig, |record| record["predecessor"] = 1.into());
    insta::assert_snapshot!(rig.refusal());
}

#[test]
fn a_ledger_that_does_not_balance_is_never_committed() {
    let rig = rig();
    forge(&rig, |record| record["ledger"]["a"]["in"] = 1_000.into());
    let mut shard = rig.shard();
    let visible = rig.topic("out");
    shard.turn(false).unwrap();
    let error = shard.turn(true).unwrap_err();
    assert!(matches!(error, ShardError::Halt(_)));
    insta::assert_snapshot!(error.to_string());
    assert_eq!(rig.topic("out"), visible);
}

#[test]
fn a_start_outside_of_the_log_or_not_named_halts_and_commits_nothing() {
    let mut rig = Rig::new(Job::chain(vec![window(10)]), 1);
    rig.row("0a", "0v", 1);
    rig.config.start = StartSpec::Offsets(BTreeMap::from([(0, 7)]));
    insta::assert_snapshot!(rig.refusal());
    rig.config.start = StartSpec::Offsets(BTreeMap::new());
    insta::assert_snapshot!(rig.refusal());
    rig.config.start = StartSpec::Earliest;
    assert_goes_on(&rig);
}

#[test]
fn a_new_job_starts_where_it_is_told() {
    let starts = [
        (StartSpec::Earliest, 5),
        (StartSpec::Latest, 0),
        (StartSpec::Timestamp(30), 2),
        (StartSpec::Offsets(BTreeMap::from([(0, 1)])), 4),
    ];
    for (start, rows) in starts {
        let mut rig = Rig::new(Job::chain(vec![Kind::Filter]), 1);
        (0..5).for_each(|i| rig.row("0a", "0v", i * 10));
        rig.config.start = start.clone();
        // The position is committed with the claim: another start later changes nothing.
        drop(rig.shard());
        rig.config.start = StartSpec::Earliest;
        let mut shard = rig.shard();
        rig.finish(&mut shard);
        assert_eq!(rig.topic("out").len(), rows, "{start:?}");
    }
}

/// A store with rows that never were, so that using it would show.
fn wrong_store(marker: Marker) -> MemoryStore {
    let mut delta = Delta::default();
    let operator = sluicebox_core::spec::operator_number("a");
    for end in [10i64, 20, 30] {
        let listed = [9u64.to_le_bytes(), 10i64.to_le_bytes()].concat();
        delta.put(
            &Namespace::new(operator, 0, i64::MIN),
            &((end as u64) ^ (1 << 63)).to_be_bytes(),
            &listed,
        );
        delta.put(&Namespace::new(operator, 0, end), b"0wrong", b"|0wrong");
    }
    let mut store = MemoryStore::new();
    store.apply(&delta, marker).unwrap();
    store
}

#[test]
fn a_store_that_is_not_of_this_history_is_built_anew() {
    let good = rig().store.copy().marker().unwrap().unwrap();
    let wrong = [
        Marker {
            lineage: good.lineage + 1,
            ..good
        },
        Marker {
            lineage: good.lineage + 1,
            epoch: 1,
            changelog_next: 0,
            ..good
        },
        Marker {
            generation: good.generation + 1,
            ..good
        },
        Marker {
            epoch: good.epoch + 100,
            changelog_next: good.changelog_next + 1_000,
            ..good
        },
        Marker {
            epoch: good.epoch + 1,
            ..good
        },
        Marker {
            changelog_next: good.changelog_next + 2,
            ..good
        },
    ];
    for marker in wrong {
        let rig = rig();
        rig.store.set(wrong_store(marker));
        assert_goes_on(&rig);
    }
}

#[test]
fn a_store_of_any_earlier_epoch_is_brought_up_to_date() {
    let mut rig = Rig::new(Job::chain(vec![window(10)]), 1);
    (0..60).for_each(|i| rig.row(&format!("0k{}", i % 4), &format!("0v{i}"), i));
    rig.control.rows(&[5]);
    let mut stores = vec![rig.store.copy()];
    let mut shard = rig.shard();
    for _ in 0..8 {
        shard.turn(false).unwrap();
        // An aborted transaction takes room in the changelog that no record tells of.
        let error =
            sluicebox_core::log::Error::new(sluicebox_core::log::Kind::Abortable, "injected");
        rig.log.fail(
            sluicebox_core::embedded::At::next(sluicebox_core::embedded::Call::CommitBefore),
            error,
        );
        shard.turn(true).unwrap();
        shard.turn(false).unwrap();
        shard.turn(true).unwrap();
        stores.push(rig.store.copy());
    }
    drop(shard);
    let wanted = stores.last().unwrap().clone();
    // The newest is taken as it is, though its position is before earlier commits: nothing is applied to it.
    dies_at("mid-restore", 1);
    assert!(surviving(|| drop(rig.shard())).is_some());
    dies_at("", 0);
    for store in stores {
        rig.store.set(store);
        rig.shard();
        let mut all = Vec::new();
        let mut visit = |store: &MemoryStore| {
            let mut keys = Vec::new();
            let _ = store.scan(&[], &[], &mut |k, v| {
                keys.push((k.to_vec(), v.to_vec()));
                std::ops::ControlFlow::Continue(())
            });
            all.push(keys);
        };
        visit(&rig.store.copy());
        visit(&wanted);
        assert_eq!(all[0], all[1]);
    }
    assert_goes_on(&rig);
}

#[test]
fn input_with_gaps_and_markers_is_read_on_from_where_it_was() {
    let mut rig = Rig::new(Job::chain(vec![window(10)]), 1);
    rig.control.rows(&[3]);
    let config = sluicebox_core::log::ShardConfig {
        source: "in".into(),
        partitions: vec![0],
        sinks: vec!["in".into()],
        changelog: "foreign".into(),
        shard: 0,
        transactional_id: "foreign".into(),
        group: "foreign".into(),
        ..rig.config.log.clone()
    };
    rig.log.create_topic("foreign", 1).unwrap();
    let mut foreign = rig.log.open(&config).unwrap();
    foreign.init_transactions().unwrap();
    let mut shard = rig.shard();
    for i in 0..20i64 {
        let (key, value) = (
            format!("0k{}", i % 2).into_bytes(),
            format!("0v{i}").into_bytes(),
        );
        foreign.begin().unwrap();
        let record = sluicebox_core::log::OutRecord {
            topic: 0,
            partition: 0,
            key: Some(&key),
            value: Some(&value),
            headers: None,
            timestamp: i,
        };
        let offset = end_of(&rig, "in");
        foreign.send(record).unwrap();
        if i % 3 == 0 {
            foreign.abort().unwrap();
        } else {
            let source = foreign.source_topic().unwrap().id;
            foreign.commit(&[], &source).unwrap();
            rig.input[0].push((
                offset,
                Row {
                    key: Some(key),
                    value: Some(value),
                    headers: None,
                    timestamp: i,
                },
            ));
        }
        shard.turn(i % 4 == 0).unwrap();
        if i % 5 == 0 {
            shard = rig.shard();
        }
    }
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
}
