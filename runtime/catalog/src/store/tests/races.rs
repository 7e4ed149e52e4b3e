//! Several writers on one log: every commit that is answered is there exactly once, in an order all agree on.

use super::faulty::{Call, Faulty, Wrong};
use super::*;
use crate::location;
use object_store::memory::InMemory;
use std::collections::BTreeSet;

/// How many commits each task makes.
const COMMITS: u32 = 20;

/// Commits `count_up` and creates tenants of its own; says how many of each were answered with success.
async fn write(store: Store, name: String) -> u32 {
    let mut done = 0;
    for n in 0..COMMITS {
        let made = tenant(&format!("{name}-{n}"));
        commit(&store, made).await.unwrap();
        store.commit("host", START_MS, count_up).await.unwrap();
        done += 1;
    }
    done
}

/// Two stores with two tasks each.
async fn race(objects: [Arc<dyn ObjectStore>; 2]) {
    let first = Store::open(Arc::clone(&objects[0])).await.unwrap();
    commit(&first, tenant("shop")).await.unwrap();
    let second = Store::open(Arc::clone(&objects[1])).await.unwrap();
    let tasks: Vec<_> = [(&first, "a"), (&first, "b"), (&second, "c"), (&second, "d")]
        .map(|(store, name)| tokio::spawn(write(store.clone(), name.to_owned())))
        .into();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    let end = first.refresh().await.unwrap();
    assert_eq!(second.refresh().await.unwrap(), end);
    assert_eq!(
        Store::open(Arc::clone(&objects[0]))
            .await
            .unwrap()
            .current(),
        end
    );
    assert_eq!(count(&end), done, "none lost, none twice");
    let expected: BTreeSet<String> = ["a", "b", "c", "d"]
        .iter()
        .flat_map(|name| (0..COMMITS).map(move |n| format!("{name}-{n}")))
        .collect();
    let others = end.tenants.keys().filter(|name| *name != "shop");
    assert_eq!(others.cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(
        end.revision,
        1 + 2 * u64::from(done),
        "each took one revision"
    );
}

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
