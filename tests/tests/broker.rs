//! The harness itself: what other tests take for granted about the broker is checked here.

use std::time::Duration;

use anyhow::Result;
use sluicebox_tests::broker::{self, Broker};
use sluicebox_tests::process::wait_until;
use sluicebox_tests::records::Rec;

#[test]
fn records_come_back_as_written() -> Result<()> {
    let client = broker::shared().client();
    let topic = broker::unique("harness-records");
    client.create_topic(&topic, 2, &[])?;
    let mut written = vec![
        Rec::new(0, "k", "v", 1),
        Rec {
            partition: 1,
            timestamp: 2,
            ..Rec::default()
        },
        Rec {
            headers: vec![("h".into(), Some(b"1".to_vec())), ("h".into(), None)],
            ..Rec::new(1, "k2", "", 3)
        },
    ];
    client.produce(&topic, &written)?;
    (written[0].offset, written[1].offset, written[2].offset) = (0, 0, 1);
    assert_eq!(client.read_committed(&topic)?, written);
    Ok(())
}

#[test]
fn read_committed_leaves_out_aborted_and_open_transactions() -> Result<()> {
    let client = broker::shared().client();
    let topic = broker::unique("harness-transactions");
    client.create_topic(&topic, 1, &[])?;
    client.produce_transaction(&topic, &topic, &[Rec::new(0, "a", "aborted", 1)], false)?;
    client.produce_transaction(&topic, &topic, &[Rec::new(0, "a", "committed", 2)], true)?;
    let values: Vec<String> = client
        .read_committed(&topic)?
        .iter()
        .map(Rec::value_text)
        .collect();
    assert_eq!(values, ["committed"]);
    assert_eq!(client.read_uncommitted(&topic)?.len(), 2);
    Ok(())
}

#[test]
fn topics_and_records_can_be_deleted() -> Result<()> {
    let client = broker::shared().client();
    let topic = broker::unique("harness-delete");
    client.create_topic(&topic, 1, &[])?;
    client.produce(
        &topic,
        &[Rec::new(0, "a", "1", 1), Rec::new(0, "a", "2", 2)],
    )?;
    client.delete_records(&topic, 0, 1)?;
    assert_eq!(client.bounds(&topic, 0)?, (1, 2));
    client.add_partitions(&topic, 3)?;
    assert_eq!(client.partitions(&topic)?, Some(3));
    client.delete_topic(&topic)?;
    assert_eq!(client.partitions(&topic)?, None);
    Ok(())
}

#[test]
fn a_broker_keeps_its_data_over_stop_kill_and_pause() -> Result<()> {
    let mut broker = Broker::start()?;
    let client = broker.client();
    client.create_topic("kept", 1, &[])?;
    client.produce("kept", &[Rec::new(0, "a", "1", 1)])?;
    broker.stop()?;
    assert!(!client.answers(Duration::from_millis(500)));
    broker.start_again()?;
    client.produce("kept", &[Rec::new(0, "a", "2", 2)])?;
    broker.pause()?;
    assert!(!client.answers(Duration::from_millis(500)));
    broker.resume()?;
    wait_until("the broker answers again", Duration::from_secs(20), || {
        Ok(client.answers(Duration::from_secs(1)))
    })?;
    broker.kill();
    broker.start_again()?;
    assert_eq!(client.read_committed("kept")?.len(), 2);
    Ok(())
}
