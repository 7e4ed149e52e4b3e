//! Each kind of difference, on outputs made by hand: a verifier that can't fail proves nothing.
use super::*;

/// Key, value and timestamp of an output record.
type Out = (Vec<u8>, String, i64);

fn mapped(workload: &Workload) -> Vec<Out> {
    let kept = (0..workload.n)
        .map(|i| workload.record(i))
        .filter(Record::passes);
    kept.map(|r| {
        let mut key = Vec::new();
        r.write_key(&mut key);
        let (user, cents) = (String::from_utf8_lossy(&key), r.amount * 100);
        let Record { id, page, amount, ts, .. } = r;
        let value = format!(
            r#"{{"id":{id},"user":"{user}","page":"/SHOP/ITEM/{page:03}","amount":{amount},"ts":{ts},"cents":{cents}}}"#
        );
        (key.clone(), value, ts)
    })
    .collect()
}

fn counted(workload: &Workload) -> Vec<Out> {
    let rows = workload
        .spends()
        .into_iter()
        .map(|((user, w), Spend { count, sum })| {
            let key = format!("user-{user:08}");
            let value = format!(r#"{{"user":"{key}","w":{w},"count":{count},"sum":{sum}}}"#);
            (key.into_bytes(), value, w + WINDOW_MS - 1)
        });
    rows.collect()
}

fn judge(job: Job, workload: &Workload, rows: &[Out]) -> [u64; 5] {
    let mut truth = Truth::of(job, workload);
    for (key, value, ts) in rows {
        truth.see(&Row {
            key,
            value: value.as_bytes(),
            ts: *ts,
        });
    }
    let v = truth.finish();
    assert_eq!(
        v.exact(),
        [v.lost, v.dup, v.wrong, v.extra, v.bad] == [0; 5]
    );
    [v.lost, v.dup, v.wrong, v.extra, v.bad]
}

#[test]
fn the_truth_is_exact_and_sentinels_do_not_count() {
    let workload = Workload::standard(1_000);
    for (job, mut rows) in [
        (Job::Stateless, mapped(&workload)),
        (Job::Windowed, counted(&workload)),
    ] {
        rows.push((b"~tick-0".to_vec(), "{}".into(), 0));
        assert_eq!(judge(job, &workload, &rows), [0; 5]);
    }
}

#[test]
fn each_difference_is_seen_in_both_jobs() {
    let workload = Workload::standard(1_000);
    for (job, rows) in [
        (Job::Stateless, mapped(&workload)),
        (Job::Windowed, counted(&workload)),
    ] {
        assert_eq!(judge(job, &workload, &rows[1..]), [1, 0, 0, 0, 0]);
        let changed = |change: &dyn Fn(&mut Vec<Out>)| {
            let mut rows = rows.clone();
            change(&mut rows);
            judge(job, &workload, &rows)
        };
        assert_eq!(changed(&|rows| rows.push(rows[0].clone())), [0, 1, 0, 0, 0]);
        assert_eq!(changed(&|rows| rows[3].2 += 1), [0, 0, 1, 0, 0]);
        assert_eq!(changed(&|rows| rows[3].0[12] ^= 1), [0, 0, 1, 0, 0]);
        assert_eq!(
            changed(&|rows| rows.push((b"user-00000001".to_vec(), "{".into(), 0))),
            [0, 0, 0, 0, 1]
        );
    }
}

#[test]
fn wrong_and_unasked_values_are_seen() {
    let workload = Workload::standard(1_000);
    let mut rows = counted(&workload);
    rows[0].1 = rows[0].1.replace(r#""sum":"#, r#""sum":1"#);
    assert_eq!(judge(Job::Windowed, &workload, &rows), [0, 0, 1, 0, 0]);
    rows[0].1 = rows[0].1.replace(r#""w":1"#, r#""w":2"#);
    assert_eq!(judge(Job::Windowed, &workload, &rows), [1, 0, 0, 1, 0]);
    let mut rows = mapped(&workload);
    rows[0].1 = rows[0].1.replace("/SHOP/", "/shop/");
    assert_eq!(judge(Job::Stateless, &workload, &rows), [0, 0, 1, 0, 0]);
    let dropped = (0..).find(|i| !workload.record(*i).passes()).unwrap();
    rows[0].1 = format!(r#"{{"id":{dropped},"user":"","page":"","amount":0,"ts":0,"cents":0}}"#);
    assert_eq!(judge(Job::Stateless, &workload, &rows), [1, 0, 1, 0, 0]);
}
