//! The epoch record and the changelog's framing: what one commit leaves behind beside its outputs.
//!
//! The changelog partition of a shard holds, per commit: the chunks of the state delta (lz4, at most
//! [`CHUNK_BYTES_MAX`] each; key `d`), then one epoch record (JSON; key `e`), then the log's transaction marker. Records carry
//! a format version; another version is refused, never guessed.

use crate::ledger::Account;
use crate::log::{ChangelogRecord, TopicId};
use crate::state::Delta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// Version of the epoch record and of the chunks.
pub const FORMAT: u32 = 2;
/// Largest chunk of a delta, in bytes.
pub const CHUNK_BYTES_MAX: usize = 512 * 1024;
/// Largest delta that a reader accepts, in bytes before compression.
const DELTA_BYTES_MAX: usize = 1 << 30;

const CHUNK_KEY: &[u8] = b"d";
const RECORD_KEY: &[u8] = b"e";

/// Where a task is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Next offset to read.
    pub offset: i64,
    /// Largest timestamp seen, in milliseconds since 1970.
    pub timestamp_max: Option<i64>,
    /// Whether the (bounded) input has ended.
    pub ended: bool,
}

/// What one commit of a shard is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// [`FORMAT`].
    pub format: u32,
    /// Which history this is; a rollback begins another.
    pub lineage: u64,
    /// Number of this commit, from 1.
    pub epoch: u64,
    /// Number of the commit before it in this lineage, 0 for the first.
    pub predecessor: u64,
    /// How often the shard has been claimed: grows with each owner.
    pub generation: u64,
    /// Revision of the catalog that the plan comes from (0: no catalog).
    pub catalog_revision: u64,
    /// Hash of what was computed.
    pub plan_hash: u64,
    /// Identity of the source topic, in hexadecimal.
    pub source_topic_id: String,
    /// Partitions of the source topic when the job began.
    pub source_partitions: i32,
    /// Where each task is, by source partition.
    pub tasks: BTreeMap<i32, TaskRecord>,
    /// Where the rows went, by operator.
    pub ledger: BTreeMap<String, Account>,
    /// Chunks of the delta.
    pub chunks: u32,
    /// Bytes of the delta before compression.
    pub delta_bytes: usize,
    /// xxh3 of the compressed delta, all chunks together.
    pub digest: u64,
}

/// Identity of a topic as text.
pub fn topic_id_text(id: &TopicId) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why a changelog can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangelogError {
    /// The record is of another version.
    #[error(
        "changelog offset {0}: format {1} is not known to this version of sluicebox; run the version that wrote it, or a newer one"
    )]
    Format(i64, u32),
    /// The changes of one epoch are more than a reader accepts.
    #[error(
        "the state changes of one epoch take {0} bytes; at most {DELTA_BYTES_MAX} can be read back. Nothing of this epoch was committed. \
         Give the job smaller accumulators, or more shards."
    )]
    Large(usize),
    /// The bytes are not what was written.
    #[error("changelog offset {0}: {1}")]
    Damaged(i64, String),
}

