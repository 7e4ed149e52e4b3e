//! The job that a module is tried in, from the first line of a case.

use super::case::Case;
use crate::error::{Error, Result};
use serde_json::{Map, Value, json};
use sluicebox_core::spec::JobSpec;
use sluicebox_wasm::Exports;

/// Topics of such a job.
const LATE: &str = "late";
const DEAD: &str = "dead";
/// What a module can be, by its key in a spec.
const KINDS: [&str; 3] = ["filter", "map", "window-aggregate"];

/// A job of one operator: `in` to `out`, late rows to `late`, failed ones to `dead`.
pub fn of_module(name: &str, exports: Exports, case: &Case) -> Result<JobSpec> {
    let wrong = |why: String| Error::input(format!("the first line of the case: {why}"));
    let mut operator = object("operator", case.operator.as_ref()).map_err(wrong)?;
    let mut source = object("source", case.source.as_ref()).map_err(wrong)?;
    let kind = match kinds(exports)
        .into_iter()
        .find(|kind| operator.contains_key(*kind))
    {
        Some(kind) => kind,
        None => only_kind(exports).map_err(wrong)?,
    };
    if let Some(other) = KINDS
        .iter()
        .find(|k| **k != kind && operator.contains_key(**k))
    {
        let is = kinds(exports).join(", ");
        return Err(wrong(format!("the module is no {other}: it is a {is}")));
    }
    let mut function = object(kind, operator.get(kind)).map_err(wrong)?;
    function.insert("module".to_owned(), json!("./module.wasm"));
    if kind == "window-aggregate" {
        function
            .entry("window")
            .or_insert_with(|| json!({"tumbling": "1m"}));
        function
            .entry("late")
            .or_insert_with(|| json!({"topic": LATE}));
        // The steps of a case say how event time goes.
        source
            .entry("watermark")
            .or_insert_with(|| json!({"max_out_of_orderness": "0s"}));
    }
    operator.insert(kind.to_owned(), Value::Object(function));
    operator.insert("id".to_owned(), json!(name));
    operator
        .entry("on_error")
        .or_insert_with(|| json!("dead_letter"));
    source.insert(
        "kafka".to_owned(),
        json!({"topic": "in", "start": "earliest"}),
    );
    let spec = json!({
        "apiVersion": sluicebox_core::spec::API_VERSION,
        "job": "test",
        "source": source,
        "operators": [operator],
        "sink": {"kafka": {"topic": "out"}},
        "dead_letter": {"topic": DEAD},
        "kafka": {"bootstrap_servers": "localhost:9092"},
    });
    // JSON is YAML.
    JobSpec::parse(&spec.to_string(), &|_| None).map_err(|problems| {
        let each = problems.list().iter().map(|problem| {
            let help = problem.help.as_ref().map(|help| format!(" ({help})"));
            format!(
                "{}: {}{}",
                problem.path,
                problem.message,
                help.unwrap_or_default()
            )
        });
        wrong(each.collect::<Vec<_>>().join("; "))
    })
}

fn object(name: &str, value: Option<&Value>) -> std::result::Result<Map<String, Value>, String> {
    match value {
        None => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(_) => Err(format!("`{name}` must be an object, as in a job spec")),
    }
}

fn kinds(exports: Exports) -> Vec<&'static str> {
    let has = [exports.filter, exports.map, exports.window_aggregate];
    let all = KINDS.into_iter().zip(has);
    all.filter_map(|(kind, has)| has.then_some(kind)).collect()
}

fn only_kind(exports: Exports) -> std::result::Result<&'static str, String> {
    match kinds(exports).as_slice() {
        [kind] => Ok(kind),
        several => Err(format!(
            "the module can be several things: write {{\"operator\": {{\"{}\": {{}}}}}}, or another of {}",
            several.first().unwrap_or(&"filter"),
            several.join(", ")
        )),
    }
}
