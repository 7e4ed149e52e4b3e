//! The marker as stored: which commit the content is the state of.

use sluicebox_core::state::{Marker, NAMESPACE_BYTES};

/// Where it is kept. State keys begin with a namespace, which is longer than this: nobody else can have this key,
/// and dropping a namespace can't take it away.
pub(crate) const KEY: &[u8] = b"\0marker";
const _: () = assert!(KEY.len() < NAMESPACE_BYTES);

/// Lineage, epoch, generation and changelog offset, eight bytes each, little endian.
pub(crate) fn encode(marker: &Marker) -> [u8; 32] {
    let fields = [
        marker.lineage.to_le_bytes(),
        marker.epoch.to_le_bytes(),
        marker.generation.to_le_bytes(),
        marker.changelog_next.to_le_bytes(),
    ];
    let mut bytes = [0; 32];
    for (to, field) in bytes.chunks_exact_mut(8).zip(fields) {
        to.copy_from_slice(&field);
    }
    bytes
}

/// `None` for anything that `encode` does not write.
pub(crate) fn decode(bytes: &[u8]) -> Option<Marker> {
    let (fields, []) = bytes.as_chunks::<8>() else {
        return None;
    };
    let [lineage, epoch, generation, changelog_next] = *fields else {
        return None;
    };
    Some(Marker {
        lineage: u64::from_le_bytes(lineage),
        epoch: u64::from_le_bytes(epoch),
        generation: u64::from_le_bytes(generation),
        changelog_next: i64::from_le_bytes(changelog_next),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_stored_as_written_down() {
        let marker = Marker {
            lineage: 1,
            epoch: u64::MAX,
            generation: 0x0102_0304_0506_0708,
            changelog_next: -2,
        };
        let bytes = encode(&marker);
        let golden = "0100000000000000ffffffffffffffff0807060504030201feffffffffffffff";
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, golden);
        assert_eq!(decode(&bytes), Some(marker));
        assert_eq!(decode(&bytes[1..]), None);
        assert_eq!(decode(&[0; 40]), None);
    }
}
