//! The conservation ledger at the end of a run: where every row went, and that none is missing.

use crate::output::{Paint, table};
use serde_json::json;
use sluicebox_core::ledger::Account;
use sluicebox_host::Summary;
use std::collections::BTreeMap;

/// For people.
pub fn text(summary: &Summary, paint: Paint) -> String {
    let how = match summary.ended {
        true => "the input has ended; everything is committed",
        false => "stopped; what was read is committed",
    };
    if summary.accounts.is_empty() {
        return format!("{how}\n");
    }
    let rows: Vec<_> = summary
        .accounts
        .iter()
        .map(|(id, account)| row(id, account))
        .collect();
    let header = [
        "operator",
        "in",
        "forwarded",
        "filtered",
        "absorbed",
        "late",
        "skipped",
        "dead letters",
        "held",
    ];
    let verdict = match imbalance(summary) {
        None => paint.good("balanced: every row is accounted for"),
        Some(wrong) => paint.error(format!("NOT BALANCED: {wrong}; please report this")),
    };
    format!("{how}\n\n{}\n{verdict}\n", table(&header, &rows))
}

fn row(id: &str, account: &Account) -> Vec<String> {
    let Account {
        input,
        forwarded,
        filtered,
        absorbed,
        late,
        skipped,
        dead_lettered,
        held,
        ..
    } = account;
    let numbers = [
        input,
        forwarded,
        filtered,
        absorbed,
        late,
        skipped,
        dead_lettered,
        held,
    ];
    std::iter::once(id.to_owned())
        .chain(numbers.map(ToString::to_string))
        .collect()
}

fn imbalance(summary: &Summary) -> Option<String> {
    let wrong = |(id, account): &(String, Account)| Some(format!("{id}: {}", account.imbalance()?));
    summary.accounts.iter().find_map(wrong)
}

/// For programs: one line.
pub fn json(summary: &Summary) -> String {
    let operators: BTreeMap<_, _> = summary.accounts.iter().cloned().collect();
    let balanced = imbalance(summary).is_none();
    json!({"event": "end", "ended": summary.ended, "balanced": balanced, "operators": operators})
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(filtered: u64) -> Summary {
        let valid = Account {
            input: 10,
            forwarded: 7,
            filtered,
            ..Account::default()
        };
        let spend = Account {
            input: 7,
            absorbed: 6,
            late: 1,
            assigned: 6,
            released: 4,
            held: 2,
            ..Account::default()
        };
        Summary {
            ended: true,
            accounts: vec![("valid".to_owned(), valid), ("spend".to_owned(), spend)],
        }
    }

    #[test]
    fn every_row_is_shown() {
        insta::assert_snapshot!(text(&summary(3), Paint::plain()), @r"
        the input has ended; everything is committed

        operator  in  forwarded  filtered  absorbed  late  skipped  dead letters  held
        valid     10          7         3         0     0        0             0     0
        spend      7          0         0         6     1        0             0     2

        balanced: every row is accounted for
        ");
    }

    #[test]
    fn a_lost_row_is_shouted() {
        let seen = text(&summary(2), Paint::plain());
        assert!(
            seen.contains("NOT BALANCED: valid: 10 rows came in, 9 are accounted for"),
            "{seen}"
        );
        assert!(json(&summary(2)).contains(r#""balanced":false"#));
    }
}
