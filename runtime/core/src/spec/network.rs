//! What may cross a network as it is.

use std::net::IpAddr;

/// Whether everybody on the way can read what is sent there: by HTTP without TLS to another machine. `host` as in a URL.
pub fn is_clear_text(scheme: &str, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    scheme.eq_ignore_ascii_case("http") && !here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_reads_what_is_sent_to_it() {
        for (scheme, host, want) in [
            ("http", "sluice.example", true),
            ("HTTP", "10.0.0.1", true),
            ("http", "127.0.0.1.example", true),
            ("http", "", true),
            ("https", "sluice.example", false),
            ("http", "127.0.0.1", false),
            ("http", "[::1]", false),
            ("http", "::1", false),
            ("http", "localhost", false),
        ] {
            assert_eq!(is_clear_text(scheme, host), want, "{scheme}://{host}");
        }
    }
}
