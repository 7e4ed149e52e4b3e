//! The cluster a job runs on.

use crate::error::{Error, Result};
use sluicebox_core::log::Log;
use sluicebox_core::spec::Connection;
use std::sync::Arc;

/// Connect to a job's cluster: what its spec says of it.
#[cfg(feature = "kafka")]
pub fn connect(connection: Option<&Connection>) -> Result<Arc<dyn Log>> {
    let Some(connection) = connection else {
        return Err(Error::input(
            "the spec does not say where Kafka is: add `kafka: { bootstrap_servers: \"HOST:PORT\" }`, or try the job without \
             a broker: `sluicebox run JOB.yaml --dev --input TOPIC=FILE`",
        ));
    };
    let connection = sluicebox_kafka::Connection {
        bootstrap_servers: connection.bootstrap_servers.clone(),
        properties: connection.properties.clone(),
    };
    let kafka = sluicebox_kafka::Kafka::connect(connection)?;
    Ok(Arc::new(kafka))
}

/// Connect to a job's cluster: what its spec says of it.
#[cfg(not(feature = "kafka"))]
pub fn connect(_: Option<&Connection>) -> Result<Arc<dyn Log>> {
    Err(Error::input(
        "this sluicebox was built without Kafka: build with the feature `kafka`, or run the job with --dev",
    ))
}
