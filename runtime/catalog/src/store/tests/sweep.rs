//! What is removed, when, and that no push ever loses its bytes to a removal: however the two run into each other, and
//! whichever of them dies.

use super::aged::Aged;
use super::*;
use crate::fixtures::{delete_module, digest, push};
use crate::limits::{REMOVAL_ABANDONED, UNUSED_MIN};
use crate::store::Unused;
use proptest::prelude::*;
use std::pin::Pin;

const HOUR: Duration = Duration::from_secs(3_600);

/// A host that sweeps: its store, what it remembers, and its clock.
struct Sweeper {
    store: Store,
    unused: Unused,
    now: Duration,
}

impl Sweeper {
    async fn new(objects: &Arc<Aged>) -> Self {
        Self {
            store: open(objects).await.unwrap(),
            unused: Unused::default(),
            now: Duration::ZERO,
        }
    }

    /// Let time pass, then sweep. Answers what was removed.
    async fn after(&mut self, objects: &Aged, wait: Duration) -> Result<Vec<String>, Error> {
        objects.advance(wait);
        self.now += wait;
        self.sweep().await
    }

    async fn sweep(&mut self) -> Result<Vec<String>, Error> {
        let mut removed = Vec::new();
        let told = |digest: &str| removed.push(digest.to_owned());
        self.store.sweep(&mut self.unused, self.now, told).await?;
        Ok(removed)
    }
}

/// Push the module that is the byte `n`, as the API does.
async fn pushed(store: &Store, n: u8) -> Result<(), Error> {
    store.put_module(&digest(n), vec![n].into()).await?;
    let make = |catalog: &Catalog| {
        let there = catalog.find_digest("shop", "valid", &digest(n)).is_some();
        let version = catalog.next_version("shop", "valid")?;
        Ok((!there).then(|| push("valid", version, n)))
    };
    store.commit("host", START_MS, make).await.map(drop)
}

async fn is_there(store: &Store, n: u8) -> bool {
    store.module(&digest(n)).await.is_ok()
}

async fn marks(store: &Store) -> Vec<(String, i64)> {
    store.0.objects.names("removing").await.unwrap()
}

/// A mark that a host left when it died.
fn left_mark() -> String {
    format!("removing/{}.left", digest(1))
}

async fn begin_aged() -> (Arc<Aged>, Store, Sweeper) {
    let objects = Aged::memory();
    let store = begin(&objects).await;
    let sweeper = Sweeper::new(&objects).await;
    (objects, store, sweeper)
}

#[tokio::test]
async fn what_nothing_has_referred_to_for_a_day_is_removed() {
    let (objects, store, mut sweeper) = begin_aged().await;
    pushed(&store, 1).await.unwrap();
    pushed(&store, 2).await.unwrap();
    // An upload whose revision was never written.
    store.put_module(&digest(3), vec![3].into()).await.unwrap();
    let nothing: &[String] = &[];
    assert_eq!(sweeper.after(&objects, UNUSED_MIN).await.unwrap(), nothing);
    commit(&store, delete_module("valid", 1)).await.unwrap();
    assert_eq!(sweeper.after(&objects, HOUR).await.unwrap(), nothing);
    let removed = sweeper.after(&objects, UNUSED_MIN - HOUR).await.unwrap();
    assert_eq!(removed, [digest(3)], "seen since the first sweep");
    assert_eq!(sweeper.after(&objects, HOUR).await.unwrap(), [digest(1)]);
    assert_eq!(sweeper.after(&objects, UNUSED_MIN).await.unwrap(), nothing);
    assert!(is_there(&store, 2).await && !is_there(&store, 1).await);
    assert!(marks(&store).await.is_empty());
    pushed(&store, 1).await.unwrap();
    assert!(is_there(&store, 1).await, "pushed again, it is there again");
}

