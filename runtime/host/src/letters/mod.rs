//! Dead letters of a job: looking at them, and giving their records back to the job once what made them fail is corrected.
//!
//! Letters are dealt with in order. How far that is, is committed in a group of the job's own, in the very transaction that
//! writes the records: so each is given back once, whoever is killed or asks at the same time.

mod desk;
mod letter;
mod list;
mod path;
mod requeue;
#[cfg(test)]
mod tests;

pub use letter::Letter;
pub use list::{Listed, ListedLetter, Which, list};
pub use requeue::{Requeue, Requeued, requeue};
