//! Several writers on one log: every commit that is answered is there exactly once, in an order all agree on.

use super::faulty::{Call, Faulty, Wrong};
use super::*;
use crate::conformance::{modules, race, sharing};
use crate::location;
use object_store::memory::InMemory;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_memory() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    race([Arc::clone(&objects), objects]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let open = || location::objects(folder.path().to_str().unwrap()).unwrap();
    race([open(), open()]).await;
}

#[tokio::test]
async fn memory_and_folder_conform() {
    sharing(Arc::new(InMemory::new())).await;
    modules(Arc::new(InMemory::new())).await;
    for suite in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let objects = location::objects(folder.path().to_str().unwrap()).unwrap();
        match suite {
            0 => sharing(objects).await,
            _ => modules(objects).await,
        }
    }
}

/// The same while one answer in three is lost, for both writers.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_lost_answers() {
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let faulty = [0, 1].map(|_| Faulty::new(Arc::clone(&memory)));
    for objects in &faulty {
        for wrong in [Wrong::Lose, Wrong::FindOwn, Wrong::Delay]
            .iter()
            .cycle()
            .take(20)
        {
            objects.script(Call::Put, "catalog/log", 2, 1, *wrong);
        }
    }
    race(
        faulty
            .clone()
            .map(|objects| objects as Arc<dyn ObjectStore>),
    )
    .await;
    assert_eq!(
        faulty.map(|objects| objects.left()),
        [0, 0],
        "all went wrong that should"
    );
}

/// Both want the same at the same time: only one has made it.
#[tokio::test]
async fn the_same_change_of_two_writers_has_one_winner() {
    use crate::calls::Objects;
    use crate::fixtures::next;
    use crate::store::log::{Winner, publish};
    let objects = Objects::new(Arc::new(InMemory::new()), Patience::default());
    let one = next(&Catalog::default(), tenant("shop"));
    let mut other = one.clone();
    other.writer = "fedcba9876543210-1".to_owned();
    assert_eq!(publish(&objects, &one).await, Ok(Winner::Us));
    assert_eq!(publish(&objects, &other).await, Ok(Winner::Another));
    assert_eq!(
        publish(&objects, &one).await,
        Ok(Winner::Us),
        "asked again, still ours"
    );
}

#[tokio::test]
async fn whoever_loses_decides_again() {
    let objects = Arc::new(InMemory::new());
    let (one, other) = (begin(&objects).await, open(&objects).await.unwrap());
    let mut seen = Vec::new();
    let committed = one
        .commit("host", START_MS, |catalog| {
            seen.push(count(catalog));
            if seen.len() == 1 {
                // Another host comes first, after this one has looked.
                let other = other.clone();
                let there = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .build();
                    runtime
                        .unwrap()
                        .block_on(other.commit("host", START_MS, count_up))
                });
                there.join().unwrap().unwrap();
            }
            count_up(catalog)
        })
        .await
        .unwrap();
    assert_eq!(
        (seen, count(&committed), committed.revision),
        (vec![0, 1], 2, 3)
    );
}

#[tokio::test]
async fn a_writer_who_always_loses_gives_up() {
    let objects = Arc::new(InMemory::new());
    let (one, other) = (begin(&objects).await, open(&objects).await.unwrap());
    let lost = one.commit("host", START_MS, |catalog| {
        let other = other.clone();
        let there = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build();
            runtime
                .unwrap()
                .block_on(other.commit("host", START_MS, count_up))
        });
        there.join().unwrap().unwrap();
        count_up(catalog)
    });
    let tries = crate::limits::COMMIT_TRIES_MAX;
    assert_eq!(lost.await, Err(Error::Contended { tries }));
    assert_eq!(count(&other.current()), tries);
}
