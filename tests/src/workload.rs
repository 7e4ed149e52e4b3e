//! The input of end-to-end tests: a stream of orders with everything that makes windows hard, each record a pure
//! function of (seed, partition, index), so that the truth needs no Kafka and a failed run can be repeated.
//!
//! Most orders come up to 20 s out of order (the watermark allows for that), some much later; some must be filtered,
//! some do not parse; users appear in several partitions, whose windows must stay apart.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::records::Rec;

/// Where event time begins: the start of a minute in November 2023.
pub const START_MS: i64 = 1_700_000_040_000;
/// Delay of the watermark, and so how much later than its successors an order may come and still be on time.
pub const OUT_OF_ORDER_MS: i64 = 20_000;

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Decides everything.
    pub seed: u64,
    /// Partitions of the topic.
    pub partitions: i32,
    /// Orders in each partition, before the one that closes the windows.
    pub per_partition: u64,
    /// Users that order.
    pub users: u64,
    /// Event time from one order of a partition to its next, in milliseconds.
    pub step_ms: i64,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            seed: 1,
            partitions: 4,
            per_partition: 20_000,
            users: 50,
            step_ms: 20,
        }
    }
}

/// An order, or what came in place of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Who ordered; the record's key.
    pub user: String,
    /// In cents of the currency.
    pub amount: i64,
    /// `EUR`, `USD`, `GBP`, or one that nobody knows.
    pub currency: &'static str,
    /// Event time in milliseconds since 1970.
    pub timestamp: i64,
    /// The record's value is no JSON.
    pub malformed: bool,
}

impl Workload {
    /// Order `index` of a partition. The last one (index `per_partition`) is far in the future: it closes the windows
    /// of all others, and its own never closes.
    pub fn order(&self, partition: i32, index: u64) -> Order {
        let mut random = Random(mix(self.seed ^ mix((partition as u64) << 40 | index)));
        let base = START_MS + index as i64 * self.step_ms;
        let late = random.below(100);
        let timestamp = match late {
            _ if index == self.per_partition => base + 3_600_000,
            // Later than allowed for: whether too late depends on its window.
            0..3 => base - OUT_OF_ORDER_MS - random.below(100_000) as i64,
            // In order: these move the watermark.
            3..20 => base,
            _ => base - random.below(OUT_OF_ORDER_MS as u64 + 1) as i64,
        };
        let currency = ["EUR", "USD", "GBP", "XXX"][random.skewed(&[60, 20, 15, 5])];
        Order {
            user: format!("user-{}", random.below(self.users)),
            amount: random.below(10_000) as i64,
            currency,
            timestamp,
            malformed: random.below(500) == 0,
        }
    }

    /// The record of order `index`.
    pub fn record(&self, partition: i32, index: u64) -> Rec {
        let order = self.order(partition, index);
        let value = match order.malformed {
            true => format!("{{\"order\":{index}, no JSON"),
            false => format!(
                "{{\"order\":{index},\"user\":\"{}\",\"amount\":{},\"currency\":\"{}\",\"item\":\"item-{}\"}}",
                order.user,
                order.amount,
                order.currency,
                index % 97
            ),
        };
        Rec::new(partition, &order.user, &value, order.timestamp)
    }

    /// Records `from..to` of every partition, as they would arrive: round robin.
    pub fn records(&self, from: u64, to: u64) -> impl Iterator<Item = Rec> {
        let all = (from..to).flat_map(|index| (0..self.partitions).map(move |p| (p, index)));
        all.map(|(partition, index)| self.record(partition, index))
    }

    /// Number of records of a partition, the closing one included.
    pub fn length(&self) -> u64 {
        self.per_partition + 1
    }
}

/// The seed of this run: `SLUICEBOX_SEED`, else a new one; printed, so that a failure can be repeated.
pub fn seed() -> u64 {
    let given = std::env::var("SLUICEBOX_SEED").ok();
    let seed = match given.map(|text| text.parse()) {
        Some(Ok(seed)) => seed,
        Some(Err(_)) => panic!("SLUICEBOX_SEED is not a number"),
        None => RandomState::new().build_hasher().finish(),
    };
    eprintln!("seed: SLUICEBOX_SEED={seed}");
    seed
}

/// Numbers that follow from a seed (splitmix64, Steele, Lea and Flood 2014).
#[derive(Clone, Copy, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `limit`, which is above 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.bits() % limit
    }

    /// An index, by weights.
    fn skewed(&mut self, weights: &[u64]) -> usize {
        let mut at = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            match at.checked_sub(*weight) {
                Some(rest) => at = rest,
                None => return index,
            }
        }
        0
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
