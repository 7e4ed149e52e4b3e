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

/// Make a token of random bytes ([`crate::random()`]).
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(seed: u8) -> [u8; RANDOM_BYTES] {
        std::array::from_fn(|i| seed.wrapping_add(i as u8).wrapping_mul(41))
    }

    #[test]
    fn a_token_comes_back_as_it_was_made() {
        let made = generate(bytes(7));
        let presented = parse(&made.text).unwrap();
        assert_eq!(presented.id, made.id);
        assert_eq!(hash(&presented.secret), made.hash);
        assert_ne!(generate(bytes(8)).id, made.id);
        assert_ne!(generate(bytes(8)).hash, made.hash);
    }

    /// The text is kept by users and known to scanners: it does not change.
    #[test]
    fn golden_token() {
        let made = generate(bytes(7));
        insta::assert_snapshot!(made.text, @"sbx_ek80yimbto_1f48719ac3ec153e6790b9e20b345d86afd8012a537ca5cef72049729bc4ed1636aaaf52");
        insta::assert_snapshot!(made.hash, @"f0af839120d0cf16656e68ef5045ef32b4eb8c432dafa8c0bcf67fe13e99cee0");
    }

    #[test]
    fn every_single_typo_is_found() {
        let text = generate(bytes(7)).text;
        for at in 0..text.len() {
            for wrong in ['0', '1', 'f', 'z', 'Z', '_', ' '] {
                let mut typo = text.clone();
                typo.replace_range(at..=at, &wrong.to_string());
                assert!(typo == text || parse(&typo).is_err(), "{typo}");
            }
        }
        for end in 0..text.len() {
            assert!(parse(&text[..end]).is_err());
        }
        assert!(parse(&format!("{text}0")).is_err());
        for at in 0..text.len() - 1 {
            let mut wide = text.clone();
            wide.replace_range(at..at + 2, "é");
            assert!(parse(&wide).is_err(), "{wide}");
        }
    }

    /// A checksum is no secret: what has a right one may still be no token.
    #[test]
    fn a_right_checksum_is_not_enough() {
        let text = generate(bytes(7)).text;
        let body = &text[..text.len() - CHECKSUM_CHARS];
        let (id_at, separator_at) = (PREFIX.len(), PREFIX.len() + ID_CHARS);
        for (at, wrong) in [(id_at, "Z"), (separator_at, "0"), (separator_at + 1, "F")] {
            let mut forged = body.to_owned();
            forged.replace_range(at..=at, wrong);
            let forged = format!("{forged}{}", checksum(&forged));
            assert_eq!(parse(&forged), Err(Malformed::Incomplete), "{forged}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_text() {
        let text = generate(bytes(7)).text;
        let why = |text: &str| parse(text).unwrap_err();
        insta::assert_snapshot!(why("hunter2"), @"this is no sluicebox token: they begin with `sbx_`. Ask whoever runs the installation for one");
        insta::assert_snapshot!(why(&text[..40]), @"this token is not complete: copy all of it, from `sbx_` to the end and without spaces");
        let swapped = format!("{}{}{}", &text[..80], &text[81..82], &text[80..81]) + &text[82..];
        insta::assert_snapshot!(why(&swapped), @"this token has a typo: its checksum does not fit. Copy it again");
    }

    #[test]
    fn secrets_are_not_printed() {
        let made = generate(bytes(7));
        let presented = parse(&made.text).unwrap();
        let printed = format!("{made:?} {presented:?}");
        assert!(printed.contains(&made.id) && !printed.contains(&presented.secret[..8]));
        assert!(!printed.contains(&made.hash[..8]));
    }

    #[test]
    fn texts_are_compared_whole() {
        assert!(same("", "") && same("abc", "abc"));
        for (a, b) in [
            ("abc", "abd"),
            ("abc", "xbc"),
            ("abc", "ab"),
            ("ab", "abc"),
            ("", "a"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
