//! Writes the workload to a topic, once: a later run finds it there and uses it again.
use crate::kafka::{self, PARTITIONS, Producer, Topics};
use crate::workload::Workload;
use anyhow::{Result, bail};
use std::time::Instant;

/// Make sure that `topic` holds the workload and nothing else.
pub fn ensure(brokers: &str, topic: &str, workload: &Workload) -> Result<()> {
    let topics = Topics::new(brokers)?;
    if topics.named(topic)?.iter().any(|name| name == topic) {
        let bounds = kafka::bounds(&kafka::consumer(brokers, "bench-generate")?, topic)?;
        let there: i64 = bounds.iter().map(|(start, end)| end - start).sum();
        if there == workload.n as i64 + i64::from(PARTITIONS) {
            eprintln!(
                "input    {topic}: {} records, as written before",
                workload.n
            );
            return Ok(());
        }
        bail!(
            "topic {topic} holds {there} records of something else; delete it or name another by --topic"
        );
    }
    topics.create(topic)?;
    let start = Instant::now();
    let bytes = write(brokers, topic, workload)?;
    let seconds = start.elapsed().as_secs_f64();
    eprintln!(
        "input    {topic}: {} records of {} bytes written in {seconds:.1} s",
        workload.n,
        bytes / workload.n.max(1)
    );
    Ok(())
}

/// Write all records and, last, one sentinel a partition. Answers the bytes of keys and values.
fn write(brokers: &str, topic: &str, workload: &Workload) -> Result<u64> {
    let producer: Producer = kafka::producer_config(brokers, 20).create()?;
    let (mut key, mut value, mut bytes) = (Vec::new(), Vec::new(), 0);
    for i in 0..workload.n {
        let record = workload.record(i);
        record.write_key(&mut key);
        record.write_value(&mut value);
        bytes += (key.len() + value.len()) as u64;
        kafka::send(&producer, topic, None, &key, &value, record.ts)?;
    }
    // All records are in the log before a sentinel moves event time past them.
    kafka::drain(&producer)?;
    for partition in 0..PARTITIONS {
        let (key, value, ts) = workload.sentinel(partition);
        kafka::send(
            &producer,
            topic,
            Some(partition),
            key.as_bytes(),
            value.as_bytes(),
            ts,
        )?;
    }
    kafka::drain(&producer)?;
    Ok(bytes)
}
