//! Times as people write them, after RFC 3339. Small enough not to take a calendar library into core for it.

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

/// A time as RFC 3339 in UTC, to the millisecond; for people, so times beyond the years 1 to 9999 become words.
pub fn format_time_ms(time_ms: i64) -> String {
    const DAY_MS: i64 = 86_400_000;
    const YEARS: std::ops::Range<i64> = -62_135_596_800_000..253_402_300_800_000;
    if !YEARS.contains(&time_ms) {
        return if time_ms < 0 {
            "before all time"
        } else {
            "after all time"
        }
        .to_owned();
    }
    let (mut days, ms) = (time_ms.div_euclid(DAY_MS), time_ms.rem_euclid(DAY_MS));
    // A year has at most 366 days, so this year is the right one or a little before it.
    let mut year = (1970 + days.div_euclid(366)).clamp(1, 9999);
    while year < 9999 && days_since_1970(year + 1, 1, 1) <= days {
        year += 1;
    }
    while days_since_1970(year, 1, 1) > days {
        year -= 1;
    }
    days -= days_since_1970(year, 1, 1);
    let mut month = 1;
    while days >= days_of_month(year, month) {
        days -= days_of_month(year, month);
        month += 1;
    }
    let (s, ms) = (ms / 1_000, ms % 1_000);
    let (hour, minute, second) = (s / 3_600, s / 60 % 60, s % 60);
    let fraction = if ms == 0 {
        String::new()
    } else {
        format!(".{ms:03}")
    };
    format!(
        "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z",
        days + 1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn what_is_printed_can_be_read() {
        for text in [
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999Z",
            "2000-02-29T00:00:00Z",
            "2026-12-31T23:59:59.050Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999Z",
        ] {
            assert_eq!(
                parse_time_ms(text).map(format_time_ms).as_deref(),
                Some(text)
            );
        }
        for day in -719_100..2_900_000 {
            if day % 97 == 0 {
                let ms = day * 86_400_000 + 1;
                assert_eq!(parse_time_ms(&format_time_ms(ms)), Some(ms));
            }
        }
        assert_eq!(format_time_ms(i64::MIN), "before all time");
        assert_eq!(format_time_ms(i64::MAX), "after all time");
    }
}
