//! `cargo xtask`: the commands of the README, each of which also sets up what it needs, so that a fresh clone on a
//! fresh machine is one command away from a running demo or a finished test run.

#![forbid(unsafe_code)]

mod builds;
mod check;
mod command;
mod counts;
mod demo;
mod deploy;
mod jars;
mod languages;
mod packages;
mod paths;
mod python;
mod s3;
mod setup;
mod test;
mod tidy;
mod wasm;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::paths::Paths;

struct Task {
    name: &'static str,
    summary: &'static str,
    help: &'static str,
    run: fn(&Paths, &[String]) -> Result<()>,
}

const TASKS: &[Task] = &[
    Task {
        name: "demo",
        summary: "build and run the demo: real UDFs over a stream, no broker needed",
        help: "cargo xtask demo [--kafka] [DEMO ARGUMENTS]\n\n\
            Sets up the C compiler and the Wasm target, builds the command line tool and the example modules, and runs \
            `sluicebox demo`. Other arguments go to it.\n\n  \
            --kafka   on an Apache Kafka broker started for the occasion (needs Java; the build takes longer)",
        run: demo::run,
    },
    Task {
        name: "test",
        summary: "run all tests; ends with `N passed, M failed`",
        help: "cargo xtask test [FILTER] [-- LIBTEST ARGUMENTS]\n\n\
            Sets up everything, builds the tool and the modules, and runs the tests of all crates and examples. End-to-end \
            tests start their own Kafka brokers on free loopback ports.\n\n  \
            FILTER    only tests whose name contains it, as with `cargo test`\n\n\
            SLUICEBOX_SEED=<number> repeats a run with a seed that a failure printed.",
        run: test::run,
    },
    Task {
        name: "kerberos",
        summary: "build with Kerberos, and test that against a KDC",
        help: "cargo xtask kerberos [FILTER] [-- LIBTEST ARGUMENTS]\n\n\
            Sets up everything and a KDC's programs (Debian: krb5-kdc and others), builds the tool with the feature `kerberos`, and \
            runs its tests: brokers that take only tickets. `test` does without: not everybody wants a KDC on their machine.",
        run: test::kerberos,
    },
    Task {
        name: "check",
        summary: "formatting, lints, docs, licences, dependency direction, tidiness, deployment files",
        help: "cargo xtask check [--no-deny]\n\n\
            Runs every check and ends with the list of those that failed. The validators of deploy/ are Python packages, which \
            the first run installs into a virtual environment of its own.\n\n  \
            --no-deny   without `cargo deny` (licences, advisories, sources), whose first run installs it",
        run: check::run,
    },
    Task {
        name: "bench",
        summary: "measure against native Rust, on a real broker",
        help: "cargo xtask bench [BENCH ARGUMENTS]\n\n\
            Sets up everything, builds and runs the benchmarks; arguments go to them (`cargo xtask bench -- --help`).",
        run: builds::bench,
    },
    Task {
        name: "crash",
        summary: "kill a running job again and again and compare its output with the truth",
        help: "cargo xtask crash [CRASH ARGUMENTS]\n\n\
            Sets up everything, builds and runs the kill loop; arguments go to it (`cargo xtask crash -- --help`).",
        run: builds::crash,
    },
    Task {
        name: "setup",
        summary: "install, or name, whatever is missing for all of the above",
        help: "cargo xtask setup\n\n\
            System packages (as root, by apt-get; else it names the command), the Wasm target or its fallback, Kafka's jars \
            from Maven Central, an S3-compatible server from Python's packages, compilers of modules in other languages. The other commands do this by themselves.",
        run: |paths, _| {
            packages::ensure(packages::BROWSER)?;
            languages::ensure(paths)?;
            setup::run(paths, setup::Needs::Everything)
        },
    },
];

const FOLDERS: &str = "Folders (environment variables move them):
  SLUICEBOX_TARGET_DIR   what cargo builds; default ~/.cache/sluicebox/target (CARGO_TARGET_DIR wins)
  SLUICEBOX_KAFKA_JARS   Kafka's jars; default ~/.cache/sluicebox/kafka-4.1.0";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        println!("{}", overview());
        bail!("name a task");
    };
    if ["help", "--help", "-h"].contains(&name.as_str()) {
        println!("{}", overview());
        return Ok(());
    }
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        println!("{}", overview());
        bail!("there is no task {name:?}");
    };
    // After `--` a question for help is for the program that the task runs.
    let own = rest.split(|argument| argument == "--").next();
    if own.is_some_and(|own| own.iter().any(|a| a == "--help" || a == "-h")) {
        println!("{}\n\n{FOLDERS}", task.help);
        return Ok(());
    }
    (task.run)(&Paths::find()?, rest)
}

fn overview() -> String {
    let mut text = "cargo xtask TASK [--help]\n".to_owned();
    for task in TASKS {
        text.push_str(&format!("\n  {:8} {}", task.name, task.summary));
    }
    format!("{text}\n\n{FOLDERS}")
}
