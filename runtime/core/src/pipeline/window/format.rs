//! Accumulators in the state: the module's bytes, and after them one byte, the number of the format that the module had when it
//! wrote them. So after an upgrade each is migrated when it is next touched, however many there are, and none is given to a
//! module that can't read it.

use super::super::StepError;
use super::super::node::Node;
use crate::batch::Packed;
use crate::udf::{CallError, Udf};
use std::collections::BTreeMap;

/// Accumulators migrated in one call at most: the module has as long for them as for a batch of records.
const MIGRATED_MAX: usize = 256;

/// Accumulators for a call, and which of them have another format than the module's.
#[derive(Default)]
pub(super) struct Accumulators {
    pub packed: Packed,
    /// Numbers of those, by their format.
    others: BTreeMap<u8, Vec<usize>>,
}

/// What a module gets of a value in the state, and its format.
pub(super) fn split(value: &[u8]) -> (&[u8], u8) {
    value
        .split_last()
        .map_or((value, 0), |(format, bytes)| (bytes, *format))
}

/// The value in the state for a module's bytes; `into` is room for it.
pub(super) fn tagged<'v>(bytes: &[u8], format: u8, into: &'v mut Vec<u8>) -> &'v [u8] {
    into.clear();
    into.extend_from_slice(bytes);
    into.push(format);
    into
}

impl Accumulators {
    /// Take one more, as it is in the state.
    pub fn push(&mut self, value: Option<&[u8]>, current: u8) {
        let Some(value) = value else {
            return self.packed.push(None);
        };
        let (bytes, format) = split(value);
        if format != current {
            let number = self.packed.len();
            self.others.entry(format).or_default().push(number);
        }
        self.packed.push(Some(bytes));
    }

    /// All of them in the module's format.
    pub fn migrated(self, udf: &mut dyn Udf, node: &Node) -> Result<Packed, StepError> {
        if self.others.is_empty() {
            return Ok(self.packed);
        }
        let mut migrated = BTreeMap::new();
        for (format, numbers) in &self.others {
            for some in numbers.chunks(MIGRATED_MAX) {
                let mut before = Packed::default();
                some.iter().for_each(|i| before.push(self.packed.get(*i)));
                let after = udf
                    .migrate(*format, &before)
                    .map_err(|error| failed(error, *format, node))?;
                for (number, i) in some.iter().zip(0..) {
                    migrated.insert(*number, after.get(i).map(<[u8]>::to_vec));
                }
            }
        }
        let mut all = Packed::default();
        for i in 0..self.packed.len() {
            match migrated.get(&i) {
                Some(bytes) => all.push(bytes.as_deref()),
                None => all.push(self.packed.get(i)),
            }
        }
        Ok(all)
    }
}

/// What rows are in an accumulator that can't be read is unknown, so no policy for failed rows covers it.
fn failed(error: CallError, format: u8, node: &Node) -> StepError {
    match error {
        CallError::Trap(why) | CallError::Module(why) => StepError::Module(format!(
            "operator {}: accumulators of format {format}, which an earlier version of its module wrote, can't be migrated: {why}. \
             Nothing of them is lost: roll back, or deploy a module that migrates them.",
            node.id
        )),
        CallError::Host(why) => StepError::Host(format!("operator {}: {why}", node.id)),
    }
}
