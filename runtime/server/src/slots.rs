//! Places for expensive things (uploads, checks, streams of logs): a number for all tenants, and a smaller one for each,
//! so that no tenant can take them all. Some may wait for a place, and no more than some.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// How many places there are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Of all tenants.
    pub all: usize,
    /// Of each.
    pub tenant: usize,
    /// How many of each tenant may wait.
    pub waiting: usize,
}

/// The places.
#[derive(Debug)]
pub struct Slots {
    sizes: Sizes,
    all: Arc<Semaphore>,
    /// Of the tenants that have or want one.
    tenants: Mutex<HashMap<String, Tenant>>,
}

#[derive(Debug)]
struct Tenant {
    places: Arc<Semaphore>,
    /// Those that have one and those that wait.
    users: usize,
}

/// A place; given back when dropped.
#[derive(Debug)]
pub struct Slot {
    // In this order: whoever waits must find the place free.
    _of_all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
    _user: User,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// This tenant has all it may have.
    Tenant,
    /// All tenants together do.
    All,
}

impl Slots {
    /// So many places.
    pub fn new(sizes: Sizes) -> Arc<Self> {
        Arc::new(Self {
            sizes,
            all: Arc::new(Semaphore::new(sizes.all)),
            tenants: Mutex::default(),
        })
    }

    /// Take a place, waiting for others to leave theirs.
    pub async fn take(self: &Arc<Self>, tenant: &str, wait: Duration) -> Result<Slot, Full> {
        let deadline = Instant::now() + wait;
        let (user, places) = self.enter(tenant)?;
        let own = timeout_at(deadline, places.acquire_owned()).await;
        let Ok(Ok(own)) = own else {
            return Err(Full::Tenant);
        };
        let of_all = timeout_at(deadline, self.all.clone().acquire_owned()).await;
        let Ok(Ok(of_all)) = of_all else {
            return Err(Full::All);
        };
        Ok(Slot {
            _of_all: of_all,
            _own: own,
            _user: user,
        })
    }

    fn enter(self: &Arc<Self>, name: &str) -> Result<(User, Arc<Semaphore>), Full> {
        let mut tenants = self.tenants();
        let tenant = tenants.entry(name.to_owned()).or_insert_with(|| Tenant {
            places: Arc::new(Semaphore::new(self.sizes.tenant)),
            users: 0,
        });
        if tenant.users >= self.sizes.tenant + self.sizes.waiting {
            return Err(Full::Tenant);
        }
        tenant.users += 1;
        let user = User {
            slots: Arc::clone(self),
            tenant: name.to_owned(),
        };
        Ok((user, tenant.places.clone()))
    }

    /// Numbers only: whole at any time, also if a thread panicked.
    fn tenants(&self) -> MutexGuard<'_, HashMap<String, Tenant>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that has a place or waits; waiting may end at any time because the client left.
#[derive(Debug)]
struct User {
    slots: Arc<Slots>,
    tenant: String,
}

impl Drop for User {
    fn drop(&mut self) {
        let mut tenants = self.slots.tenants();
        let Some(tenant) = tenants.get_mut(&self.tenant) else {
            return;
        };
        tenant.users -= 1;
        if tenant.users == 0 {
            tenants.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;
    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn no_tenant_takes_all_and_places_come_back() {
        let slots = Slots::new(Sizes {
            all: 3,
            tenant: 2,
            waiting: 0,
        });
        let a1 = slots.take("a", NOW).await.expect("free");
        let _a2 = slots.take("a", NOW).await.expect("free");
        assert_eq!(slots.take("a", SOON).await.err(), Some(Full::Tenant));
        let b1 = slots.take("b", NOW).await.expect("free");
        assert_eq!(slots.take("c", NOW).await.err(), Some(Full::All));
        drop(a1);
        let _c1 = slots.take("c", NOW).await.expect("free again");
        assert_eq!(slots.take("a", NOW).await.err(), Some(Full::All));
        drop(b1);
        assert!(!slots.tenants().contains_key("b"), "nothing is kept of it");
        assert_eq!(slots.tenants()["a"].users, 1, "a failed try costs nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn some_may_wait_and_whoever_leaves_makes_room() {
        let slots = Slots::new(Sizes {
            all: 9,
            tenant: 1,
            waiting: 1,
        });
        let first = slots.take("a", NOW).await.expect("free");
        let waiting = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take("a", SOON).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(slots.take("a", SOON).await.err(), Some(Full::Tenant));
        drop(first);
        let second = waiting.await.expect("no panic").expect("its turn");
        let late = slots.take("a", SOON).await;
        assert_eq!(late.err(), Some(Full::Tenant), "its time is over");
        drop(second);
        assert!(slots.tenants().is_empty());
    }
}
