//! What a description of a topic says of its partitions.

use rdkafka_sys as sys;

/// The partitions of a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Partitions {
    /// How many there are.
    pub count: i32,
    /// Replicas of the first one.
    pub replicas: usize,
    /// Those of which some replicas are not in sync.
    pub under_replicated: i32,
    /// Those without a leader: nobody can read or write them.
    pub offline: i32,
}

impl Partitions {
    /// Those of a topic.
    ///
    /// # Safety
    /// `topic` is a live description.
    pub unsafe fn of(topic: *const sys::rd_kafka_TopicDescription_t) -> Self {
        let mut out = Self::default();
        // SAFETY: by this function's contract; the array has `count` partitions and lives as long as the description.
        unsafe {
            let mut count = 0;
            let partitions = sys::rd_kafka_TopicDescription_partitions(topic, &mut count);
            for i in 0..count {
                out.add(*partitions.add(i));
            }
        }
        out
    }

    /// # Safety
    /// `partition` is a live description of one.
    unsafe fn add(&mut self, partition: *const sys::rd_kafka_TopicPartitionInfo_t) {
        let (mut replicas, mut in_sync) = (0, 0);
        // SAFETY: by this function's contract; only the numbers are looked at, and a leader where there is one.
        let has_leader = unsafe {
            sys::rd_kafka_TopicPartitionInfo_replicas(partition, &mut replicas);
            sys::rd_kafka_TopicPartitionInfo_isr(partition, &mut in_sync);
            let leader = sys::rd_kafka_TopicPartitionInfo_leader(partition);
            !leader.is_null() && sys::rd_kafka_Node_id(leader) >= 0
        };
        if self.count == 0 {
            self.replicas = replicas;
        }
        self.count += 1;
        self.under_replicated += i32::from(in_sync < replicas);
        self.offline += i32::from(!has_leader);
    }
}