/// The records of one commit, to be appended in order.
pub struct Sealed {
    /// Keys and values.
    pub records: Vec<(&'static [u8], Vec<u8>)>,
}

/// Frame a commit: fills in what the record says about the delta. `chunk_bytes_max` is what the changelog takes in one
/// record beside its overhead; no chunk is larger than [`CHUNK_BYTES_MAX`].
pub fn seal(
    mut record: EpochRecord,
    delta: &Delta,
    chunk_bytes_max: usize,
) -> Result<Sealed, ChangelogError> {
    if delta.as_bytes().len() > DELTA_BYTES_MAX {
        return Err(ChangelogError::Large(delta.as_bytes().len()));
    }
    let mut records = Vec::new();
    let packed = if delta.is_empty() {
        Vec::new()
    } else {
        lz4_flex::compress(delta.as_bytes())
    };
    for (number, chunk) in packed
        .chunks(chunk_bytes_max.clamp(1, CHUNK_BYTES_MAX))
        .enumerate()
    {
        let mut value = Vec::with_capacity(chunk.len() + 12);
        value.extend_from_slice(&record.epoch.to_le_bytes());
        value.extend_from_slice(&(number as u32).to_le_bytes());
        value.extend_from_slice(chunk);
        records.push((CHUNK_KEY, value));
    }
    record.format = FORMAT;
    record.chunks = records.len() as u32;
    record.delta_bytes = delta.as_bytes().len();
    record.digest = xxh3_64(&packed);
    let value =
        serde_json::to_vec(&record).map_err(|e| ChangelogError::Damaged(-1, e.to_string()))?;
    records.push((RECORD_KEY, value));
    Ok(Sealed { records })
}

/// Reads a changelog record by record and puts commits back together.
#[derive(Default)]
pub struct Reader {
    chunks: Vec<(u64, u32, Vec<u8>)>,
}

/// A commit as read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its record.
    pub record: EpochRecord,
    /// Its state changes; an error where chunks are missing, which is no harm where the delta is not needed (reading may
    /// begin in the middle of a commit).
    pub delta: Result<Delta, ChangelogError>,
    /// Offset of its record.
    pub offset: i64,
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Reader {
    /// Take the next record; answers a commit when it is the last one of it.
    pub fn push(&mut self, record: ChangelogRecord<'_>) -> Result<Option<Commit>, ChangelogError> {
        let damaged = |why: &str| ChangelogError::Damaged(record.offset, why.to_owned());
        if record.key == CHUNK_KEY {
            let (epoch, rest) = record
                .value
                .split_first_chunk::<8>()
                .ok_or_else(|| damaged("chunk too short"))?;
            let (number, bytes) = rest
                .split_first_chunk::<4>()
                .ok_or_else(|| damaged("chunk too short"))?;
            let (epoch, number) = (u64::from_le_bytes(*epoch), u32::from_le_bytes(*number));
            if self
                .chunks
                .last()
                .is_some_and(|(e, n, _)| *e != epoch || n + 1 != number)
            {
                self.chunks.clear();
            }
            self.chunks.push((epoch, number, bytes.to_vec()));
            return Ok(None);
        }
        if record.key != RECORD_KEY {
            return Err(damaged(
                "neither a chunk nor an epoch record: something else writes to the changelog",
            ));
        }
        let FormatOnly { format } = serde_json::from_slice(record.value)
            .map_err(|e| damaged(&format!("epoch record: {e}")))?;
        if format != FORMAT {
            return Err(ChangelogError::Format(record.offset, format));
        }
        let epoch: EpochRecord = serde_json::from_slice(record.value)
            .map_err(|e| damaged(&format!("epoch record: {e}")))?;
        let delta = self.delta(&epoch).map_err(|why| damaged(&why));
        Ok(Some(Commit {
            record: epoch,
            delta,
            offset: record.offset,
        }))
    }

    fn delta(&mut self, record: &EpochRecord) -> Result<Delta, String> {
        let chunks = std::mem::take(&mut self.chunks);
        let mine: Vec<_> = chunks
            .into_iter()
            .filter(|(epoch, _, _)| *epoch == record.epoch)
            .collect();
        if mine.len() != record.chunks as usize
            || mine.first().is_some_and(|(_, number, _)| *number != 0)
        {
            return Err(format!(
                "epoch {} has {} chunks, {} were found",
                record.epoch,
                record.chunks,
                mine.len()
            ));
        }
        let packed: Vec<u8> = mine.into_iter().flat_map(|(_, _, bytes)| bytes).collect();
        if xxh3_64(&packed) != record.digest {
            return Err(format!(
                "the delta of epoch {} has another digest",
                record.epoch
            ));
        }
        if packed.is_empty() {
            return Ok(Delta::default());
        }
        if record.delta_bytes > DELTA_BYTES_MAX {
            return Err(format!(
                "the delta of epoch {} claims {} bytes",
                record.epoch, record.delta_bytes
            ));
        }
        let bytes = lz4_flex::decompress(&packed, record.delta_bytes).map_err(|e| e.to_string())?;
        let delta = Delta::from_bytes(bytes);
        delta
            .changes()
            .try_for_each(|change| change.map(drop))
            .map_err(|e| e.to_string())?;
        Ok(delta)
    }
}

/// What is written beside each committed position: the second witness of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Lineage of the commit.
    pub lineage: u64,
    /// Its number.
    pub epoch: u64,
    /// Its owner's generation.
    pub generation: u64,
}

