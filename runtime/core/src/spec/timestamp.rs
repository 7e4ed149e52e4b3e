//! Which time a record has: a policy of the spec, a pure function of the record and of those before it.

/// Which time a record has, and what becomes of one whose time cannot be right.
///
/// One record from the year 9999 would close every window for good, so a range is accepted and the rest never
/// reaches the watermark. The range is absolute and part of the spec, not "near now": the result must be the same
/// whenever the input is read again, and without a clock a gap in the input can't be told from a wrong timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampPolicy {
    /// Where the time is found.
    pub from: TimestampFrom,
    /// Smallest time accepted, in milliseconds since 1970 (default 0, so that Kafka's -1, "none", is invalid).
    pub min_ms: i64,
    /// First time no longer accepted (default: the year 2100).
    pub max_ms: i64,
    /// What becomes of a record outside of the range, or without a time.
    pub on_invalid: OnInvalid,
}

/// Where a record's time is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimestampFrom {
    /// The Kafka record's own timestamp. Records of a file or of stdin have 0: no window job may read them so.
    Record,
    /// A top-level field of the JSON line: an integer (milliseconds since 1970) or an RFC 3339 string
    /// (see [`crate::spec::parse_time_ms`]). File and stdin only.
    Field(String),
}

/// What becomes of a record whose time is invalid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnInvalid {
    /// The job stops with an error that names the record. The default: nothing is lost or changed unseen.
    #[default]
    Fail,
    /// The record is dropped and counted as skipped.
    Skip,
    /// The record goes to the dead-letter topic.
    DeadLetter,
    /// The record takes the largest valid time of its partition so far (before the first: the smallest accepted
    /// time): it counts as "now" and moves no watermark.
    Clamp,
}

/// What [`TimestampPolicy::judge`] says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The record has this time.
    Time(i64),
    /// The time is invalid: the record goes the way of `on_invalid`, which is not `Clamp`.
    Invalid,
}

impl TimestampPolicy {
    /// The time a record counts with. `timestamp` is what was found (`None`: nothing was), `largest` the largest valid
    /// time so far in its partition. Milliseconds since 1970.
    pub fn judge(&self, timestamp: Option<i64>, largest: Option<i64>) -> Verdict {
        match timestamp {
            Some(time) if (self.min_ms..self.max_ms).contains(&time) => Verdict::Time(time),
            _ if self.on_invalid == OnInvalid::Clamp => {
                Verdict::Time(largest.unwrap_or(self.min_ms))
            }
            _ => Verdict::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(on_invalid: OnInvalid) -> TimestampPolicy {
        TimestampPolicy {
            from: TimestampFrom::Record,
            min_ms: 0,
            max_ms: 4_000,
            on_invalid,
        }
    }

    #[test]
    fn a_wrong_time_moves_no_watermark() {
        let clamp = policy(OnInvalid::Clamp);
        for wrong in [Some(-1), Some(4_000), Some(i64::MAX), Some(i64::MIN), None] {
            assert_eq!(clamp.judge(wrong, Some(70)), Verdict::Time(70));
            assert_eq!(clamp.judge(wrong, None), Verdict::Time(0));
            for refuse in [OnInvalid::Fail, OnInvalid::Skip, OnInvalid::DeadLetter] {
                assert_eq!(policy(refuse).judge(wrong, Some(70)), Verdict::Invalid);
            }
        }
        for good in [0, 69, 3_999] {
            assert_eq!(clamp.judge(Some(good), Some(70)), Verdict::Time(good));
        }
    }
}
