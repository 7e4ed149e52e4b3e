//! The map of the benchmark's stateless job: capitals for the page, and the amount in cents as well.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

#[derive(Deserialize, Serialize)]
struct Event<'a> {
    id: u64,
    user: &'a str,
    #[serde(borrow)]
    page: Cow<'a, str>,
    amount: i64,
    ts: i64,
    #[serde(default)]
    cents: i64,
}

#[sluicebox_udf::map]
fn enrich(mut event: Event<'_>) -> Event<'_> {
    event.page = event.page.to_uppercase().into();
    event.cents = event.amount * 100;
    event
}
