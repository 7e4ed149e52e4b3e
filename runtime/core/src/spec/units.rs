//! Durations and sizes as people write them. A number without a unit is refused: nobody can tell seconds from
//! milliseconds in a file they did not write.

use super::limits::DURATION_MS_MAX;

const DURATIONS: [(&str, i64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];
const SIZES: [(&str, i64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// A duration, such as `20s` or `1m 30s`, in milliseconds. The error says what is expected.
pub fn parse_duration_ms(text: &str) -> Result<i64, String> {
    let wrong = || {
        format!(
            "`{text}` is no duration; write a number and a unit, such as `500ms`, `20s`, `1m`, `1h` or `1d`"
        )
    };
    let mut total: i64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (number, unit, after) = split(rest).ok_or_else(wrong)?;
        let factor = factor(&DURATIONS, unit).ok_or_else(wrong)?;
        total = number
            .checked_mul(factor)
            .and_then(|ms| total.checked_add(ms))
            .filter(|ms| *ms <= DURATION_MS_MAX)
            .ok_or_else(|| format!("`{text}` is longer than ten years"))?;
        rest = after.trim_start();
    }
    Ok(total)
}

/// A size, such as `64MiB`, in bytes. The error says what is expected.
pub fn parse_size_bytes(text: &str) -> Result<usize, String> {
    let wrong = || {
        format!(
            "`{text}` is no size; write a number and a unit, such as `512KiB`, `64MiB` or `1GiB`"
        )
    };
    let (number, unit, rest) = split(text.trim()).ok_or_else(wrong)?;
    let factor = factor(&SIZES, unit).ok_or_else(wrong)?;
    let bytes = number.checked_mul(factor).ok_or_else(wrong)?;
    match rest {
        "" => usize::try_from(bytes).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// `12ms rest` → (12, `ms`, ` rest`).
fn split(text: &str) -> Option<(i64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number = text[..digits].parse().ok()?;
    let rest = text[digits..].trim_start();
    let letters = rest
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(rest.len());
    Some((number, &rest[..letters], &rest[letters..]))
}

fn factor(units: &[(&str, i64)], unit: &str) -> Option<i64> {
    units.iter().find(|(name, _)| *name == unit).map(|u| u.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_units() {
        for (text, want) in [
            ("500ms", 500),
            ("20s", 20_000),
            ("1m", 60_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("1m 30s", 90_000),
            ("1h30m", 5_400_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration_ms(text), Ok(want), "{text}");
        }
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "5 parsecs",
            "5M",
            "99999d",
            "9999999999999999999s",
        ] {
            assert!(parse_duration_ms(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_need_units() {
        assert_eq!(parse_size_bytes("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size_bytes("1 kB"), Ok(1000));
        for text in ["64", "64M", "64 MiB extra", "-1B", "9999999999GiB"] {
            assert!(parse_size_bytes(text).is_err(), "{text}");
        }
    }
}
