//! The window aggregate of the benchmark's windowed job: count and sum per user and minute.

use serde::{Deserialize, Serialize};
use sluicebox_udf::{Accumulator, Window};

#[derive(Deserialize)]
pub struct Event {
    amount: i64,
}

#[derive(Default, Accumulator)]
pub struct Count {
    count: u64,
    sum: i64,
}

#[derive(Serialize)]
pub struct Counted<'a> {
    user: &'a str,
    w: i64,
    count: u64,
    sum: i64,
}

#[sluicebox_udf::window_aggregate]
impl Count {
    fn accumulate(&mut self, event: Event) {
        self.count += 1;
        self.sum += event.amount;
    }

    fn merge(&mut self, later: Self) {
        self.count += later.count;
        self.sum += later.sum;
    }

    fn finish(self, window: Window<'_>) -> Result<Counted<'_>, String> {
        let (user, w) = (window.key_str()?, window.start_ms);
        Ok(Counted {
            user,
            w,
            count: self.count,
            sum: self.sum,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_udf::{json, testing};

    #[test]
    fn counts_and_sums() -> Result<(), String> {
        let events = [
            ("ann", json!({"amount": 1})),
            ("bob", json!({"amount": 2})),
            ("ann", json!({"amount": 3})),
        ];
        let done = testing::window_aggregate::<Count>(json!(null), 60_000..120_000, events)?;
        assert_eq!(
            done.outputs[0].text(),
            r#"{"user":"ann","w":60000,"count":2,"sum":4}"#
        );
        assert_eq!(
            done.outputs[1].text(),
            r#"{"user":"bob","w":60000,"count":1,"sum":2}"#
        );
        assert_eq!(done.outputs, done.outputs_by_merge);
        Ok(())
    }
}
