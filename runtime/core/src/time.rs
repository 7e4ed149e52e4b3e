//! Event time: watermarks and window bounds, in milliseconds, as Apache Flink defines them
//! (`BoundedOutOfOrdernessWatermarks`, `TimeWindow`): W = largest timestamp − delay − 1; [start, end) closes at W ≥ end − 1.

/// Smallest watermark: nothing has been seen.
pub const WATERMARK_MIN: i64 = i64::MIN;
/// Watermark after the end of a bounded input: every window closes.
pub const WATERMARK_MAX: i64 = i64::MAX;

/// Watermark of one source partition with bounded out-of-orderness. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    delay_ms: i64,
    timestamp_max: Option<i64>,
    ended: bool,
}

impl Watermark {
    /// Starts with what an earlier owner had seen, if anything.
    pub fn new(delay_ms: i64, timestamp_max: Option<i64>, ended: bool) -> Self {
        Self {
            delay_ms,
            timestamp_max,
            ended,
        }
    }
    /// A record with this timestamp was processed.
    pub fn observe(&mut self, timestamp: i64) {
        self.timestamp_max = Some(
            self.timestamp_max
                .map_or(timestamp, |max| max.max(timestamp)),
        );
    }
    /// The input has ended.
    pub fn end(&mut self) {
        self.ended = true;
    }
    /// The watermark now.
    pub fn value(&self) -> i64 {
        match self.timestamp_max {
            _ if self.ended => WATERMARK_MAX,
            Some(max) => max.saturating_sub(self.delay_ms).saturating_sub(1),
            None => WATERMARK_MIN,
        }
    }
    /// Largest timestamp seen.
    pub fn timestamp_max(&self) -> Option<i64> {
        self.timestamp_max
    }
    /// Whether the input has ended.
    pub fn ended(&self) -> bool {
        self.ended
    }
}

/// Tumbling windows: [start, start + size), aligned to 1970 plus an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tumbling {
    /// Length in milliseconds, above 0.
    pub size_ms: i64,
    /// Shift of the alignment in milliseconds, 0 ≤ offset < size.
    pub offset_ms: i64,
}

impl Tumbling {
    /// End (excluded) of the window a timestamp falls into; also right before 1970. Saturates at the ends of time.
    pub fn end_of(&self, timestamp: i64) -> i64 {
        let start = timestamp.saturating_sub(
            timestamp
                .saturating_sub(self.offset_ms)
                .rem_euclid(self.size_ms),
        );
        start.saturating_add(self.size_ms)
    }
    /// Start of the window with this end.
    pub fn start_of(&self, end: i64) -> i64 {
        end.saturating_sub(self.size_ms)
    }
}

/// Whether a window that ends at `end` has closed (fired) at this watermark.
pub fn closed(end: i64, watermark: i64) -> bool {
    watermark >= end.saturating_sub(1)
}

/// Whether a window is gone: no row can reach it any more.
pub fn gone(end: i64, allowed_lateness_ms: i64, watermark: i64) -> bool {
    watermark >= end.saturating_sub(1).saturating_add(allowed_lateness_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watermark_is_behind_the_largest_timestamp_and_never_goes_back() {
        let mut watermark = Watermark::new(20, None, false);
        assert_eq!(watermark.value(), WATERMARK_MIN);
        watermark.observe(100);
        watermark.observe(50);
        assert_eq!(watermark.value(), 79);
        watermark.end();
        assert_eq!(watermark.value(), WATERMARK_MAX);
    }

    #[test]
    fn windows_align_also_before_1970_and_with_an_offset() {
        let minute = Tumbling {
            size_ms: 60_000,
            offset_ms: 0,
        };
        assert_eq!(
            [-60_001, -60_000, -1, 0, 59_999].map(|t| minute.end_of(t)),
            [-60_000, 0, 0, 60_000, 60_000]
        );
        let shifted = Tumbling {
            size_ms: 60_000,
            offset_ms: 15_000,
        };
        assert_eq!(
            [14_999, 15_000].map(|t| shifted.end_of(t)),
            [15_000, 75_000]
        );
        assert_eq!(minute.start_of(minute.end_of(61_000)), 60_000);
    }

    #[test]
    fn a_window_closes_at_its_last_millisecond_and_is_gone_later() {
        assert!(!closed(60_000, 59_998) && closed(60_000, 59_999));
        assert!(!gone(60_000, 5, 60_003) && gone(60_000, 5, 60_004));
    }
}
