//! The window aggregate of the benchmark's windowed job: count and sum per user and minute.

use serde::{Deserialize, Serialize};
use sluicebox_udf::{Accumulator, Window};

#[derive(Deserialize)]
struct Event {
    amount: i64,
}

#[derive(Default, Accumulator)]
struct Count {
    count: u64,
    sum: i64,
}

#[derive(Serialize)]
struct Counted<'a> {
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
