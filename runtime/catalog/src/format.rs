//! Revisions and checkpoints as bytes: one JSON object each, with the number of its format. Another format is refused by
//! that number before anything else is looked at; an unknown field or kind of change is refused too, never passed over.

use crate::change::{FORMAT, Revision};
use crate::error::{Error, Refused};
use crate::invariants;
use crate::limits::REVISION_BYTES_MAX;
use crate::state::Catalog;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What every format begins with being read as.
#[derive(Deserialize)]
struct Header {
    format: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    #[allow(
        dead_code,
        reason = "read as the header already; named so that it is no unknown field"
    )]
    format: u32,
    catalog: Catalog,
}

#[derive(Serialize)]
struct CheckpointRef<'a> {
    format: u32,
    catalog: &'a Catalog,
}

/// The object of a revision.
pub(crate) fn encode_revision(revision: &Revision) -> Result<Bytes, Error> {
    let bytes = encode(revision)?;
    match bytes.len() as u64 <= REVISION_BYTES_MAX {
        true => Ok(bytes),
        false => Err(Refused::invalid(format!(
            "this change takes {} bytes; one takes at most {REVISION_BYTES_MAX}",
            bytes.len()
        ))
        .into()),
    }
}

/// The revision that `object` holds; it has to be this number.
pub(crate) fn decode_revision(object: &str, number: u64, bytes: &[u8]) -> Result<Revision, Error> {
    let revision: Revision = decode(object, bytes)?;
    if revision.revision != number {
        return Err(damaged(
            object,
            format!("it holds revision {}", revision.revision),
        ));
    }
    Ok(revision)
}

/// The object of a checkpoint.
pub(crate) fn encode_checkpoint(catalog: &Catalog) -> Result<Bytes, Error> {
    invariants::check(catalog).map_err(|why| Error::Invariant(why.to_owned()))?;
    encode(&CheckpointRef {
        format: FORMAT,
        catalog,
    })
}

/// The catalog that `object` holds, as of this revision.
pub(crate) fn decode_checkpoint(object: &str, number: u64, bytes: &[u8]) -> Result<Catalog, Error> {
    let catalog = decode::<Checkpoint>(object, bytes)?.catalog;
    if catalog.revision != number {
        let why = format!("it holds the catalog of revision {}", catalog.revision);
        return Err(damaged(object, why));
    }
    match invariants::check(&catalog) {
        Ok(()) => Ok(catalog),
        Err(why) => Err(damaged(
            object,
            format!("a rule does not hold in it ({why})"),
        )),
    }
}

fn encode(content: &impl Serialize) -> Result<Bytes, Error> {
    match serde_json::to_vec(content) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => Err(Error::Invariant(error.to_string())),
    }
}

fn decode<T: DeserializeOwned>(object: &str, bytes: &[u8]) -> Result<T, Error> {
    let header: Header =
        serde_json::from_slice(bytes).map_err(|error| damaged(object, error.to_string()))?;
    if header.format != u64::from(FORMAT) {
        return Err(Error::Format {
            object: object.to_owned(),
            found: header.format,
        });
    }
    serde_json::from_slice(bytes).map_err(|error| damaged(object, error.to_string()))
}

/// The same error, with what to do where it says that something is damaged.
pub(crate) fn advise(error: Error, advice: &str) -> Error {
    match error {
        Error::Damaged { object, why } => Error::Damaged {
            object,
            why: format!("{why}. {advice}"),
        },
        other => other,
    }
}

