//! Apache Kafka for tests, bench and `demo --kafka`: its jars from Maven Central, through Maven itself, so that mirrors
//! and proxies that a user has configured there are used.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::command::{program, run, say};
use crate::paths::Paths;

/// The broker, its tools, and a logger that writes to standard error.
const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluicebox</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.1.0</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>4.1.0</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"#;

/// Fetch the jars if they are not there.
pub fn ensure(paths: &Paths) -> Result<()> {
    if paths.jars.join("kafka_2.13-4.1.0.jar").is_file() {
        return Ok(());
    }
    if std::env::var_os("SLUICEBOX_KAFKA_JARS").is_some() {
        bail!(
            "SLUICEBOX_KAFKA_JARS names {}, where there is no kafka_2.13-4.1.0.jar",
            paths.jars.display()
        );
    }
    say("fetching Apache Kafka 4.1.0 (54 MB) with Maven");
    let project = paths.cache.join("kafka-pom");
    let partial = paths.cache.join("kafka-4.1.0.partial");
    fs::create_dir_all(&project)?;
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::write(project.join("pom.xml"), POM)?;
    let mut maven = program(paths, "mvn");
    maven
        .args(["-q", "-B", "-f"])
        .arg(project.join("pom.xml"))
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", partial.display()));
    run(&mut maven).context("fetching Kafka's jars")?;
    // All or nothing: an interrupted fetch must not look like a finished one.
    fs::rename(&partial, &paths.jars)
        .with_context(|| format!("cannot move the jars to {}", paths.jars.display()))
}
