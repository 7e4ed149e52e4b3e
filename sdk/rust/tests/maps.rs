//! What maps can return: shapes, keys, headers, tombstones, errors, other formats.

use sluicebox_udf::testing::{self, Input, OutputRecord};
use sluicebox_udf::{Decode, Encode, Output, Raw, Record, json};

mod option {
    #[sluicebox_udf::map]
    pub fn halved(n: i64) -> Option<i64> {
        (n % 2 == 0).then_some(n / 2)
    }
}

mod fallible {
    #[sluicebox_udf::map]
    pub fn up_to(n: u64) -> Result<Vec<u64>, String> {
        if n > 3 {
            Err(format!("{n} is too much"))
        } else {
            Ok((0..n).collect())
        }
    }
}

mod iterator {
    #[sluicebox_udf::map]
    pub fn words(text: String) -> impl Iterator<Item = String> {
        text.split(' ')
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

mod records {
    use super::*;

    #[sluicebox_udf::map]
    pub fn dressed<'a>(record: Record<'a, Raw<'a>>) -> Output<'a, Raw<'a>> {
        match record.value().bytes() {
            b"same" => Output::same_value(),
            b"gone" => Output::tombstone(),
            b"null" => Output::new(Raw(None)),
            b"rekey" => Output::same_value().key(b"new".as_slice()),
            b"nokey" => Output::same_value().null_key(),
            b"bare" => Output::same_value().without_headers(),
            b"more" => Output::same_value().header("c", b"3".as_slice()),
            _ => Output::new(Raw::new(b"?".as_slice()))
                .without_headers()
                .header("d", None),
        }
    }
}

mod partial {
    use super::*;

    /// Writes half of itself before it fails.
    pub struct Half(u8);

    impl Encode for Half {
        fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
            out.extend_from_slice(b"half");
            if self.0 == b'!' {
                Err("no other half".into())
            } else {
                Ok(())
            }
        }
    }

    #[sluicebox_udf::map]
    pub fn halves(record: Bytes<'_>) -> Vec<Half> {
        record.0.iter().copied().map(Half).collect()
    }

    pub struct Bytes<'a>(&'a [u8]);

    impl<'a> Decode<'a> for Bytes<'a> {
        fn decode(bytes: Option<&'a [u8]>) -> Result<Self, String> {
            bytes.map(Bytes).ok_or_else(|| "no bytes".into())
        }
    }
}

fn texts(outputs: &[OutputRecord]) -> Vec<(usize, String)> {
    outputs
        .iter()
        .map(|output| (output.parent, output.text()))
        .collect()
}

fn text(parent: usize, value: &str) -> (usize, String) {
    (parent, value.to_owned())
}

#[test]
fn none_one_or_many_outputs_a_row() {
    let done = testing::map::<option::halved>(json!(null), ["4", "3", "x", "8"]).unwrap();
    assert_eq!(texts(&done.outputs), [text(0, "2"), text(3, "4")]);
    assert_eq!(done.errors[0].row, 2);

    let done = testing::map::<fallible::up_to>(json!(null), ["2", "0", "4", "1"]).unwrap();
    assert_eq!(
        texts(&done.outputs),
        [text(0, "0"), text(0, "1"), text(3, "0")]
    );
    assert_eq!(
        (done.errors[0].row, done.errors[0].message.as_str()),
        (2, "4 is too much")
    );

    let done = testing::map::<iterator::words>(json!(null), [r#""a b""#]).unwrap();
    assert_eq!(texts(&done.outputs), [text(0, r#""a""#), text(0, r#""b""#)]);
}

#[test]
fn a_row_that_fails_half_way_has_no_output() {
    let done = testing::map::<partial::halves>(json!(null), ["ab", "c!", "d"]).unwrap();
    assert_eq!(
        texts(&done.outputs),
        [text(0, "half"), text(0, "half"), text(2, "half")]
    );
    assert_eq!(
        (done.errors[0].row, done.errors[0].message.as_str()),
        (1, "no other half")
    );
    let done = testing::map::<partial::halves>(json!(null), [Input::tombstone()]).unwrap();
    assert_eq!(done.errors[0].message, "no bytes");
}

#[test]
fn keys_headers_and_nulls() {
    let names = [
        "same", "gone", "null", "rekey", "nokey", "bare", "more", "other",
    ];
    let row = |name| {
        Input::new(name)
            .key("old")
            .header("a", b"1".as_slice())
            .header("b", None)
            .at_ms(5)
    };
    let done = testing::map::<records::dressed>(json!(null), names.map(row)).unwrap();
    assert!(done.errors.is_empty());

    let key = |i: usize| done.outputs[i].key.as_deref();
    let keys: Vec<_> = (0..names.len()).map(key).collect();
    let old = Some(b"old".as_slice());
    assert_eq!(
        keys,
        [old, old, old, Some(b"new".as_slice()), None, old, old, old]
    );

    let is_null: Vec<_> = done
        .outputs
        .iter()
        .map(|output| output.value.is_none())
        .collect();
    assert_eq!(
        is_null,
        [false, true, true, false, false, false, false, false]
    );
    assert_eq!(done.outputs[0].text(), "same");

    let header =
        |name: &str, value: Option<&str>| (name.to_owned(), value.map(|v| v.as_bytes().to_vec()));
    let parents = [header("a", Some("1")), header("b", None)];
    assert_eq!(done.outputs[0].headers, parents);
    assert!(done.outputs[5].headers.is_empty());
    let mut more = parents.to_vec();
    more.push(header("c", Some("3")));
    assert_eq!(done.outputs[6].headers, more);
    assert_eq!(done.outputs[7].headers, [header("d", None)]);
    assert!(done.outputs.iter().all(|output| output.timestamp_ms == 5));
}
