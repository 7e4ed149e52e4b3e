//! The map of the benchmark's stateless job: capitals for the page, and the amount in cents as well.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

#[derive(Deserialize, Serialize)]
pub struct Event<'a> {
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
pub fn enrich(mut event: Event<'_>) -> Event<'_> {
    event.page = event.page.to_uppercase().into();
    event.cents = event.amount * 100;
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_udf::{json, testing};

    #[test]
    fn writes_the_fields_in_order_with_capitals_and_cents() -> Result<(), String> {
        let event =
            r#"{"id":7,"user":"user-00000042","page":"/shop/item/007","amount":123,"ts":9}"#;
        let done = testing::map::<enrich>(json!(null), [event])?;
        let want = r#"{"id":7,"user":"user-00000042","page":"/SHOP/ITEM/007","amount":123,"ts":9,"cents":12300}"#;
        assert_eq!(done.outputs[0].text(), want);
        Ok(())
    }
}
