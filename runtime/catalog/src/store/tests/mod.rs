//! The store on object stores that behave, that don't, and that others write to at the same time.

mod aged;
mod damage;
mod faults;
mod faulty;
mod hosts;
mod kept;
mod probe;
mod races;
mod sweep;

use super::Store;
use crate::calls::Patience;
use crate::change::Change;
use crate::error::{Error, Refused};
use crate::fixtures::{START_MS, tenant};
use crate::state::Catalog;
use object_store::ObjectStore;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use std::sync::Arc;
use std::time::Duration;

/// A store that loses patience soon. Calls that are answered at once never notice.
async fn open(objects: &Arc<impl ObjectStore>) -> Result<Store, Error> {
    let patience = Patience {
        call_max: Duration::from_millis(100),
        pause: Duration::from_millis(1),
    };
    Store::open_with(Arc::clone(objects) as Arc<dyn ObjectStore>, patience).await
}

/// Commit this change, whatever the catalog is.
async fn commit(store: &Store, change: Change) -> Result<Arc<Catalog>, Error> {
    store.commit("host", START_MS, |_| Ok(change.clone())).await
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
    catalog.tenant("shop").unwrap().quotas.modules_max - 2
}

/// A catalog with `shop` in it.
async fn begin(objects: &Arc<impl ObjectStore>) -> Store {
    let store = open(objects).await.unwrap();
    commit(&store, tenant("shop")).await.unwrap();
    store
}

fn log_object(number: u64) -> String {
    crate::calls::numbered("catalog/log", number)
}

async fn bytes_of(objects: &Arc<impl ObjectStore>, object: &str) -> Vec<u8> {
    let found = objects.get(&Path::from(object)).await.unwrap();
    found.bytes().await.unwrap().to_vec()
}

async fn put(objects: &Arc<impl ObjectStore>, object: &str, bytes: impl Into<PutPayload>) {
    objects
        .put(&Path::from(object), bytes.into())
        .await
        .unwrap();
}

async fn delete(objects: &Arc<impl ObjectStore>, object: &str) {
    objects.delete(&Path::from(object)).await.unwrap();
}
