//! Answers made of random numbers, most of them lies: the same for the same seed, so that a failure can be repeated.

use crate::MODE;
use std::cell::Cell;

/// Numbers that follow from a seed (splitmix64, Steele, Lea and Flood 2014).
pub struct Random(u64);

thread_local!(static CALLS: Cell<u64> = const { Cell::new(0) });

/// There if the config says `random SEED`; other numbers with each call.
pub fn random() -> Option<Random> {
    let seed: u64 = MODE.with_borrow(|mode| mode.strip_prefix("random ")?.parse().ok())?;
    CALLS.set(CALLS.get() + 1);
    Some(Random(seed ^ (CALLS.get() << 32)))
}

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.bits() % limit.max(1)
    }

    /// Small ones, the marks of the contract, and those at the edges.
    pub fn number(&mut self) -> u32 {
        match self.below(8) {
            0..4 => self.below(9) as u32,
            4 => 0xffff_ffff,
            5 => 0xffff_fffe,
            6 => (self.below(5) as u32).wrapping_sub(3) ^ (1 << 31),
            _ => self.bits() as u32,
        }
    }

    pub fn time(&mut self) -> i64 {
        match self.below(4) {
            0 => self.below(1000) as i64,
            1 => i64::MIN,
            2 => i64::MAX,
            _ => self.bits() as i64,
        }
    }

    /// A length: most often the right one.
    pub fn length(&mut self, right: usize) -> usize {
        match self.below(4) {
            0 => self.below(2 * right as u64 + 3) as usize,
            _ => right,
        }
    }

    pub fn numbers(&mut self, length: usize) -> Vec<u32> {
        (0..length).map(|_| self.number()).collect()
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.bits() as u8).collect()
    }

    /// Row and message of errors, most often of none.
    pub fn errors<T>(&mut self, make: impl Fn(u32, String) -> T) -> Vec<T> {
        let count = self.below(6).saturating_sub(3);
        let error = |_| make(self.number(), "e".repeat(self.below(3000) as usize));
        (0..count).map(error).collect()
    }
}
