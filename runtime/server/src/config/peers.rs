//! How the other hosts reach this one, and this one them: `peers`.

use super::ConfigPath;
use super::read::bare_url;
use sluicebox_core::spec::document::Cursor;
use sluicebox_core::spec::is_clear_text;

/// How hosts ask each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// Where others reach this host's API, without a slash at its end; `None`: where it listens, if that is one address.
    pub url: Option<String>,
    /// Roots of the other hosts' certificates, PEM; `None`: those of the system.
    pub ca: Option<ConfigPath>,
    /// Tokens may cross the network in clear text, because something around the hosts keeps it closed.
    pub insecure: bool,
}

pub(super) fn peers(cursor: &Cursor<'_>, insecure: bool) -> Option<Peers> {
    let fields = cursor.fields(&["url", "ca"])?;
    let url = fields.or("url", None, |c| url(&c, insecure).map(Some));
    let ca = fields.or("ca", None, |c| c.text().map(ConfigPath::new).map(Some));
    Some(Peers {
        url: url?,
        ca: ca?,
        insecure,
    })
}

fn url(cursor: &Cursor<'_>, insecure: bool) -> Option<String> {
    let text = cursor.text()?;
    let url = bare_url(text).filter(|url| url.path() == "/");
    let Some(url) = url else {
        return cursor.wrong_help(
            "is no URL of a host",
            "write `https://NAME:PORT`, without user, path or query, by which the other hosts reach this one",
        );
    };
    if !insecure && is_clear_text(url.scheme(), url.host_str().unwrap_or_default()) {
        return cursor.wrong_help(
            "would let tokens cross the network in clear text",
            "write `https://`; or, if something around the hosts keeps their network closed, `insecure: true`",
        );
    }
    Some(text.trim_end_matches('/').to_owned())
}
