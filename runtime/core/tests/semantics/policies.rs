//! Rows that fail: by each policy, in each operator, for each reason.

use crate::job::{Job, Kind, Policy, window};
use crate::model::{KEY_CHANGED, Row};
use crate::rig::Rig;
use sluicebox_core::shard::ShardError;
use sluicebox_core::spec::OnInvalid;

fn finished(rig: &Rig) -> Vec<String> {
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
    rig.reasons()
}

/// The text of the halt, with nothing visible.
fn halted(rig: &Rig) -> String {
    rig.log.seal("in").unwrap();
    let error = crate::rig::run_to_end(&mut rig.shard()).unwrap_err();
    assert!(matches!(error, ShardError::Halt(_)), "{error:?}");
    assert_eq!(rig.outputs(), Default::default());
    error.to_string()
}

fn rig(kind: Kind, policy: Policy) -> Rig {
    let mut rig = Rig::new(Job::chain(vec![kind]).policy(policy), 1);
    for (i, value) in ["", "!a", "", "!a", "2a"].into_iter().enumerate() {
        rig.row("0a", &format!("0{i} {value}"), i as i64);
    }
    rig
}

#[test]
fn row_errors_by_each_policy_in_each_operator() {
    for kind in [Kind::Filter, Kind::Map, window(3)] {
        assert_eq!(finished(&rig(kind.clone(), Policy::Skip)), [""; 0]);
        let dead = finished(&rig(kind.clone(), Policy::DeadLetter));
        assert_eq!(dead, ["bad row 01 !a", "bad row 03 !a"]);
        insta::assert_snapshot!(
            "a_failed_row_by_policy_fail",
            halted(&rig(kind, Policy::Fail))
        );
    }
}

#[test]
fn windows_that_fail_at_their_end_by_each_policy() {
    let rig = |policy| {
        let mut rig = Rig::new(Job::chain(vec![window(10)]).policy(policy), 1);
        ["0a", "0E", "0b"]
            .iter()
            .for_each(|key| rig.row(key, "0v", 1));
        rig
    };
    assert_eq!(finished(&rig(Policy::Skip)), [""; 0]);
    let dead = rig(Policy::DeadLetter);
    assert_eq!(finished(&dead), ["window 0..10: bad window of 0E"]);
    assert_eq!(dead.topic("dead"), ["0E=|0v @9"]);
    insta::assert_snapshot!(halted(&rig(Policy::Fail)));
}

#[test]
fn a_changed_key_before_a_window_fails_its_row_and_elsewhere_it_is_free() {
    let rows = |kinds: Vec<Kind>| {
        let mut rig = Rig::new(Job::chain(kinds), 1);
        rig.row("0a", "0v", 1);
        rig.row("0a", "0v ka", 2);
        rig.row("0a", "0v 2a", 3);
        rig
    };
    assert_eq!(finished(&rows(vec![Kind::Map, window(10)])), [KEY_CHANGED]);
    assert_eq!(
        finished(&rows(vec![Kind::Map, Kind::Filter, Kind::Map, window(10)])),
        [KEY_CHANGED]
    );
    assert_eq!(finished(&rows(vec![Kind::Map, Kind::Filter])), [""; 0]);
    assert_eq!(finished(&rows(vec![window(10), Kind::Map])), [""; 0]);
}

#[test]
fn a_row_without_a_key_fails_in_a_window_only() {
    for (kind, fails) in [
        (Kind::Filter, false),
        (Kind::Map, false),
        (window(10), true),
    ] {
        let mut rig = Rig::new(Job::chain(vec![kind]), 1);
        rig.produce(
            0,
            Row {
                key: None,
                value: Some(b"0v".to_vec()),
                headers: None,
                timestamp: 1,
            },
        );
        rig.row("0a", "0v", 1);
        let reasons = finished(&rig);
        assert_eq!(!reasons.is_empty(), fails, "{reasons:?}");
    }
}

#[test]
fn null_values_and_odd_headers_pass_unchanged() {
    let mut rig = Rig::new(Job::chain(vec![Kind::Filter, Kind::Map]), 1);
    let headers = b"\x02\0\0\0\xff\xfe\x01\0\0\0v\x02\0\0\0\xff\xfe\xff\xff\xff\xff".to_vec();
    rig.produce(
        0,
        Row {
            key: Some(b"0a".to_vec()),
            value: None,
            headers: Some(headers),
            timestamp: 1,
        },
    );
    assert_eq!(finished(&rig), [""; 0]);
}

#[test]
fn invalid_times_by_each_policy_never_move_the_watermark() {
    let rig = |on_invalid| {
        let mut job = Job::chain(vec![window(10)]);
        (job.min_ms, job.max_ms, job.on_invalid) = (0, 1_000, on_invalid);
        let mut rig = Rig::new(job, 1);
        for timestamp in [-1, 5, i64::MAX, 1_000, i64::MIN, 6, 15, -1] {
            rig.row("0a", &format!("0at{timestamp}"), timestamp);
        }
        rig
    };
    assert_eq!(finished(&rig(OnInvalid::Skip)), [""; 0]);
    assert_eq!(finished(&rig(OnInvalid::DeadLetter)).len(), 5);
    let clamped = rig(OnInvalid::Clamp);
    assert_eq!(finished(&clamped), [""; 0]);
    assert_eq!(
        clamped.topic("late"),
        [""; 0],
        "a clamped row is never late"
    );
    insta::assert_snapshot!(halted(&rig(OnInvalid::Fail)));
}

/// Several writers of one topic: their order is that of the rows, whatever the batches.
#[test]
fn writers_of_one_topic_are_in_row_order() {
    let mut job = Job::chain(vec![Kind::Map, Kind::Filter, window(10)]);
    job.sinks = vec![
        (None, "out"),
        (Some(0), "out"),
        (Some(1), "out"),
        (Some(2), "out"),
        (None, "out"),
    ];
    job.ops[2].kind = Kind::Window {
        size_ms: 10,
        offset_ms: 0,
        lateness_ms: 5,
        late: Some("out"),
    };
    for rows in [1, 2, 7, 4096] {
        let mut rig = Rig::new(job.clone(), 1);
        for (i, value) in ["", "2a", "-b", "!b", "2a !b", "", "", "2a", ""]
            .into_iter()
            .enumerate()
        {
            rig.row(
                "0a",
                &format!("0{i} {value}"),
                [1, 2, 12, 3, 16, 4, 17, 5, 40][i],
            );
        }
        rig.control.rows(&[rows]);
        finished(&rig);
        assert!(rig.topic("out").len() > 30);
    }
}
