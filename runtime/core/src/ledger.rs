//! The conservation ledger: where every row went. It is in each epoch record and must balance at each commit; a
//! ledger that does not is a bug that loses or doubles rows, so the shard stops instead of committing it.

use serde::{Deserialize, Serialize};

/// Rows of one operator since the job began, by where they went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Input rows.
    #[serde(rename = "in")]
    pub input: u64,
    /// Rows with at least one output (filter: kept).
    pub forwarded: u64,
    /// Rows dropped on purpose (filter: dropped; map: no output).
    pub filtered: u64,
    /// Failed rows skipped by policy.
    pub skipped: u64,
    /// Rows whose every window was gone.
    pub late: u64,
    /// Failed rows sent to the dead-letter topic.
    pub dead_lettered: u64,
    /// Rows taken into windows.
    pub absorbed: u64,
    /// Window operators, in (row, window) pairs: put into windows.
    pub assigned: u64,
    /// (row, window) pairs whose window is gone.
    pub released: u64,
    /// (row, window) pairs in windows still held.
    pub held: u64,
}

impl Account {
    /// Why this account does not balance; `None` if it does.
    pub fn imbalance(&self) -> Option<String> {
        let out = self.forwarded
            + self.filtered
            + self.skipped
            + self.late
            + self.dead_lettered
            + self.absorbed;
        if self.input != out {
            return Some(format!(
                "{} rows came in, {out} are accounted for",
                self.input
            ));
        }
        if self.assigned != self.released + self.held {
            return Some(format!(
                "{} rows were put into windows, {} released and {} held",
                self.assigned, self.released, self.held
            ));
        }
        None
    }

    /// Sum with another shard's account of the same operator.
    pub fn add(&mut self, other: &Account) {
        self.input += other.input;
        self.forwarded += other.forwarded;
        self.filtered += other.filtered;
        self.skipped += other.skipped;
        self.late += other.late;
        self.dead_lettered += other.dead_lettered;
        self.absorbed += other.absorbed;
        self.assigned += other.assigned;
        self.released += other.released;
        self.held += other.held;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_row_shows() {
        let mut account = Account {
            input: 3,
            forwarded: 2,
            filtered: 1,
            ..Account::default()
        };
        assert_eq!(account.imbalance(), None);
        account.filtered = 0;
        assert_eq!(
            account.imbalance().as_deref(),
            Some("3 rows came in, 2 are accounted for")
        );
    }

    #[test]
    fn a_row_lost_from_a_window_shows() {
        let account = Account {
            input: 2,
            absorbed: 2,
            assigned: 2,
            released: 1,
            ..Account::default()
        };
        assert!(account.imbalance().is_some());
    }
}