impl Witness {
    /// As written: at most 200 bytes of ASCII.
    pub fn text(&self) -> String {
        format!(
            "sluicebox1 l={:016x} e={} g={}",
            self.lineage, self.epoch, self.generation
        )
    }
    /// `None` where somebody else wrote it.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix("sluicebox1 ")?.split(' ');
        let mut word = |name: &str| words.next()?.strip_prefix(name);
        let lineage = u64::from_str_radix(word("l=")?, 16).ok()?;
        let epoch = word("e=")?.parse().ok()?;
        let generation = word("g=")?.parse().ok()?;
        Some(Self {
            lineage,
            epoch,
            generation,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Namespace;

    fn record(epoch: u64) -> EpochRecord {
        EpochRecord {
            format: FORMAT,
            lineage: 7,
            epoch,
            predecessor: epoch - 1,
            generation: 2,
            catalog_revision: 0,
            plan_hash: 9,
            source_topic_id: "00ff".to_owned(),
            source_partitions: 4,
            tasks: BTreeMap::from([(
                0,
                TaskRecord {
                    offset: 5,
                    timestamp_max: Some(3),
                    ended: false,
                },
            )]),
            ledger: BTreeMap::from([(
                "spend".to_owned(),
                Account {
                    input: 5,
                    absorbed: 5,
                    ..Account::default()
                },
            )]),
            chunks: 0,
            delta_bytes: 0,
            digest: 0,
        }
    }

    fn read(sealed: &Sealed) -> Result<Option<Commit>, ChangelogError> {
        let mut reader = Reader::default();
        let mut last = Ok(None);
        for (offset, (key, value)) in sealed.records.iter().enumerate() {
            last = reader.push(ChangelogRecord {
                offset: offset as i64,
                key,
                value,
            });
        }
        last
    }

    fn damage(sealed: &Sealed) -> String {
        read(sealed)
            .unwrap()
            .unwrap()
            .delta
            .unwrap_err()
            .to_string()
    }

    /// A delta that does not compress, larger than a chunk.
    fn large_delta() -> Delta {
        let mut delta = Delta::default();
        let mut x = 1u64;
        for i in 0..100_000u32 {
            x = x
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            delta.put(
                &Namespace::new(1, 0, 60_000),
                &i.to_le_bytes(),
                &(x ^ (x >> 29)).to_le_bytes(),
            );
        }
        delta
    }

    #[test]
    fn a_large_delta_goes_in_chunks_and_comes_back() {
        let sealed = seal(record(3), &large_delta(), usize::MAX).unwrap();
        assert!(
            sealed.records.len() > 3
                && sealed
                    .records
                    .iter()
                    .all(|(_, v)| v.len() <= CHUNK_BYTES_MAX + 12)
        );
        let commit = read(&sealed).unwrap().unwrap();
        assert_eq!(commit.delta, Ok(large_delta()));
        assert_eq!(commit.record.tasks, record(3).tasks);
    }

    #[test]
    fn a_missing_or_changed_chunk_is_refused() {
        let mut sealed = seal(record(3), &large_delta(), usize::MAX).unwrap();
        sealed.records[0].1[20] ^= 1;
        assert!(damage(&sealed).contains("digest"));
        sealed.records.remove(0);
        assert!(damage(&sealed).contains("chunks"));
    }

    #[test]
    fn another_format_is_refused_by_its_number() {
        let value = br#"{"format":3,"something":"new"}"#;
        let read = Reader::default().push(ChangelogRecord {
            offset: 8,
            key: RECORD_KEY,
            value,
        });
        assert_eq!(read, Err(ChangelogError::Format(8, 3)));
    }

    /// The format on the log: change it only together with FORMAT.
    #[test]
    fn golden_epoch_record() {
        let sealed = seal(record(3), &Delta::default(), usize::MAX).unwrap();
        let text = String::from_utf8(sealed.records[0].1.clone()).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn witnesses_survive_and_foreign_ones_do_not_count() {
        let witness = Witness {
            lineage: u64::MAX,
            epoch: u64::MAX,
            generation: u64::MAX,
        };
        assert!(witness.text().len() <= 200);
        assert_eq!(Witness::parse(&witness.text()), Some(witness));
        assert_eq!(Witness::parse("something else"), None);
    }
}
