//! A version that can't take up what others have accumulated, and says so.

use serde::de::IgnoredAny;
use sluicebox_udf::{Accumulator, Window};

#[derive(Default, Accumulator)]
pub struct Orders {
    count: u64,
}

#[sluicebox_udf::window_aggregate(format = 2)]
impl Orders {
    fn accumulate(&mut self, _: IgnoredAny) {
        self.count += 1;
    }

    fn merge(&mut self, later: Self) {
        self.count += later.count;
    }

    fn finish(self, _: Window<'_>) -> u64 {
        self.count
    }
}
