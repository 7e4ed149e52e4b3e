//! The one place where randomness enters: secrets of tokens, and the names of writers.

use crate::error::Error;

/// `N` bytes from the operating system, fit for secrets.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
    Ok(bytes)
}
