//! Durations, sizes and times as people write them. A number without a unit is refused: nobody can tell seconds from
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

/// A date (`2026-11-22`, midnight UTC) or an RFC 3339 time (`2026-11-22T06:20:00.5+01:00`), in milliseconds since
/// 1970; digits below a millisecond are cut off. `None` for anything else, so also for a time without an offset.
pub fn parse_time_ms(text: &str) -> Option<i64> {
    let date = text.get(..10)?.as_bytes();
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let (year, month, day) = (
        digits(&date[..4])?,
        digits(&date[5..7])?,
        digits(&date[8..])?,
    );
    if !(1..=12).contains(&month) || day < 1 || day > days_of_month(year, month) {
        return None;
    }
    let midnight = days_since_1970(year, month, day) * 86_400_000;
    match text.as_bytes().get(10) {
        None => Some(midnight),
        Some(b'T' | b't' | b' ') => Some(midnight + time_of_day_ms(text.get(11..)?)?),
        Some(_) => None,
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    let all = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    all.then(|| bytes.iter().fold(0, |n, b| n * 10 + i64::from(b - b'0')))
}

/// `hh:mm:ss[.fff](Z|±hh:mm)`, as milliseconds since midnight UTC. A leap second counts as the second after it.
fn time_of_day_ms(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 9 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (
        digits(&bytes[..2])?,
        digits(&bytes[3..5])?,
        digits(&bytes[6..8])?,
    );
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = &bytes[8..];
    let mut fraction_ms = 0;
    if let Some(after) = rest.strip_prefix(b".") {
        let length = after.iter().take_while(|b| b.is_ascii_digit()).count();
        let (shown, after) = after
            .split_at_checked(length)
            .filter(|(d, _)| !d.is_empty())?;
        let mut millis = [b'0'; 3];
        let taken = shown.len().min(3);
        millis[..taken].copy_from_slice(&shown[..taken]);
        fraction_ms = digits(&millis)?;
        rest = after;
    }
    let ms = ((hour * 60 + minute) * 60 + second) * 1_000 + fraction_ms;
    Some(ms - offset_minutes(rest)? * 60_000)
}

fn offset_minutes(bytes: &[u8]) -> Option<i64> {
    match bytes {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            let offset = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
            Some(if *sign == b'-' { -offset } else { offset })
        }
        _ => None,
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the (proleptic) Gregorian calendar: whole years and their leap days, then months.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    const LEAP_DAYS_BEFORE_1970: i64 = 1969 / 4 - 1969 / 100 + 1969 / 400;
    let months: i64 = (1..month).map(|m| days_of_month(year, m)).sum();
    (year - 1970) * 365 + leap_days - LEAP_DAYS_BEFORE_1970 + months + day - 1
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

    /// Expectations from `date -u -d ... +%s%3N`.
    #[test]
    fn times_are_utc_milliseconds() {
        for (text, want) in [
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400_000),
            ("2026-11-22T06:20:00Z", 1_795_328_400_000),
            ("2026-11-22T06:20:00.123456+01:30", 1_795_323_000_123),
            ("2026-11-22 06:20:00.5Z", 1_795_328_400_500),
            ("1969-12-31T23:59:59.999Z", -1),
            ("0001-01-01", -62_135_596_800_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
            ("2100-01-01", crate::spec::limits::TIME_MS_MAX_DEFAULT),
        ] {
            assert_eq!(parse_time_ms(text), Some(want), "{text}");
        }
        for text in [
            "",
            "2026-11-22T06:20:00",
            "2026-02-29",
            "2026-13-01",
            "2026-11-22T24:00:00Z",
            "2026-11-22T06:20Z",
            "2026-11-22T06:20:00.Z",
            "2026-11-22T06:20:00+1:00",
            "yesterday!",
            "２０２６-11-22",
        ] {
            assert_eq!(parse_time_ms(text), None, "{text}");
        }
    }
}
