//! Batches against lists of records, and what guests return against lists of lies.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

type Record = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>, i64);

fn record() -> impl Strategy<Value = Record> {
    let field = || prop::option::of(vec(any::<u8>(), 0..5));
    (field(), field(), field(), any::<i64>())
}

fn batch(records: &[Record]) -> Batch {
    let mut batch = Batch::default();
    for (key, value, headers, timestamp) in records {
        batch.push(
            key.as_deref(),
            value.as_deref(),
            headers.as_deref(),
            *timestamp,
        );
    }
    batch
}

fn records(batch: &Batch) -> Vec<Record> {
    let field = |row, field| batch.field(row, field).map(<[u8]>::to_vec);
    let rows = 0..batch.len();
    rows.map(|row| {
        let [key, value, headers] =
            [Field::Key, Field::Value, Field::Headers].map(|f| field(row, f));
        (key, value, headers, batch.timestamp(row))
    })
    .collect()
}

proptest! {
    #[test]
    fn selecting_and_slicing_keep_records_whole(all in vec((record(), any::<bool>()), 0..20), at in any::<(prop::sample::Index, prop::sample::Index)>()) {
        let (all, keep): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let kept: Vec<_> = all.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(r, _)| r.clone()).collect();
        let whole = batch(&all);
        prop_assert_eq!(records(&whole), all.clone());
        let selected = whole.clone().select(|row| keep[row]);
        prop_assert_eq!(records(&selected), kept.clone());
        // What is selected may share bytes with what is not: selecting again and slicing must not see them.
        let odd: Vec<_> = kept.iter().skip(1).step_by(2).cloned().collect();
        prop_assert_eq!(records(&selected.clone().select(|row| row % 2 == 1)), odd);
        let (a, b) = (at.0.index(kept.len() + 1), at.1.index(kept.len() + 1));
        prop_assert_eq!(records(&selected.slice(a.min(b), a.max(b))), kept[a.min(b)..a.max(b)].to_vec());
    }

    #[test]
    fn nothing_that_a_guest_returns_panics(
        data in vec(any::<u8>(), 0..40),
        index in vec(prop_oneof![0u32..50, Just(NULL), Just(SAME), any::<u32>()], 0..30),
        parents in vec(prop_oneof![0u32..4, any::<u32>()], 0..6),
    ) {
        let input = batch(&[(Some(b"k".to_vec()), None, None, 7), (None, Some(b"v".to_vec()), None, 8)]);
        let returned = Returned { data: data.clone(), index: index.clone(), parents: parents.clone() };
        if let Ok((output, parents)) = returned.checked(&input, 3, 100) {
            prop_assert_eq!(records(&output).len(), parents.len());
            let headers = (0..output.len()).filter_map(|row| output.headers(row));
            headers.for_each(|packed| assert!(super::headers(packed).all(|h| h.is_ok())));
        }
        if let Ok(packed) = Packed::from_guest(data, index) {
            (0..packed.len()).for_each(|i| assert!(packed.get(i).is_none_or(|item| item.len() <= 40)));
        }
    }
}

/// Two parents; index and parents as given; at most 2 outputs a row and 20 bytes.
fn checked(data: &[u8], index: &[u32], parents: &[u32]) -> Result<Vec<Record>, Malformed> {
    let input = batch(&[
        (Some(b"key".to_vec()), None, None, 7),
        (None, Some(b"value".to_vec()), Some(Vec::new()), 8),
    ]);
    let returned = Returned {
        data: data.to_vec(),
        index: index.to_vec(),
        parents: parents.to_vec(),
    };
    returned
        .checked(&input, 2, 20)
        .map(|(output, _)| records(&output))
}

const SAME_ROW: [u32; 6] = [9, SAME, 9, SAME, 9, SAME];

#[test]
fn fields_that_are_the_same_come_from_the_parent_with_its_time() {
    let rows = checked(b"", &[SAME_ROW, SAME_ROW].concat(), &[0, 1]).unwrap();
    assert_eq!(rows[0], (Some(b"key".to_vec()), None, None, 7));
    assert_eq!(
        rows[1],
        (None, Some(b"value".to_vec()), Some(Vec::new()), 8)
    );
    let own = checked(b"new", &[0, 3, 0, NULL, 0, NULL], &[1]).unwrap();
    assert_eq!(own, [(Some(b"new".to_vec()), None, None, 8)]);
}

#[test]
fn lies_are_named() {
    let lies = [
        checked(b"", &[0; 5], &[0]),
        checked(b"abc", &[2, 2, 0, NULL, 0, NULL], &[0]),
        checked(b"abc", &[u32::MAX, 1, 0, NULL, 0, NULL], &[0]),
        // The bytes of a parent are not the guest's to point into.
        checked(b"", &[0, SAME, 0, 3, 0, NULL], &[0]),
        checked(b"", &SAME_ROW, &[2]),
        checked(b"", &[SAME_ROW, SAME_ROW].concat(), &[1, 0]),
        checked(b"", &[SAME_ROW; 3].concat(), &[0, 0, 0]),
        checked(&[0; 21], &SAME_ROW, &[0]),
        checked(b"\x05\0\0\0h", &[0, NULL, 0, NULL, 0, 5], &[0]),
    ];
    let said: Vec<_> = lies.map(|lie| lie.unwrap_err().to_string()).to_vec();
    insta::assert_snapshot!(said.join("\n"));
}