#[tokio::test]
async fn bytes_that_were_written_again_are_young_again() {
    let (objects, store, mut sweeper) = begin_aged().await;
    store.put_module(&digest(1), vec![1].into()).await.unwrap();
    sweeper.sweep().await.unwrap();
    objects.advance(UNUSED_MIN);
    sweeper.now += UNUSED_MIN;
    // After the day, and right before the sweep that would remove them.
    store.put_module(&digest(1), vec![1].into()).await.unwrap();
    assert!(sweeper.sweep().await.unwrap().is_empty());
    let early = sweeper.after(&objects, UNUSED_MIN - HOUR).await.unwrap();
    assert!(early.is_empty());
    assert_eq!(sweeper.after(&objects, HOUR).await.unwrap(), [digest(1)]);
}

/// The machine's clock may be wrong: a host that believes a day is over removes nothing that is young in the store.
#[tokio::test]
async fn only_the_stores_times_make_bytes_old() {
    let (objects, store, mut sweeper) = begin_aged().await;
    store.put_module(&digest(1), vec![1].into()).await.unwrap();
    sweeper.sweep().await.unwrap();
    sweeper.now += UNUSED_MIN * 3;
    assert!(sweeper.sweep().await.unwrap().is_empty());
    assert!(is_there(&store, 1).await);
    objects.advance(UNUSED_MIN);
    assert_eq!(sweeper.sweep().await.unwrap(), [digest(1)]);
}

#[tokio::test]
async fn strangers_in_the_folder_are_left_alone() {
    let (objects, _, mut sweeper) = begin_aged().await;
    for name in [
        "modules/notes.txt",
        "modules/abc.wasm",
        "removing/notes.txt",
    ] {
        put(&objects, name, "mine").await;
    }
    for _ in 0..3 {
        assert!(
            sweeper
                .after(&objects, UNUSED_MIN)
                .await
                .unwrap()
                .is_empty()
        );
    }
    let left = sweeper.store.0.objects.names("modules").await.unwrap();
    assert_eq!((left.len(), marks(&sweeper.store).await.len()), (2, 1));
}

/// The answer to a deletion is lost: it may be done later, so nobody relies on the bytes until it can't be any more.
#[tokio::test]
async fn a_removal_of_unknown_end_keeps_pushes_away_until_it_is_over() {
    let (objects, store, mut sweeper) = begin_aged().await;
    store.put_module(&digest(1), vec![1].into()).await.unwrap();
    sweeper.sweep().await.unwrap();
    objects.fail_deletions(1);
    let error = sweeper.after(&objects, UNUSED_MIN).await.unwrap_err();
    assert!(matches!(error, Error::Objects { .. }), "{error}");
    let refused = pushed(&store, 1).await;
    assert_eq!(refused, Err(Error::Removing { digest: digest(1) }));
    objects.advance(REMOVAL_ABANDONED);
    pushed(&store, 1).await.unwrap();
    assert!(is_there(&store, 1).await);
}

#[tokio::test]
async fn sweeps_take_abandoned_marks_away() {
    let (objects, _, mut sweeper) = begin_aged().await;
    put(&objects, &left_mark(), "").await;
    sweeper.sweep().await.unwrap();
    sweeper
        .after(&objects, REMOVAL_ABANDONED / 2)
        .await
        .unwrap();
    assert_eq!(marks(&sweeper.store).await.len(), 1);
    sweeper
        .after(&objects, REMOVAL_ABANDONED / 2)
        .await
        .unwrap();
    assert!(marks(&sweeper.store).await.is_empty());
}

/// A revision that names bytes which are a day old already: no push does that, and it is seen all the same.
#[tokio::test]
async fn the_catalog_is_read_once_more_after_the_mark() {
    let (objects, store, mut sweeper) = begin_aged().await;
    store.put_module(&digest(1), vec![1].into()).await.unwrap();
    sweeper.sweep().await.unwrap();
    objects.advance(UNUSED_MIN);
    sweeper.now += UNUSED_MIN;
    {
        let mut running: Running<'_> = Some(Box::pin(async { drop(sweeper.sweep().await) }));
        while marks(&store).await.is_empty() {
            objects.step(true);
            poll(&mut running).await;
            objects.step(false);
        }
        commit(&store, push("valid", 1, 1)).await.unwrap();
        while running.is_some() {
            poll(&mut running).await;
        }
    }
    assert!(is_there(&store, 1).await);
}

