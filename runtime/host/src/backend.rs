//! The cluster a job runs on.

use crate::error::{Error, Result};
use sluicebox_core::log::Log;
use sluicebox_core::spec::{Connection, JobSpec};
use std::sync::Arc;

/// Connect to the cluster that a job's own spec says how to reach.
pub fn connect(spec: &JobSpec) -> Result<Arc<dyn Log>> {
    match (&spec.kafka, &spec.connection) {
        (Some(connection), _) => connect_to(connection),
        (None, Some(name)) => Err(Error::input(format!(
            "`kafka: {name}` names a connection of a host (`sluicebox deploy`); to run the job here, write \
             `kafka: {{ bootstrap_servers: \"HOST:PORT\" }}`"
        ))),
        (None, None) => Err(Error::input(
            "the spec does not say where Kafka is: add `kafka: { bootstrap_servers: \"HOST:PORT\" }`, or try the job without \
             a broker: `sluicebox run JOB.yaml --dev --input TOPIC=FILE`",
        )),
    }
}

/// Connect to a cluster. Waits for a first answer, about ten seconds at most.
#[cfg(feature = "kafka")]
pub fn connect_to(connection: &Connection) -> Result<Arc<dyn Log>> {
    let connection = sluicebox_kafka::Connection {
        bootstrap_servers: connection.bootstrap_servers.clone(),
        properties: connection.properties.clone(),
    };
    // A wrong spec, and not a job that somebody must look after.
    connection
        .check()
        .map_err(|error| Error::input(format!("kafka: {}", error.message)))?;
    let kafka = sluicebox_kafka::Kafka::connect(connection)?;
    Ok(Arc::new(kafka))
}

/// Connect to a cluster.
#[cfg(not(feature = "kafka"))]
pub fn connect_to(_: &Connection) -> Result<Arc<dyn Log>> {
    Err(Error::input(
        "this sluicebox was built without Kafka: build with the feature `kafka`, or run the job with --dev",
    ))
}
