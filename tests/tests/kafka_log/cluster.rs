//! Clusters of several brokers, of which one goes away.

use sluicebox_core::log::Log;
use sluicebox_kafka::{Connection, Kafka};
use sluicebox_tests::broker;
use sluicebox_tests::cluster::Cluster;
use std::time::{Duration, Instant};

/// Questions go to the controller as it was known: whichever broker that is, another one answers soon after it is gone.
#[test]
fn questions_are_answered_whichever_broker_goes_away() {
    let mut cluster = Cluster::start_with(&broker::Options {
        heap_mib: 256,
        ..broker::Options::default()
    })
    .expect("three brokers");
    let client = cluster.client();
    client.create_topic("asked", 1, &[]).expect("topic");
    let kafka = Kafka::connect(Connection::to(cluster.bootstrap())).expect("connects");
    let under_replicated = || {
        let answer = kafka.replication(&["asked"]).ok()?;
        Some((*answer.first()?)?.under_replicated)
    };
    let wait_for = |want: i32| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while under_replicated() != Some(want) {
            assert!(Instant::now() < deadline, "not {want}");
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    for broker in 0..3 {
        wait_for(0);
        cluster.brokers()[broker].stop().expect("stops");
        wait_for(1);
        cluster.brokers()[broker].start_again().expect("starts");
    }
}
