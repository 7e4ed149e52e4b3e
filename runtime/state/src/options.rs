//! How much memory and disk work a store may take.

use rocksdb::{BlockBasedOptions, Cache, DBCompressionType, LogLevel, WriteBufferManager};

/// Limits of a store. The defaults suit a few hundred megabytes of state a shard; reads of larger state come from disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Cache of uncompressed blocks, in bytes; table indexes and bloom filters live in it too. Default 32 MiB.
    pub block_cache_bytes: usize,
    /// Size at which a write buffer is written out, in bytes. One delta goes into one buffer whole, so a buffer can
    /// grow past this by the largest delta. Default 16 MiB.
    pub write_buffer_bytes: usize,
    /// Write buffers at most, the one being filled and those being written out; with all full, a commit waits.
    /// Default 2.
    pub write_buffers: usize,
    /// Bits of bloom filter for each key: 10 let one in a hundred look-ups of an absent key read a block in vain.
    /// Default 10.
    pub bloom_bits_per_key: u8,
    /// Threads that write out and compact, shared by all stores of the process. Default 2.
    pub background_jobs: u8,
    /// File handles at most. Default 256.
    pub open_files: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block_cache_bytes: 32 << 20,
            write_buffer_bytes: 16 << 20,
            write_buffers: 2,
            bloom_bits_per_key: 10,
            background_jobs: 2,
            open_files: 256,
        }
    }
}

/// Memory that several stores share: without it each store takes its own, so many shards in one process take many
/// times the limit.
#[derive(Clone)]
pub struct Memory {
    cache: Cache,
    write_buffers: WriteBufferManager,
}

impl Memory {
    /// Room for one store of these options, however many share it.
    pub fn new(options: &Options) -> Self {
        let write_buffers = options.write_buffer_bytes * options.write_buffers;
        Self {
            cache: Cache::new_lru_cache(options.block_cache_bytes),
            // Past the limit the largest buffer is written out early; nobody is stalled.
            write_buffers: WriteBufferManager::new_write_buffer_manager(write_buffers, false),
        }
    }

    /// Bytes in the block cache now.
    pub fn cache_usage_bytes(&self) -> usize {
        self.cache.get_usage()
    }

    /// Bytes in the write buffers now.
    pub fn write_buffer_usage_bytes(&self) -> usize {
        self.write_buffers.get_usage()
    }
}

impl Options {
    /// RocksDB's options.
    pub(crate) fn database(&self, memory: &Memory) -> rocksdb::Options {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&memory.cache);
        table.set_cache_index_and_filter_blocks(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        table.set_bloom_filter(f64::from(self.bloom_bits_per_key), false);
        table.set_format_version(6);

        let mut options = rocksdb::Options::default();
        options.create_if_missing(true);
        options.set_block_based_table_factory(&table);
        options.set_write_buffer_manager(&memory.write_buffers);
        options.set_write_buffer_size(self.write_buffer_bytes);
        options.set_max_write_buffer_number(i32::try_from(self.write_buffers).unwrap_or(2).max(2));
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_max_background_jobs(i32::from(self.background_jobs));
        options.set_max_open_files(i32::from(self.open_files));
        options.set_stats_dump_period_sec(0);
        options.set_log_level(LogLevel::Warn);
        options.set_keep_log_file_num(2);
        options.set_max_log_file_size(1 << 20);
        options
    }
}
