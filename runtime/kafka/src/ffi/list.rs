//! A list of partitions with offsets, as librdkafka's calls take and fill it.

use super::{Code, bytes};
use rdkafka_sys as sys;
use std::ffi::CStr;
use std::ptr::NonNull;

/// A partition of a list, copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Partition.
    pub partition: i32,
    /// Offset, or one of librdkafka's negative marks.
    pub offset: i64,
    /// What was committed beside the offset, byte for byte.
    pub metadata: Vec<u8>,
    /// This partition's own error.
    pub code: Code,
}

/// A list of partitions.
pub struct List(NonNull<sys::rd_kafka_topic_partition_list_t>);

// SAFETY: the list is plain memory, owned by us alone.
unsafe impl Send for List {}

impl List {
    /// An empty list with room for `capacity` partitions.
    pub fn new(capacity: usize) -> List {
        // SAFETY: librdkafka's allocator aborts rather than answer null.
        let list = unsafe { sys::rd_kafka_topic_partition_list_new(capacity as i32) };
        List(NonNull::new(list).unwrap_or(NonNull::dangling()))
    }

    /// Append a partition.
    pub fn add(&mut self, topic: &CStr, partition: i32, offset: i64) {
        // SAFETY: a live list; the element answered lives in it.
        unsafe {
            let element =
                sys::rd_kafka_topic_partition_list_add(self.raw(), topic.as_ptr(), partition);
            (*element).offset = offset;
        }
    }

    /// Append a partition with metadata.
    pub fn add_with_metadata(
        &mut self,
        topic: &CStr,
        partition: i32,
        offset: i64,
        metadata: &[u8],
    ) {
        // SAFETY: a live list. The metadata must come from librdkafka's allocator, for destroying the list frees it;
        // it is set once on each element (setting it twice would leak).
        unsafe {
            let element =
                sys::rd_kafka_topic_partition_list_add(self.raw(), topic.as_ptr(), partition);
            (*element).offset = offset;
            if !metadata.is_empty() {
                let copy = sys::rd_kafka_mem_malloc(std::ptr::null_mut(), metadata.len());
                std::ptr::copy_nonoverlapping(metadata.as_ptr(), copy.cast(), metadata.len());
                (*element).metadata = copy;
                (*element).metadata_size = metadata.len();
            }
        }
    }

    /// The partitions, copied out.
    pub fn entries(&self) -> Vec<Entry> {
        // SAFETY: a live list.
        unsafe { entries(self.raw()) }
    }

    pub(super) fn raw(&self) -> *mut sys::rd_kafka_topic_partition_list_t {
        self.0.as_ptr()
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: ours, and its last use.
        unsafe { sys::rd_kafka_topic_partition_list_destroy(self.raw()) }
    }
}

/// The partitions of a list that may belong to somebody else, copied out.
///
/// # Safety
/// `list` is a live list.
pub(super) unsafe fn entries(list: *const sys::rd_kafka_topic_partition_list_t) -> Vec<Entry> {
    // SAFETY: by this function's contract the list has `cnt` elements; metadata is null or has the size beside it.
    unsafe {
        let count = (*list).cnt as usize;
        (0..count)
            .map(|i| {
                let element = (*list).elems.add(i);
                Entry {
                    partition: (*element).partition,
                    offset: (*element).offset,
                    metadata: bytes((*element).metadata.cast(), (*element).metadata_size)
                        .unwrap_or_default()
                        .to_vec(),
                    code: (*element).err,
                }
            })
            .collect()
    }
}
