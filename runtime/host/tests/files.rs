//! A whole job on files: three real modules, late and out-of-order records, windows, dead letters.

use sluicebox_core::spec::JobSpec;
use sluicebox_host::{Event, Observer, Options, run};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

struct Quiet;

impl Observer for Quiet {
    fn event(&self, _: Event<'_>) {}
}

fn guests() -> PathBuf {
    let guests = std::env::var_os("SLUICEBOX_GUESTS").map(PathBuf::from);
    let target = std::env::var_os("CARGO_TARGET_DIR").map(|dir| Path::new(&dir).join("guests"));
    let home = std::env::home_dir().map(|home| home.join(".cache/sluicebox/target/guests"));
    let dir = guests.or(target).or(home).expect("a home folder");
    assert!(
        dir.join("orders-valid.wasm").is_file(),
        "no modules in {}: run `cargo xtask test`",
        dir.display()
    );
    dir
}

const SPEC: &str = "
apiVersion: sluicebox/v1
job: spend-per-user
source:
  file: { path: \"${DIR}/orders.jsonl\", key: user }
  timestamp: { field: at, on_invalid: skip }
  watermark: { max_out_of_orderness: 10s }
operators:
  - id: valid
    filter: { module: \"${GUESTS}/orders-valid.wasm\" }
    on_error: skip
  - id: enrich
    map: { module: \"${GUESTS}/orders-enrich.wasm\", config: { currency: EUR } }
  - id: spend
    window-aggregate:
      module: ${GUESTS}/spend-per-user.wasm
      window: { tumbling: 1m }
sink:
  file: { path: \"${DIR}/spend.jsonl\" }
";

fn job(dir: &Path) -> JobSpec {
    let lookup = |name: &str| match name {
        "DIR" => Some(dir.display().to_string()),
        "GUESTS" => Some(guests().display().to_string()),
        _ => None,
    };
    JobSpec::parse(SPEC, &lookup).expect("the spec is valid")
}

fn order(order: u32, user: &str, amount: i64, at_s: i64) -> String {
    let at = at_s * 1000;
    format!(
        r#"{{"order":{order},"user":"{user}","amount":{amount},"currency":"EUR","item":"/a","at":{at}}}"#
    )
}

#[test]
fn a_bounded_job_closes_every_window_and_counts_every_row() {
    let dir = tempfile::tempdir().unwrap();
    let lines = [
        order(1, "ann", 100, 10),
        order(2, "bob", 5, 50),
        order(3, "ann", 50, 65),
        "no json at all".replace("no", "\"no\""),
        order(4, "ann", 7, 59),  // out of order, on time
        order(5, "ann", 1, 130), // closes the first minute
        order(6, "ann", 9, 20),  // late
    ];
    std::fs::write(dir.path().join("orders.jsonl"), lines.join("\n")).unwrap();
    let spec = job(dir.path());
    let options = Options {
        spec,
        base: dir.path().to_owned(),
        data_dir: dir.path().join("data"),
        installation: "test".to_owned(),
        recover_from_changelog: false,
        dev: None,
        partitions: 1,
    };
    let summary = run(options, Arc::new(Quiet), Arc::new(AtomicBool::new(false))).unwrap();
    assert!(summary.ended);
    let spend = std::fs::read_to_string(dir.path().join("spend.jsonl")).unwrap();
    let row = |user: &str, start: i64, count: i64, sum: i64, min: i64, max: i64| {
        format!(
            r#"{{"user":"{user}","window_start":{start},"count":{count},"sum_cents":{sum},"min_cents":{min},"max_cents":{max}}}"#
        )
    };
    let expected = [
        row("ann", 0, 2, 107, 7, 100),
        row("bob", 0, 1, 5, 5, 5),
        row("ann", 60_000, 1, 50, 50, 50),
        row("ann", 120_000, 1, 1, 1, 1),
    ];
    assert_eq!(spend.lines().collect::<Vec<_>>(), expected);
    for (id, account) in &summary.accounts {
        assert_eq!(account.imbalance(), None, "{id}");
    }
    let spend = &summary
        .accounts
        .iter()
        .find(|(id, _)| id == "spend")
        .unwrap()
        .1;
    assert_eq!(
        (spend.late, spend.absorbed, spend.released, spend.held),
        (1, 5, 5, 0)
    );
}
