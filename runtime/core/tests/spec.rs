//! Specs, good and bad, with what becomes of them kept beside them: `spec/valid/*.yaml` with the job they mean,
//! `spec/invalid/*.yaml` with the message that their author would see. After a wanted change of a message run the
//! tests with `INSTA_UPDATE=always` and read the difference.

use proptest::prelude::*;
use sluicebox_core::spec::{JobSpec, Problems};
use std::path::{Path, PathBuf};

fn lookup(name: &str) -> Option<String> {
    match name {
        "REGION" => Some("eu: [north]".to_owned()),
        "SHARDS" => Some("4".to_owned()),
        "PASSWORD" => Some("hunter2".to_owned()),
        "SECRET" => Some("hunter2 is secret!".to_owned()),
        _ => None,
    }
}

fn parse(path: &Path) -> Result<JobSpec, Problems> {
    let text = std::fs::read_to_string(path).expect("a spec of the test folder");
    JobSpec::parse(&text, &lookup)
}

/// All specs of a folder; never none.
fn specs(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/spec")
        .join(folder);
    let entries = std::fs::read_dir(&folder).expect("the test folder");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no specs in {}", folder.display());
    paths
}

fn assert_snapshot(spec: &Path, seen: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(spec.parent().expect("a folder"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let name = spec
        .file_stem()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    settings.bind(|| insta::assert_snapshot!(name, seen));
}

#[test]
fn a_bad_spec_says_what_to_do() {
    for path in specs("invalid") {
        let problems = match parse(&path) {
            Err(problems) => problems.to_string(),
            Ok(job) => panic!("{} is taken for good: {job:#?}", path.display()),
        };
        assert!(
            !problems.contains("hunter2"),
            "a secret is shown: {problems}"
        );
        assert_snapshot(&path, &problems);
    }
}

#[test]
fn a_good_spec_means_this_job() {
    for path in specs("valid") {
        let job = match parse(&path) {
            Ok(job) => format!("{job:#?}\nplan {:016x}", job.plan_hash()),
            Err(problems) => panic!("{} is refused:\n{problems}", path.display()),
        };
        assert!(!job.contains("hunter2"), "a secret is shown: {job}");
        assert_snapshot(&path, &job);
    }
}

/// What readers copy from the README is a job.
#[test]
fn the_readme_shows_good_specs() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).expect("the README");
    let blocks = readme.split("```yaml\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    let mut seen = 0;
    for spec in blocks.filter(|block| block.starts_with("apiVersion:")) {
        if let Err(problems) = JobSpec::parse(spec, &lookup) {
            panic!("the README's spec is refused:\n{problems}\n{spec}");
        }
        seen += 1;
    }
    assert!(seen > 0, "the README shows no job spec in a yaml block");
}

/// Lines of good specs that were swapped, lost or damaged: all of it must end in an answer, with places that exist.
fn damaged() -> impl Strategy<Value = String> {
    let lines: Vec<String> = specs("valid")
        .iter()
        .chain(&specs("invalid"))
        .map(|path| std::fs::read_to_string(path).expect("a spec of the test folder"))
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let line = prop_oneof![
        8 => prop::sample::select(lines),
        1 => "[ \\-{}\\[\\]:,#&*!|>'\"%@`$a-z0-9]{0,30}",
        1 => "\\PC{0,20}",
    ];
    prop::collection::vec(line, 0..25).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_strange(text in damaged()) {
        let text = format!("apiVersion: sluicebox/v1\n{text}");
        if let Err(problems) = JobSpec::parse(&text, &lookup) {
            prop_assert!(!problems.list().is_empty());
            let lines = text.lines().count() as u64;
            for problem in problems.list() {
                prop_assert!(problem.place.line <= lines + 1, "{problem}");
                prop_assert!(!problem.message.is_empty());
            }
        }
    }
}
