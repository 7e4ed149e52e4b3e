//! Starts an Apache Kafka broker for whoever runs this, prints its `host:port`, and ends it when standard input closes.
//! `cargo xtask demo --kafka` lives on it.

use std::io::{Read, Write};

use anyhow::Result;
use sluicebox_tests::broker::Broker;

fn main() -> Result<()> {
    let mut broker = Broker::start()?;
    println!("{}", broker.bootstrap());
    std::io::stdout().flush()?;
    // Nothing is expected: the end of the input is the message.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    broker.stop()
}
