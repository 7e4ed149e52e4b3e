//! The built command as its users meet it: what it prints, and the exit code that scripts go by. Jobs run on files and
//! need no modules here; whole jobs are in the end-to-end tests.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const COPY: &str = "\
apiVersion: sluicebox/v1
job: copy
source:
  stdin: { key: user }
  timestamp: { field: ts }
sink: stdout
";

const COMMANDS: &[&str] = &[
    "demo",
    "new",
    "build",
    "test",
    "inspect",
    "check",
    "run",
    "lag",
    "completions",
    #[cfg(feature = "serve")]
    "login",
    #[cfg(feature = "serve")]
    "whoami",
    #[cfg(feature = "serve")]
    "hosts",
    #[cfg(feature = "serve")]
    "push",
    #[cfg(feature = "serve")]
    "modules",
    #[cfg(feature = "serve")]
    "deploy",
    #[cfg(feature = "serve")]
    "jobs",
    #[cfg(feature = "serve")]
    "rollback",
    #[cfg(feature = "serve")]
    "logs",
    #[cfg(feature = "serve")]
    "tenants",
    #[cfg(feature = "serve")]
    "tokens",
];

fn sluicebox(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicebox"));
    command.args(args).current_dir(folder);
    command.env("SLUICEBOX_DATA_DIR", folder.join("data"));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut child = sluicebox(folder, args).spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A command that doesn't read its input closes the pipe.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the command ends")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("job.yaml"), COPY).expect("a file");
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// What a command answers, for snapshots.
fn answer(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args, "");
    let code = output.status.code().expect("an exit code");
    format!(
        "exit {code}\n{}{}",
        text(&output.stdout),
        text(&output.stderr)
    )
}

#[test]
fn help_begins_with_what_a_newcomer_needs() {
    let folder = folder();
    #[cfg(feature = "serve")]
    insta::assert_snapshot!("help", answer(folder.path(), &["--help"]));
    for command in COMMANDS {
        let help = answer(folder.path(), &[command, "--help"]);
        assert!(help.starts_with("exit 0\n"), "{help}");
        assert!(
            help.contains("Examples:\n  sluicebox "),
            "{command} has no example: {help}"
        );
    }
}

#[test]
fn wrong_input_exits_with_2_and_says_what_to_do() {
    let folder = folder();
    let spec = COPY
        .replace("job: copy", "job: Copy\nshard: 2")
        .replace("field", "feild");
    std::fs::write(folder.path().join("bad.yaml"), spec).expect("a file");
    std::fs::write(
        folder.path().join("var.yaml"),
        COPY.replace("copy", "${SLUICEBOX_NOT_SET}"),
    )
    .expect("a file");
    let cases: [&[&str]; 9] = [
        &["check", "bad.yaml"],
        &["run", "missing.yaml"],
        &["run", "var.yaml"],
        &["run", "job.yaml", "--input", "a=b"],
        &["run", "job.yaml", "--dev", "--input", "a"],
        &["run", "job.yaml", "--installation", "Mine"],
        &["lag", "job.yaml"],
        &["demo", "--modules", "nowhere"],
        &["chekc", "job.yaml"],
    ];
    let mut seen = String::new();
    for args in cases {
        let answer = answer(folder.path(), args);
        assert!(answer.starts_with("exit 2\n"), "{args:?}: {answer}");
        seen.push_str(&format!("$ sluicebox {}\n{answer}\n", args.join(" ")));
    }
    assert!(
        !seen.contains('\x1b'),
        "colours without a terminal: {seen:?}"
    );
    insta::assert_snapshot!("wrong_input", seen);
}

#[test]
fn a_job_on_standard_streams_copies() {
    let folder = folder();
    let input = "{\"user\":\"a\",\"ts\":1000}\n{\"user\":\"b\",\"ts\":900}\n";
    let output = run(folder.path(), &["run", "job.yaml"], input);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut lines: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "{\"user\":\"a\",\"ts\":1000}",
            "{\"user\":\"b\",\"ts\":900}"
        ]
    );
    assert!(
        text(&output.stderr).contains("balanced"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn json_is_for_programs() {
    let folder = folder();
    let output = run(
        folder.path(),
        &["run", "job.yaml", "--output", "json"],
        "{\"ts\":1}\n",
    );
    let events: Vec<serde_json::Value> = text(&output.stderr)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line of standard error is JSON"))
        .collect();
    let end = events.last().expect("an end");
    assert_eq!(
        (&end["event"], &end["ended"], &end["balanced"]),
        (&"end".into(), &true.into(), &true.into())
    );
    let output = run(
        folder.path(),
        &["check", "job.yaml", "--output", "json"],
        "",
    );
    let checked: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(checked["job"], "copy");
}

#[test]
fn completions_are_for_shells() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish"] {
        let answer = answer(folder.path(), &["completions", shell]);
        assert!(
            answer.starts_with("exit 0\n") && answer.contains("sluicebox"),
            "{answer}"
        );
    }
}

/// Ctrl-C while the input is still open: the job commits, leaves, and that is no failure.
#[cfg(unix)]
#[test]
fn ctrl_c_commits_and_leaves() {
    let folder = folder();
    for signal in ["-INT", "-TERM"] {
        let mut child = sluicebox(folder.path(), &["run", "job.yaml"])
            .spawn()
            .expect("the command starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin
            .write_all(b"{\"user\":\"a\",\"ts\":1}\n")
            .expect("the command reads");
        wait_for_line(&mut child);
        let killed = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(killed.expect("kill runs").success());
        let output = child.wait_with_output().expect("the command ends");
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert!(
            stderr.contains("stopped; what was read is committed"),
            "{stderr}"
        );
        drop(stdin);
    }
}

/// Until the first line of output: then it certainly runs.
#[cfg(unix)]
fn wait_for_line(child: &mut std::process::Child) {
    use std::io::Read;
    let stdout = child.stdout.as_mut().expect("a pipe");
    let mut byte = [0];
    while byte != *b"\n" {
        assert_eq!(
            stdout.read(&mut byte).expect("readable"),
            1,
            "no line of output"
        );
    }
}
