//! SHA-256 as text: the identity of modules, and what is kept of a token's secret.

use sha2::{Digest, Sha256};

/// Characters of a digest.
const DIGEST_CHARS: usize = 64;

/// The SHA-256 of `bytes`, in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether `text` has the form of a digest. Digests become names of objects, so nothing else may pass.
pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == DIGEST_CHARS && is_hex(text)
}

/// Whether `text` is lower-case hexadecimal.
pub(crate) fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
