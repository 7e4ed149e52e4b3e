//! Text from a guest on its way to people: cut to size, and unable to drive a terminal or fake another line.

/// At most `bytes_max` bytes of `text`, without control characters (they become U+FFFD, which keeps it visible that
/// something was there) and without the marks that reverse the direction of writing.
pub(crate) fn clean(text: &str, bytes_max: usize) -> String {
    let cut = text.floor_char_boundary(bytes_max);
    let mut out = String::with_capacity(cut);
    for c in text[..cut].chars() {
        out.push(if unprintable(c) { '\u{fffd}' } else { c });
    }
    out.truncate(out.floor_char_boundary(bytes_max));
    out
}

fn unprintable(c: char) -> bool {
    let directional =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || directional || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_and_line_breaks_lose_their_power() {
        let hostile = "\u{1b}[2Jgone\r\nroot: fake\u{7}\u{9b}31m\u{202e}txt";
        let safe = clean(hostile, 1024);
        assert!(!safe.chars().any(char::is_control), "{safe:?}");
        assert!(!safe.contains('\u{202e}'));
        assert!(safe.contains("gone") && safe.contains("root: fake"));
    }

    #[test]
    fn cut_at_a_character_and_never_longer() {
        assert_eq!(clean("ää", 3), "ä");
        assert_eq!(clean(&"\u{1}".repeat(100), 10).len(), 9);
        assert_eq!(clean("", 10), "");
    }
}