/// An object that is not what was written.
pub(crate) fn damaged(object: &str, why: impl Into<String>) -> Error {
    Error::Damaged {
        object: object.to_owned(),
        why: why.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{deploy, next, shop, tenant};

    fn text(bytes: &Bytes) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// What is in the log: it changes only together with [`FORMAT`].
    #[test]
    fn golden_revisions() {
        let catalog = shop();
        let revisions = [
            next(&catalog, tenant("books")),
            next(&catalog, deploy("spend", "job: spend")),
        ];
        for revision in &revisions {
            let bytes = encode_revision(revision).unwrap();
            insta::assert_snapshot!(text(&bytes));
            assert_eq!(decode_revision("x", 8, &bytes).as_ref(), Ok(revision));
        }
    }

    /// What is in a checkpoint: it changes only together with [`FORMAT`].
    #[test]
    fn golden_checkpoint() {
        let bytes = encode_checkpoint(&shop()).unwrap();
        insta::assert_snapshot!(text(&bytes));
        assert_eq!(decode_checkpoint("x", 7, &bytes), Ok(shop()));
    }

    #[test]
    fn another_format_is_refused_by_its_number() {
        let why =
            |text: &str| decode_revision("catalog/log/8.json", 8, text.as_bytes()).unwrap_err();
        insta::assert_snapshot!(why(r#"{"format": 2, "something": "new"}"#), @"`catalog/log/8.json` has format 2, and this version of sluicebox knows 1: run the version that wrote it, or a newer one");
        assert_eq!(why(r#"{"format": 2}"#).kind(), crate::error::Kind::Operator);
        insta::assert_snapshot!(why(r#"{"something": "else"}"#), @"`catalog/log/8.json` is damaged: missing field `format` at line 1 column 21");
        insta::assert_snapshot!(why("PK"), @"`catalog/log/8.json` is damaged: expected value at line 1 column 1");
        insta::assert_snapshot!(why(""), @"`catalog/log/8.json` is damaged: EOF while parsing a value at line 1 column 0");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let good = text(&encode_revision(&next(&shop(), tenant("books"))).unwrap());
        let why = |text: String| decode_revision("8.json", 8, text.as_bytes()).unwrap_err();
        insta::assert_snapshot!(why(good.replace("tenant_created", "tenant_sold")), @"`8.json` is damaged: unknown variant `tenant_sold`, expected one of `tenant_created`, `tenant_changed`, `token_created`, `token_revoked`, `module_pushed`, `module_deleted`, `job_deployed`, `job_desired`, `job_deleted` at line 1 column 112");
        insta::assert_snapshot!(why(good.replace("\"by\"", "\"bye\"")), @"`8.json` is damaged: unknown field `bye`, expected one of `format`, `revision`, `at_ms`, `by`, `writer`, `change` at line 1 column 52");
        insta::assert_snapshot!(why(good.replace("modules_max", "moduls_max")), @"`8.json` is damaged: unknown field `moduls_max`, expected one of `modules_max`, `jobs_max`, `module_bytes_max`, `instance_memory_bytes_max`, `cpu_percent_max`, `records_per_second_max`, `bytes_per_second_max`, `state_bytes_max`, `memory_bytes_max` at line 1 column 243");
        insta::assert_snapshot!(why(good.replace("orders", "sluicebox.orders")), @"`8.json` is damaged: `sluicebox.orders` can't be granted: names that begin with `sluicebox.` belong to sluicebox at line 1 column 171");
        insta::assert_snapshot!(why(good.replace("\"revision\":8", "\"revision\":9")), @"`8.json` is damaged: it holds revision 9");
        insta::assert_snapshot!(why(good[..good.len() - 9].to_owned()), @"`8.json` is damaged: EOF while parsing an object at line 1 column 447");
    }

    /// Some later program's field may change what all others mean.
    #[test]
    fn an_unknown_field_is_refused_wherever_it_is() {
        let mut full = shop();
        full.tenants.remove("toys");
        let checkpoint = text(&encode_checkpoint(&full).unwrap());
        let deployed = text(&encode_revision(&next(&full, deploy("spend", "job: spend"))).unwrap());
        let created = text(&encode_revision(&next(&full, tenant("books"))).unwrap());
        let mut tried = 0;
        for good in [checkpoint, deployed, created] {
            for (at, _) in good.match_indices("{\"") {
                let mut odd = good.clone();
                odd.insert_str(at + 1, "\"unknown\":1,");
                assert!(decode_revision("x", 8, odd.as_bytes()).is_err(), "{odd}");
                assert!(decode_checkpoint("x", 7, odd.as_bytes()).is_err(), "{odd}");
                tried += 1;
            }
        }
        assert!(tried > 20);
    }

    #[test]
    fn a_checkpoint_must_be_sound() {
        let good = text(&encode_checkpoint(&shop()).unwrap());
        let why =
            |text: &str, number| decode_checkpoint("7.json", number, text.as_bytes()).unwrap_err();
        insta::assert_snapshot!(why(&good, 8), @"`7.json` is damaged: it holds the catalog of revision 7");
        insta::assert_snapshot!(why(&good.replace("\"next_version\":3", "\"next_version\":2"), 7), @"`7.json` is damaged: a rule does not hold in it (`name@version` must never mean two things)");
        let mut broken = shop();
        broken
            .tokens
            .values_mut()
            .for_each(|token| token.hash = "hunter2".to_owned());
        insta::assert_snapshot!(encode_checkpoint(&broken).unwrap_err(), @"this change would break the catalog (a secret must not be kept, and digests are compared), which is a fault of sluicebox. Nothing was changed; report it");
    }

    #[test]
    fn a_change_has_a_size() {
        let large = deploy("spend", &"\u{1}".repeat(3 << 20));
        insta::assert_snapshot!(encode_revision(&next(&shop(), large)).unwrap_err(), @"this change takes 18874657 bytes; one takes at most 16777216");
    }
}
