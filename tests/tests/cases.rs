//! `sluicebox test` on modules with and without mistakes: what it says, and that it finds what it is there to find.

use anyhow::{Context, Result, ensure};
use sluicebox_tests::host::{binary, guest};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A folder with a case in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(case: &str) -> Result<Self> {
        let folder = Self(tempfile::tempdir()?);
        fs::create_dir(folder.path().join("tests"))?;
        fs::write(folder.case(), case)?;
        Ok(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn case(&self) -> std::path::PathBuf {
        self.path().join("tests/case.jsonl")
    }

    /// What `sluicebox test` says in it, after its exit code.
    fn says(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(binary()?);
        command.arg("test").args(args).args(["--seed", "7"]);
        command.current_dir(self.path());
        command.env("SLUICEBOX_DATA_DIR", self.path().join("data"));
        let output = command.output()?;
        let code = output.status.code().context("it was killed")?;
        let [out, err] =
            [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
        Ok(format!("exit {code}\n{out}{err}"))
    }

    /// The same of a guest module, without what varies.
    fn says_of(&self, module: &str, more: &[&str]) -> Result<String> {
        fs::copy(guest(module), self.path().join("m.wasm"))?;
        self.says(&[&["m.wasm", "--no-cost", "--cases", "tests"], more].concat())
    }
}

fn map(mood: &str, steps: &str) -> String {
    format!("{{\"operator\": {{\"map\": {{\"config\": {{\"mood\": \"{mood}\"}}}}}}}}\n{steps}")
}

fn total(mood: &str, steps: &str) -> String {
    let operator = format!("{{\"window-aggregate\": {{\"config\": {{\"mood\": \"{mood}\"}}}}}}");
    format!("{{\"operator\": {operator}}}\n{steps}")
}

const FIVE: &str = "\
{\"value\": \"a\"}\n{\"value\": \"b\"}\n{\"value\": \"c\"}\n{\"value\": \"d\"}\n{\"value\": \"e\"}\n";

const AMOUNTS: &str = "\
{\"key\": \"k\", \"value\": 3, \"timestamp\": 1000}
{\"key\": \"k\", \"value\": 5}
{\"key\": \"k\", \"value\": 7}
{\"key\": \"l\", \"value\": 11, \"timestamp\": 61000}
";

#[test]
fn traps_errors_and_logs_are_told_and_can_be_expected() -> Result<()> {
    let steps = "\
{\"key\": \"k\", \"value\": \"log\", \"headers\": [[\"h\", \"1\"]]}
{\"key\": \"k\", \"value\": \"trap\"}
{\"key\": \"k\", \"value\": \"fail\", \"timestamp\": 5}
{\"value\": null, \"partition\": 3}
{\"expect\": {\"key\": \"k\", \"value\": \"log\", \"headers\": [[\"h\", \"1\"]], \"timestamp\": 0}}
{\"expect\": {\"value\": \"\", \"partition\": 3}}
{\"expect\": {\"topic\": \"dead\", \"value\": \"trap\", \"error\": \"a trap was asked for\"}}
{\"expect\": {\"topic\": \"dead\", \"value\": \"fail\", \"error\": \"an error was asked for\", \"timestamp\": 5}}
";
    let said = Folder::with(&map("good", steps))?.says_of("moody-map", &[])?;
    ensure!(said.starts_with("exit 0\n"), "{said}");
    for words in [
        "log info: a line was asked for",
        "trap: operator m: partition 0 offset 1",
        "1 passed, 0 failed",
    ] {
        ensure!(said.contains(words), "{words}: {said}");
    }
    Ok(())
}

#[test]
fn differences_show_what_is_missing_and_what_is_not_expected() -> Result<()> {
    let steps = format!(
        "{FIVE}{}",
        "{\"expect\": {\"value\": \"a\"}}\n{\"expect\": {\"value\": \"x\"}}\n{\"expect\": {\"value\": \"c\"}}\n{\"value\": \"f\"}\n"
    );
    let said = Folder::with(&map("good", &steps))?.says_of("moody-map", &[])?;
    insta::assert_snapshot!(said);
    Ok(())
}

#[test]
fn memory_that_shows_is_found() -> Result<()> {
    let mut all = String::new();
    for (mood, shown) in [
        ("counts", "record by record, on a fresh instance"),
        ("tires", "record by record"),
    ] {
        let folder = Folder::with(&map(mood, FIVE))?;
        let said = folder.says_of("moody-map", &[])?;
        ensure!(
            said.starts_with("exit 1\n") && said.contains(shown),
            "{said}"
        );
        all.push_str(&said);
    }
    insta::assert_snapshot!(all);
    Ok(())
}

#[test]
fn broken_laws_of_aggregates_are_found() -> Result<()> {
    let expected = "{\"end\": true}\n{\"expect\": {\"key\": null, \"value\": 15, \"timestamp\": 59999}}\n{\"expect\": {\"value\": 11}}\n";
    let steps = format!("{AMOUNTS}{expected}").replace("\"key\": null, ", "");
    let good = Folder::with(&total("good", &steps))?.says_of("moody-total", &[])?;
    ensure!(
        good.starts_with("exit 0\n") && good.contains("tried on 2 groups"),
        "{good}"
    );
    let mut all = String::new();
    for (mood, law) in [
        ("forgets", "merge is not"),
        ("refuses", "merge refuses what accumulate takes"),
        ("subtracts", "merge is not"),
        ("counts", "finish is not pure"),
    ] {
        let said =
            Folder::with(&total(mood, &steps))?.says_of("moody-total", &["--rounds", "1"])?;
        ensure!(
            said.starts_with("exit 1\n") && said.contains(law),
            "{mood}: {said}"
        );
        all.push_str(&said);
    }
    insta::assert_snapshot!(all);
    Ok(())
}

#[test]
fn update_writes_what_comes_out_and_nothing_else() -> Result<()> {
    let steps = format!(
        "# five\n{FIVE}{{\"expect\": []}}\n\n# one more\n{{\"key\": \"k\", \"value\": \"fail\"}}\n"
    );
    let folder = Folder::with(&map("good", &steps))?;
    let said = folder.says_of("moody-map", &["--update"])?;
    ensure!(
        said.starts_with("exit 0\n") && said.contains("updated"),
        "{said}"
    );
    let written = fs::read_to_string(folder.case())?;
    insta::assert_snapshot!(written);
    let again = folder.says_of("moody-map", &[])?;
    ensure!(again.starts_with("exit 0\n"), "{again}");
    // What is broken is not accepted.
    let folder = Folder::with(&map("counts", FIVE))?;
    let before = fs::read_to_string(folder.case())?;
    let said = folder.says_of("moody-map", &["--update"])?;
    ensure!(
        said.starts_with("exit 1\n") && fs::read_to_string(folder.case())? == before,
        "{said}"
    );
    Ok(())
}

#[test]
fn windows_follow_event_time_step_by_step() -> Result<()> {
    let steps = "\
{\"key\": \"k\", \"value\": 3, \"timestamp\": 1000}
{\"expect\": []}
{\"watermark\": 59998}
{\"expect\": []}
{\"watermark\": 59999}
{\"expect\": {\"key\": null, \"value\": 3, \"timestamp\": 59999}}
{\"key\": \"k\", \"value\": 4, \"timestamp\": 59999}
{\"key\": \"k\", \"value\": 5, \"timestamp\": 60000}
{\"expect\": {\"topic\": \"late\", \"key\": \"k\", \"value\": 4}}
{\"end\": true}
{\"expect\": {\"value\": 5, \"timestamp\": 119999}}
";
    let steps = steps.replace("\"key\": null, ", "\"key\": \"k\", ");
    let said = Folder::with(&total("good", &steps))?.says_of("moody-total", &[])?;
    ensure!(said.starts_with("exit 0\n"), "{said}");
    Ok(())
}

/// A whole job: three modules, late and dead topics, each its own way out.
#[test]
fn a_job_is_tried_as_it_is_deployed() -> Result<()> {
    let case = "\
{\"key\": \"ann\", \"value\": {\"order\":1,\"user\":\"ann\",\"amount\":1000,\"currency\":\"USD\",\"item\":\"/\"}, \"timestamp\": 0}
{\"key\": \"ann\", \"value\": {\"order\":2,\"user\":\"ann\",\"amount\":1,\"currency\":\"EUR\",\"item\":\"/\"}}
{\"key\": \"bob\", \"value\": \"no order\"}
{\"watermark\": \"1970-01-01T00:01:00Z\"}
{\"expect\": {\"key\": \"ann\", \"value\": {\"user\":\"ann\",\"window_start\":0,\"count\":1,\"sum_cents\":900,\"min_cents\":900,\"max_cents\":900}}}
{\"expect\": {\"topic\": \"orders-dead\", \"value\": \"no order\"}}
";
    let folder = Folder::with(case)?;
    for module in ["orders-valid", "orders-enrich", "spend-per-user"] {
        fs::copy(guest(module), folder.path().join(format!("{module}.wasm")))?;
    }
    let spec = "\
apiVersion: sluicebox/v1
job: spend
source: { kafka: { topic: orders, start: earliest }, watermark: { max_out_of_orderness: 10s } }
operators:
  - { id: valid, filter: { module: orders-valid.wasm, config: { minimum: 1000 } }, on_error: dead_letter }
  - { id: enrich, map: { module: orders-enrich.wasm, config: { currency: EUR, rates: { USD: 0.9 } } } }
  - { id: spend, window-aggregate: { module: spend-per-user.wasm, window: { tumbling: 1m }, late: { topic: late } } }
sink: { kafka: { topic: spend } }
dead_letter: { topic: orders-dead }
kafka: { bootstrap_servers: localhost:9092 }
";
    fs::write(folder.path().join("job.yaml"), spec)?;
    let said = folder.says(&["job.yaml"])?;
    ensure!(
        said.starts_with("exit 0\n") && said.contains("spend: "),
        "{said}"
    );
    let junit = folder.says(&[
        "job.yaml",
        "--junit",
        "report.xml",
        "--no-cost",
        "--output",
        "json",
    ])?;
    ensure!(junit.contains("\"passed\": true"), "{junit}");
    let xml = fs::read_to_string(folder.path().join("report.xml"))?;
    ensure!(
        xml.contains("tests=\"1\" failures=\"0\"") && xml.contains("tests/case.jsonl"),
        "{xml}"
    );
    // As the spec says it: what is not dead-lettered stops the job.
    fs::write(
        folder.path().join("job.yaml"),
        spec.replace(", on_error: dead_letter", ""),
    )?;
    let said = folder.says(&["job.yaml", "--no-cost", "--junit", "report.xml"])?;
    ensure!(
        said.starts_with("exit 1\n") && said.contains("tests/case.jsonl:1: the job would stop:"),
        "{said}"
    );
    let xml = fs::read_to_string(folder.path().join("report.xml"))?;
    ensure!(
        xml.contains("failures=\"1\"") && xml.contains("<failure message="),
        "{xml}"
    );
    Ok(())
}

#[test]
fn wrong_input_says_what_to_do() -> Result<()> {
    let folder = Folder::with("{\"valeu\": 1}\n")?;
    fs::copy(guest("moody-map"), folder.path().join("m.wasm"))?;
    let mut all = String::new();
    for args in [
        &["m.wasm"][..],
        &["m.wasm", "--cases", "nowhere"],
        &["m.wasm", "--cases", "data"],
        &["missing.wasm"],
        &["missing.yaml"],
        &["tests"],
    ] {
        let said = folder.says(args)?;
        ensure!(said.starts_with("exit 2\n"), "{args:?}: {said}");
        let folder = folder.path().to_string_lossy().into_owned();
        all.push_str(&format!(
            "$ sluicebox test {}\n{}\n",
            args.join(" "),
            said.replace(&folder, "HERE")
        ));
    }
    for first in [
        "{\"operator\": {\"filter\": {}}}",
        "{\"operator\": {\"map\": {\"confg\": 1}}}",
        "{\"operator\": {\"map\": {\"config\": {\"mood\": \"x\"}}}}",
        "{\"source\": 1}",
    ] {
        fs::write(folder.case(), format!("{first}\n{{\"value\": 1}}\n"))?;
        let said = folder.says(&["m.wasm"])?;
        ensure!(said.starts_with("exit 2\n"), "{first}: {said}");
        all.push_str(&format!("{first}\n{said}\n"));
    }
    insta::assert_snapshot!(all);
    Ok(())
}
