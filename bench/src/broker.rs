//! The broker that everything runs on: the one named on the command line, or one started for this call, with its data
//! in a temporary folder.
use anyhow::Result;

/// A broker.
pub enum Broker {
    /// Somebody's.
    Named(String),
    /// Ours; gone when this is dropped.
    #[cfg(feature = "broker")]
    Started(Box<sluicebox_tests::broker::Broker>),
}

impl Broker {
    /// The one at this address, or a new one.
    pub fn find(address: Option<&str>) -> Result<Self> {
        match address {
            Some(address) => Ok(Self::Named(address.into())),
            None => Self::start(),
        }
    }

    #[cfg(feature = "broker")]
    fn start() -> Result<Self> {
        eprintln!("broker   starting; --brokers HOST:PORT uses an existing one");
        let options = sluicebox_tests::broker::Options {
            heap_mib: 1024,
            optimised: true,
            ..Default::default()
        };
        let broker = sluicebox_tests::broker::Broker::start_with(&options)?;
        Ok(Self::Started(Box::new(broker)))
    }

    #[cfg(not(feature = "broker"))]
    fn start() -> Result<Self> {
        anyhow::bail!("this build of the bench starts no broker: name one by --brokers HOST:PORT")
    }

    /// HOST:PORT.
    pub fn address(&self) -> String {
        match self {
            Self::Named(address) => address.clone(),
            #[cfg(feature = "broker")]
            Self::Started(broker) => broker.bootstrap(),
        }
    }
}
