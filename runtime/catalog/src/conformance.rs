//! What must hold on every object store, by what hosts do: one suite for memory, a folder and a bucket. Each function
//! panics where something does not hold.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a suite of tests"
)]

use crate::{Catalog, Change, Error, Policy, Quotas, Refused, Store, sha256_hex};
use bytes::Bytes;
use object_store::ObjectStore;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many commits each task makes in a race.
const COMMITS: u32 = 20;
const AT_MS: i64 = 1_750_000_000_000;

/// A tenant that has nothing.
fn tenant(tenant: &str) -> Change {
    Change::TenantCreated {
        tenant: tenant.to_owned(),
        policy: Policy::default(),
        quotas: Quotas {
            modules_max: 0,
            ..Quotas::default()
        },
    }
}

/// Commit this change, whatever the catalog is.
async fn commit(store: &Store, change: Change) -> Arc<Catalog> {
    let made = store.commit("host", AT_MS, |_| Ok(change.clone()));
    made.await.unwrap()
}

/// One more module for `shop`: two of these can't be the same step, and none may be lost.
fn count_up(catalog: &Catalog) -> Result<Change, Refused> {
    let shop = catalog.tenant("shop")?;
    let mut quotas = shop.quotas.clone();
    quotas.modules_max += 1;
    Ok(Change::TenantChanged {
        tenant: "shop".to_owned(),
        policy: shop.policy.clone(),
        quotas,
        disabled: false,
    })
}

/// How often `count_up` was done.
fn count(catalog: &Catalog) -> u32 {
    catalog.tenant("shop").unwrap().quotas.modules_max
}

async fn open(objects: &Arc<dyn ObjectStore>) -> Store {
    Store::open(Arc::clone(objects)).await.unwrap()
}

/// What one host commits another reads, and whoever starts later.
pub async fn sharing(objects: Arc<dyn ObjectStore>) {
    let (one, other) = (open(&objects).await, open(&objects).await);
    assert_eq!(one.current().revision, 0, "the suite begins with nothing");
    commit(&one, tenant("shop")).await;
    let committed = one.commit("host", AT_MS, count_up).await.unwrap();
    assert_eq!((committed.revision, count(&committed)), (2, 1));
    assert_eq!(other.current().revision, 0, "not before it looks");
    assert_eq!(other.refresh().await.unwrap(), committed);
    assert_eq!(open(&objects).await.current(), committed);
    let again = other.commit("host", AT_MS, |_| Ok(tenant("shop"))).await;
    assert!(matches!(
        again,
        Err(Error::Refused(Refused::Conflict { .. }))
    ));
    assert_eq!(
        one.refresh().await.unwrap(),
        committed,
        "that wrote nothing"
    );
}

/// Modules are kept by their digest, as often as they are pushed.
pub async fn modules(objects: Arc<dyn ObjectStore>) {
    let (one, other) = (open(&objects).await, open(&objects).await);
    for bytes in [&b"\0asm"[..], &[7; 1 << 20]] {
        let bytes = Bytes::copy_from_slice(bytes);
        let digest = sha256_hex(&bytes);
        let missing = other.module(&digest).await;
        assert!(matches!(missing, Err(Error::Damaged { .. })), "{missing:?}");
        one.put_module(&digest, bytes.clone()).await.unwrap();
        other.put_module(&digest, bytes.clone()).await.unwrap();
        assert_eq!(other.module(&digest).await.unwrap(), bytes);
    }
}

/// Two hosts with two tasks each write at the same time: every commit that is answered is there exactly once, in an order
/// all agree on. Both are of the same objects.
pub async fn race(objects: [Arc<dyn ObjectStore>; 2]) {
    let first = open(&objects[0]).await;
    commit(&first, tenant("shop")).await;
    let second = open(&objects[1]).await;
    let tasks: Vec<_> = [(&first, "a"), (&first, "b"), (&second, "c"), (&second, "d")]
        .map(|(store, name)| tokio::spawn(write(store.clone(), name.to_owned())))
        .into();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    let end = first.refresh().await.unwrap();
    assert_eq!(second.refresh().await.unwrap(), end);
    assert_eq!(open(&objects[0]).await.current(), end);
    assert_eq!(count(&end), done, "none lost, none twice");
    let expected: BTreeSet<String> = ["a", "b", "c", "d"]
        .iter()
        .flat_map(|name| (0..COMMITS).map(move |n| format!("{name}-{n}")))
        .collect();
    let others = end.tenants.keys().filter(|name| *name != "shop");
    assert_eq!(others.cloned().collect::<BTreeSet<_>>(), expected);
    let revisions = 1 + 2 * u64::from(done);
    assert_eq!(end.revision, revisions, "each took one revision");
}

/// Commits `count_up` and creates tenants of its own; says how many of each were answered with success.
async fn write(store: Store, name: String) -> u32 {
    let mut done = 0;
    for n in 0..COMMITS {
        commit(&store, tenant(&format!("{name}-{n}"))).await;
        store.commit("host", AT_MS, count_up).await.unwrap();
        done += 1;
    }
    done
}
