//! The filter of both benchmark jobs: drops every event whose amount is a multiple of ten. Anything
//! that is not JSON is a row error: the whole value is read, though only one field is kept.

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Event {
    amount: i64,
}

#[sluicebox_udf::filter]
pub fn wanted(event: Event) -> bool {
    event.amount % 10 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicebox_udf::{json, testing};

    #[test]
    fn drops_multiples_of_ten_and_reports_bad_json() -> Result<(), String> {
        let event =
            |amount| format!(r#"{{"id":1,"user":"u","page":"/p","amount":{amount},"ts":1}}"#);
        let events = [event(10), event(11), "{\"amount\":1".into()];
        let done = testing::filter::<wanted>(json!(null), events.iter().map(String::as_str))?;
        assert_eq!((done.kept, done.errors[0].row), (vec![1], 2));
        Ok(())
    }
}
