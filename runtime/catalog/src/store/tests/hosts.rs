//! The list of hosts: what is old or unreadable is not on it.

use super::*;
use crate::HostRecord;
use crate::limits::{HOST_FORGOTTEN, HOST_GONE};

fn host(id: &str) -> HostRecord {
    HostRecord {
        id: id.to_owned(),
        url: Some(format!("https://{id}.example.org")),
        version: "0.1.0".to_owned(),
        started_ms: 7,
    }
}

async fn ids(store: &Store) -> Vec<String> {
    let hosts = store.hosts().await.unwrap();
    hosts.into_iter().map(|host| host.id).collect()
}

#[tokio::test]
async fn hosts_come_and_go() {
    let objects = Arc::new(object_store::memory::InMemory::new());
    let store = begin(&objects).await;
    assert_eq!(ids(&store).await, [""; 0]);
    for id in ["b", "a", "b"] {
        store.announce(&host(id)).await.unwrap();
    }
    assert_eq!(store.hosts().await.unwrap(), [host("a"), host("b")]);
    store.withdraw("a").await.unwrap();
    store.withdraw("a").await.expect("it may be gone already");
    assert_eq!(ids(&store).await, ["b"]);
}

#[tokio::test]
async fn what_can_not_be_read_or_is_not_its_own_is_left_out() {
    let objects = Arc::new(object_store::memory::InMemory::new());
    let store = begin(&objects).await;
    store.announce(&host("a")).await.unwrap();
    let newer = r#"{"id": "new", "zone": "x"}"#;
    let whole = serde_json::to_string(&host("a")).unwrap();
    for (name, text) in [
        ("torn.json", "{\"id\""),
        ("other.json", whole.as_str()),
        ("new.json", newer),
        ("note.txt", whole.as_str()),
    ] {
        let path = Path::from(format!("hosts/{name}"));
        let text = PutPayload::from(text.to_owned());
        objects.put(&path, text).await.unwrap();
    }
    assert_eq!(ids(&store).await, ["a", "new"]);
}

/// A host that died without a word, seen by one that goes on; in a folder, whose times can be set.
#[tokio::test]
async fn a_host_that_says_nothing_is_left_out_and_then_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let objects = object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let store = begin(&Arc::new(objects)).await;
    for id in ["dead", "late", "here"] {
        store.announce(&host(id)).await.unwrap();
    }
    let aged = |id: &str, age: Duration| {
        let path = folder.path().join(format!("hosts/{id}.json"));
        let file = std::fs::File::options().write(true).open(path).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        file.set_modified(written - age).unwrap();
    };
    aged("late", HOST_GONE / 2);
    aged("dead", HOST_GONE * 2);
    assert_eq!(ids(&store).await, ["here", "late"]);
    let there = |id: &str| folder.path().join(format!("hosts/{id}.json")).exists();
    assert!(there("dead"));
    aged("dead", HOST_FORGOTTEN);
    assert_eq!(ids(&store).await, ["here", "late"]);
    assert!(!there("dead"));
}