/// Somebody has put an older catalog in place of ours, which refers to what ours does not.
#[tokio::test]
async fn nothing_is_removed_when_the_catalog_was_replaced() {
    let (objects, store, mut sweeper) = begin_aged().await;
    pushed(&store, 1).await.unwrap();
    commit(&store, delete_module("valid", 1)).await.unwrap();
    sweeper.sweep().await.unwrap();
    delete(&objects, &log_object(3)).await;
    let error = sweeper.after(&objects, UNUSED_MIN).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(is_there(&store, 1).await);
}

/// Something under way.
type Running<'a> = Option<Pin<Box<dyn Future<Output = ()> + 'a>>>;

/// Let it do its next call.
async fn poll(running: &mut Running<'_>) {
    let Some(future) = running else { return };
    let done = std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx))).await;
    if done.is_ready() {
        *running = None;
    }
}

/// Two hosts remove a module while two others push it, in this order of calls; then `dies` and whoever else is left out
/// die, and the others end. If the catalog refers to the module, its bytes must be there, and stay.
async fn race(order: &[usize], dies: &[bool; 4], abandoned: bool) {
    let (objects, one, mut first) = begin_aged().await;
    if abandoned {
        put(&objects, &left_mark(), "").await;
    }
    let (other, mut second) = (open(&objects).await.unwrap(), Sweeper::new(&objects).await);
    put(&objects, &format!("modules/{}.wasm", digest(1)), vec![1]).await;
    first.sweep().await.unwrap();
    second.sweep().await.unwrap();
    objects.advance(UNUSED_MIN);
    first.now += UNUSED_MIN;
    second.now += UNUSED_MIN;
    objects.step(true);
    let answered = std::cell::Cell::new(false);
    let push = |store: Store| {
        let answered = &answered;
        async move { answered.set(pushed(&store, 1).await.is_ok() || answered.get()) }
    };
    {
        let mut running: [Running<'_>; 4] = [
            Some(Box::pin(async { drop(first.sweep().await) })),
            Some(Box::pin(async { drop(second.sweep().await) })),
            Some(Box::pin(push(one.clone()))),
            Some(Box::pin(push(other))),
        ];
        for &who in order {
            poll(&mut running[who]).await;
        }
        for (running, dies) in running.iter_mut().zip(dies) {
            if *dies {
                *running = None;
            }
        }
        while running.iter().any(Option::is_some) {
            for running in &mut running {
                poll(running).await;
            }
            // Pauses end by the timer.
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
    }
    objects.step(false);
    let refers = one.refresh().await.unwrap().digests().contains(&*digest(1));
    assert!(refers || !answered.get(), "what was answered is there");
    assert!(!refers || is_there(&one, 1).await, "{order:?} {dies:?}");
    for _ in 0..3 {
        first.after(&objects, UNUSED_MIN).await.unwrap();
    }
    assert_eq!(is_there(&one, 1).await, refers, "{order:?} {dies:?}");
}

/// A whole removal happens between a push's bytes and its look for marks.
#[tokio::test]
async fn a_push_notices_that_its_bytes_are_gone_already() {
    let order = [[0; 10].as_slice(), &[2; 2], &[0; 4], &[2; 8]].concat();
    race(&order, &[false, false, false, true], false).await;
}

/// Two hosts find the mark of a third one that died, and one is late to take it away: the other has a mark of its own by then.
#[tokio::test]
async fn a_mark_that_was_given_up_is_not_taken_for_another() {
    let order = [[0; 5].as_slice(), &[1; 11], &[0], &[2; 12], &[1; 3]].concat();
    race(&order, &[false, false, false, true], true).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn no_push_loses_its_bytes(
        order in prop::collection::vec(0..4_usize, 0..60),
        dies in prop::array::uniform4(prop::bool::weighted(0.3)),
        abandoned in prop::bool::ANY,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(race(&order, &dies, abandoned));
    }
}
