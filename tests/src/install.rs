//! Where Kafka and Java are on this machine. What is missing is an error that names the command that gets it; a broker
//! test is never skipped.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Folder with Kafka's jars: `SLUICEBOX_KAFKA_JARS`, else where `cargo xtask setup` puts them.
pub fn jars() -> Result<PathBuf> {
    let folder = match std::env::var_os("SLUICEBOX_KAFKA_JARS") {
        Some(folder) => PathBuf::from(folder),
        None => cache_folder()?.join("kafka-4.1.0"),
    };
    if !folder.join("kafka_2.13-4.1.0.jar").is_file() {
        bail!(
            "Kafka's jars are not in {}: run `cargo xtask setup`, or name their folder in SLUICEBOX_KAFKA_JARS",
            folder.display()
        );
    }
    Ok(folder)
}

/// Where the project keeps what it builds and fetches, outside the repository.
pub fn cache_folder() -> Result<PathBuf> {
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    Ok(PathBuf::from(home).join(".cache/sluicebox"))
}

/// All jars, as java takes them.
pub fn classpath() -> Result<String> {
    Ok(format!("{}/*", jars()?.display()))
}

/// A java to run them with, 17 or newer: `JAVA_HOME`'s, else that of the path.
pub fn java() -> Result<Command> {
    let program = match std::env::var_os("JAVA_HOME") {
        Some(home) => PathBuf::from(home).join("bin/java"),
        None => PathBuf::from("java"),
    };
    let there = Command::new(&program)
        .arg("-version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !there.is_ok_and(|status| status.success()) {
        bail!(
            "`{}` does not run, and Kafka needs Java 17 or newer: run `cargo xtask setup`",
            program.display()
        );
    }
    Ok(Command::new(program))
}
