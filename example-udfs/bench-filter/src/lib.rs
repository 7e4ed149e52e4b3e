//! The filter of both benchmark jobs: drops every event whose amount is a multiple of ten. Reads the whole event, as
//! the engines it is compared with do.

use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "id")]
    _id: u64,
    #[serde(rename = "user")]
    _user: &'a str,
    #[serde(rename = "page", borrow)]
    _page: Cow<'a, str>,
    amount: i64,
    #[serde(rename = "ts")]
    _ts: i64,
}

#[sluicebox_udf::filter]
fn wanted(event: Event<'_>) -> bool {
    event.amount % 10 != 0
}
