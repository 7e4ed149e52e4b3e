//! The results as the demo shows them: a line for each minute, once all partitions have closed it.

use super::wire::PARTITIONS;
use serde::Deserialize;
use sluicebox_core::spec::format_time_ms;
use std::collections::BTreeMap;

/// What `spend-per-user` puts out.
#[derive(Deserialize)]
struct Spent<'a> {
    user: &'a str,
    window_start: i64,
    count: u64,
    sum_cents: i64,
}

/// One minute of all users.
#[derive(Default)]
struct Minute {
    users: u64,
    orders: u64,
    cents: i64,
    top: (i64, String),
}

/// Minutes that are not complete, and what is known of all.
#[derive(Default)]
pub struct Windows {
    open: BTreeMap<i64, Minute>,
    /// Newest window seen of each partition.
    newest: BTreeMap<i32, i64>,
    /// Orders in all results so far.
    pub orders: u64,
    /// Results so far.
    pub results: u64,
    /// Results that are not what they should be.
    pub strange: u64,
}

impl Windows {
    /// Take a result in.
    pub fn add(&mut self, partition: i32, value: &[u8]) {
        let Ok(spent) = serde_json::from_slice::<Spent<'_>>(value) else {
            self.strange += 1;
            return;
        };
        self.results += 1;
        self.orders += spent.count;
        let newest = self.newest.entry(partition).or_insert(spent.window_start);
        *newest = spent.window_start.max(*newest);
        let minute = self.open.entry(spent.window_start).or_default();
        minute.users += 1;
        minute.orders += spent.count;
        minute.cents += spent.sum_cents;
        if spent.sum_cents > minute.top.0 {
            minute.top = (spent.sum_cents, spent.user.to_owned());
        }
    }

    /// Lines of the minutes that are complete: windows fire in order, so a later one of each partition says so. `all`
    /// says that nothing will follow.
    pub fn complete(&mut self, all: bool) -> Vec<String> {
        let everywhere = self.newest.len() == PARTITIONS as usize;
        let before = self.newest.values().copied().min().filter(|_| everywhere);
        let mut lines = Vec::new();
        while let Some(entry) = self.open.first_entry() {
            if !all && before.is_none_or(|before| *entry.key() >= before) {
                break;
            }
            let (start, minute) = entry.remove_entry();
            lines.push(line(start, &minute));
        }
        lines
    }
}

fn line(start_ms: i64, minute: &Minute) -> String {
    let time = format_time_ms(start_ms);
    let Minute {
        users,
        orders,
        cents,
        top: (top_cents, top),
    } = minute;
    let euros = |cents: i64| format!("{}.{:02} EUR", cents / 100, cents % 100);
    format!(
        "{}  {orders:>7} orders  {users:>5} users  {:>16}   most: {top} with {}",
        time.get(11..16).unwrap_or(&time),
        euros(*cents),
        euros(*top_cents)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_shown_once_all_partitions_closed_it() {
        let mut windows = Windows::default();
        let mut add = |partition, start: i64, user: &str| {
            let value = format!(
                r#"{{"user":"{user}","window_start":{start},"count":2,"sum_cents":1050,"min_cents":1,"max_cents":9}}"#
            );
            windows.add(partition, value.as_bytes());
            windows.complete(false)
        };
        for partition in 0..4 {
            assert!(add(partition, 0, &format!("user-{partition}")).is_empty());
        }
        for partition in 0..3 {
            assert!(add(partition, 60_000, "u").is_empty());
        }
        let shown = add(3, 60_000, "u");
        assert_eq!(
            shown,
            ["00:00        8 orders      4 users         42.00 EUR   most: user-0 with 10.50 EUR"]
        );
        windows.add(0, b"nonsense");
        assert_eq!((windows.complete(true).len(), windows.strange), (1, 1));
        assert_eq!((windows.orders, windows.results), (16, 8));
    }
}
