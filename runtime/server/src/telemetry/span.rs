//! A span, and how it says which trace it belongs to: <https://www.w3.org/TR/trace-context/>.

use sluicebox_catalog::random;

/// Which trace, and which span in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The trace.
    pub trace: [u8; 16],
    /// The span.
    pub span: [u8; 8],
}

/// What a span is to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something that the host does by itself.
    Internal = 1,
    /// An answer to a request.
    Server = 2,
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A number.
    Int(i64),
    /// A measured one.
    Float(f64),
}

/// What is known of a span beside its times.
pub type Attributes = Vec<(String, Value)>;

/// Something that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Which it is.
    pub context: Context,
    /// The span that it is part of.
    pub parent: Option<[u8; 8]>,
    /// What was done.
    pub name: String,
    /// For whom.
    pub kind: Kind,
    /// Start and end, in nanoseconds since 1970.
    pub interval: (u64, u64),
    /// More of it.
    pub attributes: Attributes,
    /// Why it failed, if it has.
    pub error: Option<String>,
}

impl Context {
    /// A trace that nobody else has begun. None: the system gives no randomness.
    pub fn random() -> Option<Self> {
        Some(Self {
            trace: random().ok()?,
            span: random().ok()?,
        })
    }

    /// Another span of the same trace.
    pub fn child(self) -> Option<Self> {
        let span = random().ok()?;
        Some(Self { span, ..self })
    }

    /// Whether a trace is among so many of a hundred: all hosts that see it say the same.
    pub fn sampled(&self, percent: u8) -> bool {
        let [.., a, b, c, d] = self.trace;
        u32::from_be_bytes([a, b, c, d]) % 100 < u32::from(percent)
    }
}

/// The caller's span, and whether its trace is kept. What is not as the standard has it counts as not said.
pub fn parse_traceparent(text: &str) -> Option<(Context, bool)> {
    let mut parts = text.split('-');
    let (version, trace) = (hex::<1>(parts.next()?)?, hex::<16>(parts.next()?)?);
    let (span, flags) = (hex::<8>(parts.next()?)?, hex::<1>(parts.next()?)?);
    // Later versions may have more at the end, this one has not.
    let whole = version == [0] && parts.next().is_none() || (1..255).contains(&version[0]);
    let valid = whole && trace != [0; 16] && span != [0; 8];
    valid.then_some((Context { trace, span }, flags[0] & 1 == 1))
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let lower = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != 2 * N || !digits.iter().all(lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_callers_trace_is_understood() {
        let (context, kept) = parse_traceparent(PARENT).expect("the standard's example");
        assert!(kept);
        assert_eq!(
            context.trace[..4],
            [0x4b, 0xf9, 0x2f, 0x35],
            "{context:02x?}"
        );
        assert_eq!(context.span, 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());
        let unkept = PARENT.replace("-01", "-00");
        assert_eq!(parse_traceparent(&unkept), Some((context, false)));
        let later = PARENT.replacen("00", "cc", 1) + "-more";
        assert_eq!(parse_traceparent(&later), Some((context, true)));
    }

    #[test]
    fn what_is_no_traceparent_is_not_followed() {
        let zero = PARENT.replace("00f067aa0ba902b7", "0000000000000000");
        let (upper, longer) = (PARENT.to_uppercase(), format!("{PARENT}-x"));
        let invalid = PARENT.replacen("00", "ff", 1);
        for text in ["", "00-é", &zero, &upper, &longer, &invalid, &PARENT[..54]] {
            assert_eq!(parse_traceparent(text), None, "{text}");
        }
    }

    #[test]
    fn about_as_many_traces_are_kept_as_was_said() {
        let kept = |percent| {
            let all = (0..2_000).filter_map(|_| Context::random());
            all.filter(|context| context.sampled(percent)).count()
        };
        assert_eq!((kept(0), kept(100)), (0, 2_000));
        assert!((300..500).contains(&kept(20)));
    }
}
