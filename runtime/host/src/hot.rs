//! Which keys have most of a shard's records: the Space-Saving sketch (Metwally, Agrawal and El Abbadi, 2005) over a sample of
//! them. A window after the source has the source's keys, so these are the keys of its state too. It looks, and changes nothing.

use sluicebox_core::batch::Batch;

/// Keys that are counted at a time.
const COUNTERS: usize = 32;
/// One record of so many is looked at. A prime: producers' batches have no such rhythm.
const EVERY: usize = 61;
/// After so many all counts are halved: what was hot an hour ago is not hot.
const SAMPLED_MAX: u32 = 8_192;
/// Before so many nothing is said.
const SAMPLED_MIN: u32 = 64;
/// Bytes of a key that are looked at: keys that are the same so far count as one.
const KEY_BYTES_MAX: usize = 128;
/// Keys that are told of.
const TOLD_MAX: usize = 5;

/// A key that many records have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotKey {
    /// Its first bytes.
    pub key: Vec<u8>,
    /// Sampled records that have it, at least.
    pub count: u32,
    /// Sampled records in all.
    pub of: u32,
}

impl HotKey {
    /// Its part of the records, from 0 to 1.
    pub fn share(&self) -> f64 {
        f64::from(self.count) / f64::from(self.of.max(1))
    }
}

/// Counts the keys of a shard.
#[derive(Debug, Default)]
pub struct HotKeys {
    counters: Vec<Counter>,
    sampled: u32,
    /// Records to pass over before the next one is looked at.
    skip: usize,
}

#[derive(Debug)]
struct Counter {
    key: Vec<u8>,
    count: u32,
    /// How many of them may have been another key's.
    error: u32,
}

impl HotKeys {
    /// These records were read.
    pub fn saw(&mut self, records: &Batch) {
        let mut row = self.skip;
        while row < records.len() {
            self.count(records.key(row));
            row += EVERY;
        }
        self.skip = row - records.len();
    }

    fn count(&mut self, key: Option<&[u8]>) {
        self.sampled += 1;
        if let Some(key) = key {
            let key = &key[..key.len().min(KEY_BYTES_MAX)];
            match self.counters.iter_mut().find(|counter| counter.key == key) {
                Some(counter) => counter.count += 1,
                None => self.begin(key),
            }
        }
        if self.sampled == SAMPLED_MAX {
            self.sampled /= 2;
            for counter in &mut self.counters {
                counter.count /= 2;
                counter.error /= 2;
            }
        }
    }

    /// A key without a counter takes that of the rarest one, and with it the doubt whose records they were.
    fn begin(&mut self, key: &[u8]) {
        if self.counters.len() < COUNTERS {
            self.counters.push(Counter {
                key: key.to_vec(),
                count: 1,
                error: 0,
            });
            return;
        }
        if let Some(rarest) = self.counters.iter_mut().min_by_key(|c| c.count) {
            rarest.error = rarest.count;
            rarest.count += 1;
            rarest.key.clear();
            rarest.key.extend_from_slice(key);
        }
    }

    /// The keys that have at least a hundredth of the records for sure, the hottest first.
    pub fn hottest(&self) -> Vec<HotKey> {
        if self.sampled < SAMPLED_MIN {
            return Vec::new();
        }
        // Most shards have none, and this is asked for at each commit.
        let sure = |counter: &Counter| counter.count - counter.error;
        let hot = self
            .counters
            .iter()
            .filter(|c| sure(c) >= self.sampled.div_ceil(100));
        let mut hot: Vec<HotKey> = hot
            .map(|counter| HotKey {
                key: counter.key.clone(),
                count: sure(counter),
                of: self.sampled,
            })
            .collect();
        hot.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        hot.truncate(TOLD_MAX);
        hot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records with keys by their number.
    fn batch(keys: impl Iterator<Item = Option<String>>) -> Batch {
        let mut batch = Batch::default();
        for key in keys {
            batch.push(key.as_deref().map(str::as_bytes), None, None, 0);
        }
        batch
    }

    /// Numbers without a rhythm (the mixer of SplitMix64).
    fn spread(i: u64) -> u64 {
        let mut z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[test]
    fn a_hot_key_among_many_cold_ones_is_found_whatever_the_batches() {
        let key = |i: u64| match spread(i) % 10 {
            0..3 => Some("hot".to_owned()),
            3 => None,
            _ => Some(format!("cold-{i}")),
        };
        let mut hot = HotKeys::default();
        let mut from = 0;
        for size in (1..4_000).step_by(37) {
            hot.saw(&batch((from..from + size).map(key)));
            from += size;
        }
        let found = hot.hottest();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].key, b"hot");
        let share = found[0].share();
        assert!((0.25..=0.35).contains(&share), "{share}");
    }

    #[test]
    fn what_was_hot_gets_cold() {
        let mut hot = HotKeys::default();
        for (key, records) in [("old", 400_000), ("new", 2_000_000)] {
            hot.saw(&batch((0..records).map(|_| Some(key.to_owned()))));
        }
        let found = hot.hottest();
        assert_eq!(found[0].key, b"new");
        assert!(found[0].share() > 0.9, "{found:?}");
    }

    #[test]
    fn few_records_and_even_ones_say_nothing() {
        let mut few = HotKeys::default();
        few.saw(&batch((0..1_000).map(|_| Some("k".to_owned()))));
        assert!(few.hottest().is_empty());
        let mut even = HotKeys::default();
        even.saw(&batch((0..400_000).map(|i| Some(spread(i).to_string()))));
        assert!(even.hottest().is_empty(), "{:?}", even.hottest());
    }
}
