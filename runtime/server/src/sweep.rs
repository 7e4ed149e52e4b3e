//! What nobody asks for: the bytes of modules that nothing refers to are removed once in a while. Every host looks, and
//! the catalog sees to it that several don't get in each other's way.

use crate::clock::Clock;
use crate::event::{ApiEvent, ApiObserver};
use crate::limits::SWEEP_EVERY;
use sluicebox_catalog::{Store, Unused};
use std::sync::Arc;
use tokio::time::sleep;

/// Sweep for ever. The first failure of a row is told.
pub async fn sweep(store: Store, clock: Arc<dyn Clock>, observer: Arc<dyn ApiObserver>) {
    let mut unused = Unused::default();
    let mut told = false;
    loop {
        sleep(SWEEP_EVERY).await;
        let removed = |digest: &str| {
            observer.event(ApiEvent::Removed {
                digest: digest.to_owned(),
            });
        };
        match store.sweep(&mut unused, clock.elapsed(), removed).await {
            Ok(()) => told = false,
            Err(error) if !told => {
                told = true;
                let why = error.to_string();
                observer.event(ApiEvent::Unswept { why });
            }
            Err(_) => {}
        }
    }
}
