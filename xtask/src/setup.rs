//! What a machine must have, and getting it. Each step first looks whether it is done already, so every task can
//! begin with this at no cost.

use anyhow::Result;

use crate::paths::Paths;
use crate::{jars, packages, s3, wasm};

/// For which tasks to set up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The demo on the embedded log: a C compiler and the Wasm target.
    Demo,
    /// Also librdkafka, RocksDB, Java and Kafka's jars, and a store with the protocol of S3.
    Everything,
}

/// Install what is missing, or say what to install.
pub fn run(paths: &Paths, needs: Needs) -> Result<()> {
    packages::ensure(match needs {
        Needs::Demo => packages::DEMO,
        Needs::Everything => packages::EVERYTHING,
    })?;
    wasm::ensure()?;
    if needs == Needs::Everything {
        jars::ensure(paths)?;
        s3::ensure(paths)?;
    }
    Ok(())
}
