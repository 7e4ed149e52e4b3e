//! Answers against the contract: refused as a whole, whatever is wrong with them; and honest ones, taken as they are.

use crate::{batch, guest, rows, start, trap};
use sluicebox_core::batch::Packed;
use sluicebox_wasm::{Kind, Limits, Sandbox, Settings};
use std::sync::Arc;

#[test]
fn an_honest_module_gives_what_it_says() {
    let kept = start(Kind::Filter, "").filter(&rows(11)).unwrap();
    assert_eq!(kept.bitmap, [0xff, 0b111]);

    let input = batch(&["a", "b"]);
    let emitted = start(Kind::Map, "").map(&input).unwrap();
    assert_eq!(emitted.parents, [0, 1]);
    for row in 0..2 {
        assert_eq!(emitted.output.key(row), input.key(row));
        assert_eq!(emitted.output.value(row), input.value(row));
        assert_eq!(emitted.output.headers(row), None);
        assert_eq!(emitted.output.timestamp(row), row as i64);
    }

    let mut aggregate = start(Kind::WindowAggregate, "");
    let mut none = Packed::default();
    none.push(None);
    none.push(Some(&[1]));
    let counted = aggregate
        .accumulate(&none, &[0, 1, 1], &rows(3))
        .unwrap()
        .accumulators;
    assert_eq!(
        [counted.get(0).unwrap().len(), counted.get(1).unwrap().len()],
        [1, 3]
    );
    let merged = aggregate.merge(&counted, &counted).unwrap().accumulators;
    let mut keys = Packed::default();
    keys.push(Some(b"x"));
    keys.push(None);
    let results = aggregate.finish(&keys, &[0, 10, 10, 20], &merged).unwrap();
    assert_eq!(results.output.value(0), Some(&b"2"[..]));
    assert_eq!(results.output.value(1), Some(&b"6"[..]));
    assert_eq!(
        [results.output.key(0), results.output.key(1)],
        [Some(&b"x"[..]), None]
    );
    assert_eq!(
        [results.output.timestamp(0), results.output.timestamp(1)],
        [9, 19]
    );
}

#[test]
fn no_rows_are_no_special_case() {
    let kept = start(Kind::Filter, "").filter(&rows(0)).unwrap();
    assert!(kept.bitmap.is_empty());
    assert!(
        start(Kind::Map, "")
            .map(&rows(0))
            .unwrap()
            .output
            .is_empty()
    );
}

#[test]
fn lying_filters_are_refused() {
    let cases = [
        ("bitmap too short", "bitmap bytes has 0 items, expected 2"),
        ("bitmap too long", "bitmap bytes has 3 items, expected 2"),
        ("bits past the end", "bits set past row 9"),
        (
            "keep a failed row",
            "row 0 is in `errors` and has output too",
        ),
        ("fail a row twice", "errors names row 0"),
        ("fail a row that is not there", "errors names row 10 of 10"),
    ];
    for (mode, want) in cases {
        let text = trap(start(Kind::Filter, mode).filter(&rows(10)));
        assert!(
            text.contains("malformed answer") && text.contains(want),
            "{mode}: {text}"
        );
    }
}

#[test]
fn lying_maps_are_refused() {
    let cases = [
        (
            "offset outside",
            "row 0: field at offset 1 with length 1 reaches past",
        ),
        ("offset overflows", "over the limit of 67108864"),
        ("index too short", "not 6 a row"),
        ("no index", "not 6 a row"),
        ("parent outside", "parents names row 10 of 10"),
        ("parents descend", "parents names row"),
        ("headers lie", "headers are not a sequence"),
        (
            "too many outputs",
            "outputs of one row: 1001 is over the limit of 1000",
        ),
        ("amplify by sharing", "over the limit of 67108864"),
        ("fail a parent", "row 0 is in `errors` and has output too"),
    ];
    for (mode, want) in cases {
        let text = trap(start(Kind::Map, mode).map(&rows(10)));
        assert!(
            text.contains("malformed answer") && text.contains(want),
            "{mode}: {text}"
        );
    }
}

#[test]
fn what_parents_lend_is_counted_too() {
    let large = "v".repeat(20_000);
    let text = trap(start(Kind::Map, "amplify by same").map(&batch(&[large.as_str(); 10])));
    assert!(text.contains("bytes of output"), "{text}");
}

#[test]
fn lying_aggregates_are_refused() {
    let mut one = Packed::default();
    one.push(Some(&[1]));
    let cases = [
        (
            "one accumulator too few",
            "accumulators has 0 items, expected 1",
        ),
        (
            "accumulator too large",
            "bytes of an accumulator: 65537 is over the limit of 65536",
        ),
        ("accumulator outside", "reaches past"),
        (
            "fail a row that is not there",
            "errors names row 4294967295 of 1",
        ),
    ];
    for (mode, want) in cases {
        let mut udf = start(Kind::WindowAggregate, mode);
        for text in [
            trap(udf.accumulate(&one, &[0], &rows(1))),
            trap(udf.merge(&one, &one)),
        ] {
            assert!(
                text.contains("malformed answer") && text.contains(want),
                "{mode}: {text}"
            );
        }
    }
    let text = trap(start(Kind::WindowAggregate, "value same").finish(&one, &[0, 10], &one));
    assert!(text.contains("allowed only for the key"), "{text}");
}

#[test]
fn errors_are_sorted_and_cleaned() {
    let kept = start(Kind::Filter, "errors out of order")
        .filter(&rows(2))
        .unwrap();
    assert_eq!([kept.errors[0].row, kept.errors[1].row], [0, 1]);
    assert_eq!(kept.errors[0].message, "bad\u{fffd}[2J row");
    let emitted = start(Kind::Map, "fail row 0").map(&rows(3)).unwrap();
    assert_eq!((emitted.parents, emitted.errors.len()), (vec![1, 2], 1));
}

#[test]
fn one_answer_cannot_fill_the_hosts_memory() {
    // 40 MiB pass and each message is cut; with a lower limit the same answer is refused while it is being read.
    let kept = start(Kind::Filter, "error bomb").filter(&rows(4)).unwrap();
    assert!(kept.errors.iter().all(|error| error.message.len() == 1024));
    let tight = Sandbox::new(Settings {
        cache_dir: None,
        limits: Limits {
            output_bytes_max: 30 << 20,
            ..Limits::default()
        },
    })
    .unwrap();
    let module = tight.load(&guest("hostile")).unwrap();
    let mut udf = tight
        .instantiate(&module, Kind::Filter, "error bomb", Arc::new(|_, _| {}))
        .unwrap();
    assert!(trap(udf.filter(&rows(4))).contains("too much data"));
}

#[test]
fn nans_are_canonical() {
    let input = rows(1);
    let bits = |emitted: sluicebox_core::udf::Emitted| emitted.output.value(0).unwrap().to_vec();
    let mut udf = start(Kind::Map, "nan");
    assert_eq!(bits(udf.map(&input).unwrap()), 0x7fc0_0000u32.to_le_bytes());
    udf.next_call_under_fuel();
    assert_eq!(bits(udf.map(&input).unwrap()), 0x7fc0_0000u32.to_le_bytes());
}

#[test]
fn guests_do_not_set_timestamps() {
    let emitted = start(Kind::Map, "timestamps lie").map(&rows(3)).unwrap();
    assert_eq!(emitted.output.timestamps(), [0, 1, 2]);
}
