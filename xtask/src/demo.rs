//! `cargo xtask demo`: the newcomer's first command. Without `--kafka` it builds only what the embedded log needs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail};

use crate::builds::{self, Edition, forwarded};
use crate::command::{self, program, say};
use crate::paths::Paths;
use crate::setup::{self, Needs};

/// `cargo xtask demo [--kafka] …`.
pub fn run(paths: &Paths, arguments: &[String]) -> Result<()> {
    let kafka = arguments.iter().any(|argument| argument == "--kafka");
    let rest: Vec<String> = arguments
        .iter()
        .filter(|a| *a != "--kafka")
        .cloned()
        .collect();
    let (needs, edition, names): (_, _, &[&str]) = match kafka {
        false => (Needs::Demo, Edition::for_demo(paths), &["sluicebox"]),
        true => (Needs::Everything, Edition::Full, &["sluicebox", "broker"]),
    };
    setup::run(paths, needs)?;
    builds::binaries(paths, edition, names)?;
    builds::modules(paths, "example-udfs")?;
    let broker = if kafka {
        Some(Broker::start(paths)?)
    } else {
        None
    };
    let mut demo = program(paths, paths.binary("sluicebox"));
    demo.arg("demo").arg("--modules").arg(paths.guests());
    if let Some(broker) = &broker {
        demo.args(["--kafka", &broker.bootstrap]);
    }
    command::run(demo.args(forwarded(&rest)))
}

/// A broker that lives as long as this: it ends when its standard input closes.
struct Broker {
    child: Child,
    bootstrap: String,
}

impl Broker {
    fn start(paths: &Paths) -> Result<Self> {
        say("starting Apache Kafka");
        let mut child = program(paths, paths.binary("broker"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("the broker has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        if line.trim().is_empty() {
            bail!("the broker did not start ({})", child.wait()?);
        }
        Ok(Self {
            child,
            bootstrap: line.trim().to_owned(),
        })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
