//! The job specs of end-to-end tests, as their authors would write them.

use std::collections::BTreeMap;

use crate::host::guest;
use crate::job::{Job, Options};
use crate::truth::RATES;
use crate::workload::OUT_OF_ORDER_MS;

/// Orders → valid → enriched → spend per user and minute.
pub fn spend(job: &Job, options: &Options) -> String {
    let module = |name: &str| guest(name).display().to_string();
    let (valid, enrich, spend) = (
        module("orders-valid"),
        module("orders-enrich"),
        module("spend-per-user"),
    );
    let late = &job.late;
    let operators = format!(
        "operators:
  - id: valid
    filter: {{ module: {valid} }}
    on_error: dead_letter
  - id: enrich
    map: {{ module: {enrich}, config: {RATES} }}
  - id: spend
    window-aggregate:
      module: {spend}
      window: {{ tumbling: 1m }}
      late: {{ topic: {late} }}
"
    );
    with_operators(job, options, "", &operators)
}

/// The modules of [`deployed`].
pub const MODULES: [&str; 3] = ["orders-valid", "orders-enrich", "spend-per-user"];

/// The same job as [`spend`], as it is deployed on a host: with pushed modules, and by the host's connection.
pub fn deployed(job: &Job, options: &Options) -> String {
    let mut text = spend(job, options);
    for module in MODULES {
        let path = guest(module).display().to_string();
        text = text.replace(&path, &format!("{module}@1"));
    }
    let own = |line: &&str| !line.starts_with("kafka:") && !line.starts_with("group:");
    let lines: Vec<&str> = text.lines().filter(own).collect();
    format!("{}\nkafka: main\n", lines.join("\n"))
}

/// Any operators; `time` says further things about the source's timestamps, such as `, on_invalid: skip`.
pub fn with_operators(job: &Job, options: &Options, time: &str, operators: &str) -> String {
    let Job {
        name,
        input,
        output,
        dead,
        group,
        ..
    } = job;
    let Options {
        epoch_ms,
        state,
        delivery,
        more,
        ..
    } = options;
    let shards = options
        .shards
        .map_or(String::new(), |n| format!("shards: {n}\n"));
    let bootstrap = options
        .bootstrap
        .as_deref()
        .unwrap_or(job.client().bootstrap());
    // JSON is YAML: whatever a value contains, it is quoted well.
    let properties: BTreeMap<_, _> = options.properties.iter().cloned().collect();
    let properties = serde_json::json!(properties);
    let delay_s = OUT_OF_ORDER_MS / 1000;
    format!(
        "apiVersion: sluicebox/v1
job: {name}
source:
  kafka: {{ topic: {input}, start: earliest }}
  timestamp: {{ from: record{time} }}
  watermark: {{ max_out_of_orderness: {delay_s}s }}
{operators}sink:
  kafka: {{ topic: {output} }}
delivery: {delivery}
epoch: {{ interval: {epoch_ms}ms }}
dead_letter: {{ topic: {dead} }}
state: {state}
kafka: {{ bootstrap_servers: '{bootstrap}', properties: {properties} }}
group: {group}
{shards}{more}"
    )
}
