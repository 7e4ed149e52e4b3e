//! What filters can take and how their answers are packed.

use serde::Deserialize;
use sluicebox_udf::testing::{self, Input};
use sluicebox_udf::{Raw, Record, json};

mod raw {
    use super::*;

    #[sluicebox_udf::filter]
    pub fn not_null(value: Raw<'_>) -> bool {
        value.0.is_some()
    }
}

mod record {
    use super::*;

    #[derive(Deserialize)]
    pub struct Config {
        pub since_ms: i64,
    }

    #[derive(Deserialize)]
    pub struct Click<'a> {
        page: &'a str,
    }

    #[sluicebox_udf::filter]
    pub fn wanted(click: Record<'_, Click<'_>>, config: &Config) -> Result<bool, String> {
        if click.header("fail").is_some() {
            return Err(format!("page {} fails", click.value().page));
        }
        Ok(click.key() == Some(b"ann") && click.timestamp_ms() >= config.since_ms)
    }
}

#[test]
fn null_keys_and_tombstones_pass_through() {
    let done = testing::filter::<raw::not_null>(json!(null), [Input::new("x"), Input::tombstone()]);
    assert_eq!(done.unwrap().kept, [0]);
}

#[test]
fn more_than_a_byte_of_verdicts() {
    let values = (0..21).map(|i| {
        if i % 3 == 0 {
            Input::new("x")
        } else {
            Input::tombstone()
        }
    });
    let done = testing::filter::<raw::not_null>(json!(null), values).unwrap();
    assert_eq!(done.kept, [0, 3, 6, 9, 12, 15, 18]);
}

#[test]
fn no_rows_are_no_verdicts() {
    let done = testing::filter::<raw::not_null>(json!(null), [""; 0]).unwrap();
    assert!(done.kept.is_empty() && done.errors.is_empty());
}

#[test]
fn key_headers_and_timestamp_are_there() {
    let click = || Input::new(r#"{"page":"/a"}"#).key("ann");
    let rows = [
        click().at_ms(10),
        click().at_ms(9),
        click().at_ms(10).key("bob"),
        click()
            .at_ms(10)
            .header("fail", None)
            .header("fail", b"1".as_slice()),
        Input::new("{").key("ann").at_ms(10),
        Input::tombstone().key("ann").at_ms(10),
    ];
    let done = testing::filter::<record::wanted>(json!({"since_ms": 10}), rows).unwrap();
    assert_eq!(done.kept, [0]);
    let errors: Vec<_> = done
        .errors
        .iter()
        .map(|e| (e.row, e.message.as_str()))
        .collect();
    assert_eq!(errors[0], (3, "page /a fails"));
    assert!(
        errors[1].0 == 4 && errors[1].1.contains("not the JSON expected: EOF"),
        "{errors:?}"
    );
    assert!(
        errors[2].0 == 5 && errors[2].1.contains("null"),
        "{errors:?}"
    );
}

#[test]
fn the_function_stays_callable() {
    let config = record::Config { since_ms: 0 };
    let click: record::Click = serde_json::from_str(r#"{"page":"/"}"#).unwrap();
    assert_eq!(
        record::wanted(Record::new(click).with_key(b"ann"), &config),
        Ok(true)
    );
}
