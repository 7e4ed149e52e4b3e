//! What a record of a dead-letter topic says of itself. Others may write there too, so nothing in it is believed unseen.

use sluicebox_core::batch::{self, Batch};
use sluicebox_core::pipeline::source_topic;
use sluicebox_core::spec::JobSpec;

/// Headers that the host adds begin with this; the record's own come before them.
const PREFIX: &[u8] = b"sluicebox-";

/// A dead letter of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Id of the operator that failed, or of the source.
    pub operator: String,
    /// Why.
    pub error: String,
    /// Partition of the source.
    pub source_partition: i32,
    /// Offset in it; none at the end of bounded input.
    pub source_offset: Option<i64>,
    /// It is not a record, but the result of a window, which ends then (milliseconds since 1970).
    pub window_end: Option<i64>,
    /// Key, value and own headers are there: none was too large for the topic.
    pub whole: bool,
    /// The record's own headers, packed.
    pub headers: Option<Vec<u8>>,
}

impl Letter {
    /// Read a row of the topic; `None` where it is no dead letter of this job and source.
    pub fn read(rows: &Batch, row: usize, spec: &JobSpec) -> Option<Self> {
        let packed = rows.headers(row)?;
        let mut own = Vec::new();
        let mut ours = Ours::default();
        for header in batch::headers(packed) {
            let (name, value) = header.ok()?;
            match name.starts_with(PREFIX) {
                true => ours.take(name, value?)?,
                false => batch::push_header(&mut own, name, value),
            }
        }
        let of_this_job = ours.job == spec.job && ours.topic == source_topic(&spec.source);
        of_this_job.then_some(Self {
            operator: ours.operator,
            error: ours.error,
            source_partition: ours.partition?,
            source_offset: match ours.offset.as_str() {
                "end" => None,
                offset => Some(offset.parse().ok().filter(|offset| *offset >= 0)?),
            },
            window_end: ours.window_end,
            whole: !ours.dropped,
            headers: (!own.is_empty()).then_some(own),
        })
    }
}

/// The host's headers. The last one of a name holds: a record that had been a dead letter before has older ones of its own.
#[derive(Default)]
struct Ours {
    job: String,
    operator: String,
    error: String,
    topic: String,
    partition: Option<i32>,
    offset: String,
    window_end: Option<i64>,
    dropped: bool,
}

impl Ours {
    fn take(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        let text = std::str::from_utf8(value).ok()?;
        match &name[PREFIX.len()..] {
            b"job" => {
                // The first header of a letter: what came before belongs to an older one.
                *self = Self {
                    job: text.to_owned(),
                    ..Self::default()
                }
            }
            b"operator" => self.operator = text.to_owned(),
            b"error" => self.error = text.to_owned(),
            b"source-topic" => self.topic = text.to_owned(),
            b"source-partition" => self.partition = Some(text.parse().ok()?),
            b"source-offset" => self.offset = text.to_owned(),
            b"window-end" => self.window_end = Some(text.parse().ok()?),
            dropped if dropped.ends_with(b"-dropped-bytes") => self.dropped = true,
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "apiVersion: sluicebox/v1\njob: copy\nsource: { kafka: { topic: in, start: earliest } }\nsink: { kafka: { topic: out } }\n";

    fn spec() -> JobSpec {
        JobSpec::parse(SPEC, &|_| None).expect("a spec")
    }

    fn row(headers: &[(&str, &str)]) -> Batch {
        let mut packed = Vec::new();
        for (name, value) in headers {
            batch::push_header(&mut packed, name.as_bytes(), Some(value.as_bytes()));
        }
        let mut rows = Batch::default();
        rows.push(Some(b"k"), Some(b"v"), Some(&packed), 7);
        rows
    }

    const GOOD: [(&str, &str); 7] = [
        ("trace", "1"),
        ("sluicebox-job", "copy"),
        ("sluicebox-operator", "enrich"),
        ("sluicebox-error", "no rate"),
        ("sluicebox-source-topic", "in"),
        ("sluicebox-source-partition", "3"),
        ("sluicebox-source-offset", "41"),
    ];

    #[test]
    fn a_letter_says_where_it_comes_from() {
        let letter = Letter::read(&row(&GOOD), 0, &spec()).expect("a letter");
        assert_eq!(letter.operator, "enrich");
        assert_eq!(letter.error, "no rate");
        assert_eq!(
            (letter.source_partition, letter.source_offset),
            (3, Some(41))
        );
        assert!(letter.whole && letter.window_end.is_none());
        let mut own = Vec::new();
        batch::push_header(&mut own, b"trace", Some(b"1"));
        assert_eq!(letter.headers, Some(own));
    }

    #[test]
    fn the_newest_failure_holds() {
        let before = [
            ("sluicebox-job", "copy"),
            ("sluicebox-window-end", "9"),
            ("sluicebox-value-dropped-bytes", "9"),
        ];
        let twice: Vec<_> = before.into_iter().chain(GOOD).collect();
        let letter = Letter::read(&row(&twice), 0, &spec()).expect("a letter");
        assert!(letter.whole && letter.window_end.is_none());
    }

    #[test]
    fn what_is_no_letter_of_this_job_is_none() {
        let with = |at: usize, value: &'static str| {
            let mut headers = GOOD;
            headers[at].1 = value;
            Letter::read(&row(&headers), 0, &spec())
        };
        assert!(with(1, "other").is_none());
        assert!(with(4, "elsewhere").is_none());
        for broken in ["", "x", "-1", "99999999999999999999"] {
            assert!(with(6, broken).is_none(), "{broken}");
        }
        assert!(with(5, "x").is_none());
        assert_eq!(
            with(6, "end").map(|letter| letter.source_offset),
            Some(None)
        );
        assert!(Letter::read(&row(&GOOD[..5]), 0, &spec()).is_none());
        let mut plain = Batch::default();
        plain.push(None, None, None, 0);
        plain.push(None, None, Some(&[1, 0]), 0);
        assert!((0..2).all(|row| Letter::read(&plain, row, &spec()).is_none()));
    }
}
