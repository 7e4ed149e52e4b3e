//! Which certificates are trusted: those of a file that the user names, else those of the system. None are built in, so
//! that an administrator's decisions about this machine hold for this program too.

use crate::failure::{Usage, advised};
use anyhow::Result;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

/// Where systems keep the certificates that they trust, as one file.
const USUAL: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];
/// Largest file that is read, in bytes.
const BYTES_MAX: u64 = 16 << 20;

/// The certificates to trust.
pub fn read(ca: Option<&Path>, env: &dyn Fn(&str) -> Option<String>) -> Result<RootCerts> {
    if let Some(file) = ca {
        return from(
            file,
            "name a PEM file with the root certificate: `--ca FILE`",
        );
    }
    // As OpenSSL and with it most other programs have it.
    if let Some(file) = env("SSL_CERT_FILE").filter(|file| !file.is_empty()) {
        return from(Path::new(&file), "correct or unset SSL_CERT_FILE");
    }
    match USUAL.iter().map(PathBuf::from).find(|path| path.exists()) {
        Some(file) => from(&file, "name another one with `--ca FILE`"),
        None => Err(advised(
            Usage("this system has no root certificates at the usual places".to_owned()),
            "install the package `ca-certificates`, or name a PEM file with `--ca FILE`",
        )),
    }
}

fn from(file: &Path, help: &str) -> Result<RootCerts> {
    let wrong = |why: String| {
        let what = format!(
            "can't take root certificates from {}: {why}",
            file.display()
        );
        advised(Usage(what), help)
    };
    let mut pem = Vec::new();
    File::open(file)
        .and_then(|file| file.take(BYTES_MAX).read_to_end(&mut pem))
        .map_err(|error| wrong(error.to_string()))?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    match certificates.is_empty() {
        true => Err(wrong("there are none in it".to_owned())),
        false => Ok(certificates.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "nothing").expect("written");
        let none = |_: &str| None;
        assert!(read(Some(&path), &none).is_err());
        assert!(read(Some(&folder.path().join("missing.pem")), &none).is_err());
        let named = path.to_string_lossy().into_owned();
        assert!(read(None, &move |_| Some(named.clone())).is_err());
    }
}
