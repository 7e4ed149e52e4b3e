//! The text of a token: `sbx_` + id + `_` + secret + checksum. The prefix and the checksum let scanners find leaked tokens,
//! and clients recognise a mistyped one, without asking a host. Of the secret only a digest is ever kept: it has 256
//! random bits, so there is nothing to guess and no need for a slow hash.

use crate::digest::{hex, is_hex, sha256_hex};
use std::fmt;

/// What every token begins with.
pub const PREFIX: &str = "sbx_";
/// Random bytes that a token is made of.
pub const RANDOM_BYTES: usize = SECRET_BYTES + ID_BYTES;

const SECRET_BYTES: usize = 32;
const ID_BYTES: usize = 8;
const ID_CHARS: usize = 10;
const SECRET_CHARS: usize = 2 * SECRET_BYTES;
const CHECKSUM_CHARS: usize = 8;
const ID_ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// A token as made. Its text is shown once and kept nowhere.
pub struct Generated {
    /// Its public part, by which the catalog knows it.
    pub id: String,
    /// All of it, for its user.
    pub text: String,
    /// What the catalog keeps of its secret.
    pub hash: String,
}

/// A token as presented, well formed but not yet known to be valid.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    /// Its public part.
    pub id: String,
    /// Its secret part.
    pub secret: String,
}

/// Secrets stay out of logs.
impl fmt::Debug for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Generated({})", self.id)
    }
}

/// Secrets stay out of logs.
impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({})", self.id)
    }
}

/// Why a text is no token. The text itself is never repeated: it may be some other secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Something else altogether.
    #[error(
        "this is no sluicebox token: they begin with `{PREFIX}`. Ask whoever runs the installation for one"
    )]
    Foreign,
    /// Too long, too short, or with characters that no token has.
    #[error(
        "this token is not complete: copy all of it, from `{PREFIX}` to the end and without spaces"
    )]
    Incomplete,
    /// The checksum does not fit.
    #[error("this token has a typo: its checksum does not fit. Copy it again")]
    Checksum,
}

/// Make a token of random bytes ([`crate::random`]).
pub fn generate(random: [u8; RANDOM_BYTES]) -> Generated {
    let (secret, id) = random.split_at(SECRET_BYTES);
    let (secret, id) = (hex(secret), id_text(id));
    let hash = hash(&secret);
    let body = format!("{PREFIX}{id}_{secret}");
    let text = format!("{body}{}", checksum(&body));
    Generated { id, text, hash }
}

/// Take a token apart.
pub fn parse(text: &str) -> Result<Presented, Malformed> {
    let rest = text.strip_prefix(PREFIX).ok_or(Malformed::Foreign)?;
    let complete = text.is_ascii() && rest.len() == ID_CHARS + 1 + SECRET_CHARS + CHECKSUM_CHARS;
    if !complete {
        return Err(Malformed::Incomplete);
    }
    let (id, rest) = rest.split_at(ID_CHARS);
    let (secret, found) = rest[1..].split_at(SECRET_CHARS);
    if !is_id(id) || !rest.starts_with('_') || !is_hex(secret) {
        return Err(Malformed::Incomplete);
    }
    let (body, _) = text.split_at(text.len() - CHECKSUM_CHARS);
    if found != checksum(body) {
        return Err(Malformed::Checksum);
    }
    Ok(Presented {
        id: id.to_owned(),
        secret: secret.to_owned(),
    })
}

/// What the catalog keeps of a secret.
pub fn hash(secret: &str) -> String {
    sha256_hex(secret.as_bytes())
}

/// Whether `id` has the form of a token's public part.
pub(crate) fn is_id(id: &str) -> bool {
    id.len() == ID_CHARS && id.bytes().all(|b| ID_ALPHABET.contains(&b))
}

/// Whether two texts are equal, in a time that depends on their lengths only: how long a refusal takes must not tell how
/// much of a guess was right.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let differences = a
        .bytes()
        .zip(b.bytes())
        .fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && std::hint::black_box(differences) == 0
}

fn checksum(body: &str) -> String {
    format!("{:08x}", crc32fast::hash(body.as_bytes()))
}

fn id_text(random: &[u8]) -> String {
    let mut number = random
        .iter()
        .fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    let base = ID_ALPHABET.len() as u64;
    let mut text = String::with_capacity(ID_CHARS);
    for _ in 0..ID_CHARS {
        text.push(char::from(ID_ALPHABET[(number % base) as usize]));
        number /= base;
    }
    text
}
