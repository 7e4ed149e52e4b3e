//! Places for expensive things (uploads, checks, streams of logs): a number for all tenants, and a smaller one for each,
//! so that no tenant can take them all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places.
#[derive(Debug)]
pub struct Slots {
    all: Arc<Semaphore>,
    per_tenant_max: usize,
    taken: Mutex<HashMap<String, usize>>,
}

/// A place; given back when dropped.
#[derive(Debug)]
pub struct Slot {
    _reserved: Reserved,
    _permit: OwnedSemaphorePermit,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// This tenant has all it may have.
    Tenant,
    /// All tenants together do, and nothing got free in time.
    All,
}

impl Slots {
    /// `max` places, of which each tenant gets `per_tenant_max` at most.
    pub fn new(max: usize, per_tenant_max: usize) -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(max)),
            per_tenant_max,
            taken: Mutex::default(),
        })
    }

    /// Take a place, waiting for others to leave theirs.
    pub async fn take(self: &Arc<Self>, tenant: &str, wait: Duration) -> Result<Slot, Full> {
        let reserved = self.reserve(tenant)?;
        let permit = tokio::time::timeout(wait, self.all.clone().acquire_owned()).await;
        match permit {
            Ok(Ok(permit)) => Ok(Slot {
                _reserved: reserved,
                _permit: permit,
            }),
            _ => Err(Full::All),
        }
    }

    fn reserve(self: &Arc<Self>, tenant: &str) -> Result<Reserved, Full> {
        let mut taken = self.taken();
        let count = taken.get(tenant).copied().unwrap_or_default();
        if count >= self.per_tenant_max {
            return Err(Full::Tenant);
        }
        taken.insert(tenant.to_owned(), count + 1);
        Ok(Reserved {
            slots: Arc::clone(self),
            tenant: tenant.to_owned(),
        })
    }

    fn leave(&self, tenant: &str) {
        let mut taken = self.taken();
        match taken.get_mut(tenant) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(tenant)),
        }
    }

    /// Numbers only: whole at any time, also if a thread panicked.
    fn taken(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of a tenant's own places, held also while it waits for one of all: waiting may end at any time because the
/// client left.
#[derive(Debug)]
struct Reserved {
    slots: Arc<Slots>,
    tenant: String,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.slots.leave(&self.tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_tenant_takes_all_and_places_come_back() {
        let slots = Slots::new(3, 2);
        let now = Duration::ZERO;
        let a1 = slots.take("a", now).await.expect("free");
        let _a2 = slots.take("a", now).await.expect("free");
        assert_eq!(slots.take("a", now).await.err(), Some(Full::Tenant));
        let _b1 = slots.take("b", now).await.expect("free");
        assert_eq!(slots.take("c", now).await.err(), Some(Full::All));
        drop(a1);
        let _c1 = slots.take("c", now).await.expect("free again");
        assert_eq!(slots.take("a", now).await.err(), Some(Full::All));
        assert_eq!(
            slots.taken().get("a"),
            Some(&1),
            "a failed try costs nothing"
        );
    }
}
