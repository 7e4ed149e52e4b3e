//! The cluster a job's spec names.

use crate::error::{Error, Result};
use sluicebox_core::log::Log;
use sluicebox_core::spec::JobSpec;
use std::sync::Arc;

/// Connect to the job's cluster.
#[cfg(feature = "kafka")]
pub fn connect(spec: &JobSpec) -> Result<Arc<dyn Log>> {
    let Some(connection) = &spec.kafka else {
        return Err(Error::input(
            "the spec does not say where Kafka is: add `kafka: { bootstrap_servers: \"HOST:PORT\" }`, or try the job without \
             a broker: `sluicebox run JOB.yaml --dev --input TOPIC=FILE`",
        ));
    };
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

/// Connect to the job's cluster.
#[cfg(not(feature = "kafka"))]
pub fn connect(_: &JobSpec) -> Result<Arc<dyn Log>> {
    Err(Error::input(
        "this sluicebox was built without Kafka: build with the feature `kafka`, or run the job with --dev",
    ))
}
