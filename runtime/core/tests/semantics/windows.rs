//! Windows and watermarks by example; the properties cover the rest.

use crate::job::{Job, Kind, window};
use crate::rig::Rig;

fn ran(job: Job, rows: &[(&str, &str, i64)]) -> Rig {
    let mut rig = Rig::new(job, 1);
    rows.iter()
        .for_each(|(key, value, timestamp)| rig.row(key, value, *timestamp));
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    rig.assert_exact(&shard);
    rig
}

#[test]
fn a_window_fires_for_each_key_and_late_rows_go_aside() {
    let rig = ran(
        Job::chain(vec![window(10)]),
        &[
            ("0a", "0x", 1),
            ("0b", "0y", 2),
            ("0a", "0z", 10),
            ("0b", "0late", 9),
        ],
    );
    assert_eq!(rig.topic("out").len(), 3);
    assert_eq!(rig.topic("late"), ["0b=0late @9"]);
}

#[test]
fn a_row_within_the_allowed_lateness_fires_its_own_key_again() {
    let kind = Kind::Window {
        size_ms: 10,
        offset_ms: 0,
        lateness_ms: 10,
        late: Some("late"),
    };
    let rig = ran(
        Job::chain(vec![kind]),
        &[
            ("0a", "0x", 1),
            ("0b", "0y", 2),
            ("0c", "0z", 10),
            ("0a", "0again", 3),
        ],
    );
    let mut out = rig.topic("out");
    out.sort();
    assert_eq!(
        out,
        [
            "0a=0a 0..10 #0 |0x @9",
            "0a=0a 0..10 #0 |0x|0again @9",
            "0b=0b 0..10 #0 |0y @9",
            "0c=0c 10..20 #0 |0z @19",
        ]
    );
}

#[test]
fn windows_after_windows_see_the_watermark_after_their_rows() {
    let rows = [
        ("0a", "0x", 1),
        ("0a", "0y", 11),
        ("0a", "0z", 25),
        ("0b", "0w", 12),
        ("0a", "0q", 40),
    ];
    ran(Job::chain(vec![window(10), window(20)]), &rows);
}

#[test]
fn times_at_the_ends_of_time_do_not_panic() {
    let mut job = Job::chain(vec![Kind::Window {
        size_ms: 1 << 35,
        offset_ms: 5,
        lateness_ms: i64::MAX,
        late: None,
    }]);
    (job.min_ms, job.max_ms, job.delay_ms) = (i64::MIN, i64::MAX, 1 << 50);
    let mut rig = Rig::new(job, 1);
    for timestamp in [
        i64::MIN,
        i64::MIN + 1,
        -1,
        0,
        i64::MAX - 1,
        i64::MAX,
        i64::MIN,
    ] {
        rig.row("0a", "0v", timestamp);
    }
    let mut shard = rig.shard();
    rig.finish(&mut shard);
    assert!(!rig.topic("out").is_empty());
    assert!(
        shard
            .progress()
            .committed_accounts
            .values()
            .all(|a| a.imbalance().is_none())
    );
}
