//! A map with the mistakes that `sluicebox test` is there to find: what it gives depends on what came before.

use serde::Deserialize;
use sluicebox_udf::{Raw, info};
use std::sync::atomic::{AtomicU64, Ordering};

/// Lost with the instance.
static SEEN: AtomicU64 = AtomicU64::new(0);

#[derive(Deserialize)]
pub struct Config {
    mood: Mood,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mood {
    /// No mistake: the value as it came, but for `trap`, `fail` and `log`.
    Good,
    /// Numbers what it sees.
    Counts,
    /// Gives nothing once it has given three.
    Tires,
}

#[sluicebox_udf::map]
pub fn shape(value: Raw<'_>, config: &Config) -> Result<Option<Raw<'static>>, String> {
    let text = String::from_utf8_lossy(value.bytes()).into_owned();
    match text.as_str() {
        "trap" => panic!("a trap was asked for"),
        "fail" => return Err("an error was asked for".to_owned()),
        "log" => info!("a line was asked for"),
        _ => {}
    }
    let before = SEEN.fetch_add(1, Ordering::Relaxed);
    let given = match config.mood {
        Mood::Counts => format!("{text} {before}"),
        Mood::Tires if before >= 3 => return Ok(None),
        Mood::Good | Mood::Tires => text,
    };
    Ok(Some(Raw::new(given.into_bytes())))
}
