//! The hosts that somebody works with, in a file of theirs. It has tokens in it, so nobody else may read it, and it is
//! written whole or not at all.

use crate::failure::{Usage, advised};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const FORMAT: u32 = 1;
/// Largest file that is read, in bytes.
const BYTES_MAX: u64 = 1 << 20;
/// The profile of those who name none.
pub const DEFAULT: &str = "default";

/// All profiles.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    format: u32,
    /// The one that is meant if none is named.
    pub current: Option<String>,
    /// By name.
    pub profiles: BTreeMap<String, Profile>,
}

/// A host, and who one is there.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its address.
    pub url: String,
    /// The secret.
    pub token: String,
    /// Whose modules and jobs are meant; none: the token says it, or the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Root certificates, PEM; none: those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

impl Default for Profiles {
    fn default() -> Self {
        Self {
            format: FORMAT,
            current: None,
            profiles: BTreeMap::new(),
        }
    }
}

/// Where the profiles are: `sluicebox/profiles.json` in the user's folder for configuration.
pub fn path(env: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf> {
    let var = |name| {
        env(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    // The XDG specification has relative paths ignored.
    let config = var("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let folder = config.or_else(|| var("HOME").map(|home| home.join(".config")));
    folder
        .map(|folder| folder.join("sluicebox").join("profiles.json"))
        .ok_or_else(|| {
            advised(
                Usage("there is no home folder to keep profiles in".to_owned()),
                "set XDG_CONFIG_HOME, or SLUICEBOX_URL and SLUICEBOX_TOKEN, which need no profile",
            )
        })
}

impl Profiles {
    /// Read the file; none yet: no profiles.
    pub fn read(path: &Path) -> Result<Self> {
        let mut text = String::new();
        match File::open(path) {
            Ok(file) => file
                .take(BYTES_MAX)
                .read_to_string(&mut text)
                .with_context(|| format!("can't read {}", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("can't read {}", path.display()));
            }
        };
        let profiles: Result<Self, _> = serde_json::from_str(&text);
        match profiles {
            Ok(profiles) if profiles.format == FORMAT => Ok(profiles),
            // The error is left out: it could quote a token.
            _ => Err(advised(
                Usage(format!(
                    "{} has no profiles of this version",
                    path.display()
                )),
                "move it away and `sluicebox login` again, or use the sluicebox that wrote it",
            )),
        }
    }

    /// Add a profile or replace it; the first one becomes current.
    pub fn put(&mut self, name: &str, profile: Profile) {
        self.profiles.insert(name.to_owned(), profile);
        self.current.get_or_insert_with(|| name.to_owned());
    }

    /// Write the file: a new one takes the place of the old one once it is complete.
    pub fn write(&self, path: &Path) -> Result<()> {
        let what = || format!("can't write {}", path.display());
        let folder = path.parent().unwrap_or(Path::new("."));
        make_folder(folder).with_context(what)?;
        let new = path.with_extension(format!("{}.new", std::process::id()));
        let text = serde_json::to_string_pretty(self)? + "\n";
        let written = write_new(&new, text.as_bytes()).and_then(|()| fs::rename(&new, path));
        if written.is_err() {
            // It has tokens in it.
            let _ = fs::remove_file(&new);
        }
        written.with_context(what)
    }
}

/// Only its user can look into it.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The mode is there before the first byte is.
fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(url: &str) -> Profile {
        Profile {
            url: url.to_owned(),
            token: "sbx_secret".to_owned(),
            tenant: Some("shop".to_owned()),
            ca: None,
        }
    }

    #[test]
    fn what_is_written_is_read_and_only_by_its_user() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sluicebox/profiles.json");
        let mut profiles = Profiles::read(&path).expect("no file is no profiles");
        profiles.put("eu", profile("https://eu.example"));
        profiles.put("us", profile("https://us.example"));
        profiles.write(&path).expect("written");
        profiles.put("us", profile("https://us-2.example"));
        profiles.write(&path).expect("written over the old one");
        let read = Profiles::read(&path).expect("profiles");
        assert!(read == profiles, "the same profiles");
        assert_eq!(read.current.as_deref(), Some("eu"), "the first is current");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode =
                |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(path.parent().expect("a folder")), 0o700);
        }
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("profiles.json");
        // A folder in its place: the last step fails.
        fs::create_dir_all(path.join("x")).expect("a folder");
        assert!(Profiles::default().write(&path).is_err());
        let left: Vec<_> = fs::read_dir(folder.path()).expect("a list").collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_damaged_file_is_refused_without_quoting_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("profiles.json");
        for text in [
            "sbx_secret",
            r#"{"format": 2, "current": null, "profiles": {}}"#,
        ] {
            fs::write(&path, text).expect("written");
            let error = Profiles::read(&path).err().expect("refused");
            assert!(!format!("{error:#}").contains("secret"), "{error:#}");
        }
    }

    #[test]
    fn the_file_is_where_such_files_are() {
        let at = |name: &str, value: &str| {
            let (name, value) = (name.to_owned(), value.to_owned());
            path(&move |asked| (asked == name).then(|| value.clone()))
                .ok()
                .map(|path| path.to_string_lossy().into_owned())
        };
        let want = |text: &str| Some(text.to_owned());
        assert_eq!(
            at("XDG_CONFIG_HOME", "/c"),
            want("/c/sluicebox/profiles.json")
        );
        assert_eq!(at("HOME", "/h"), want("/h/.config/sluicebox/profiles.json"));
        assert_eq!(at("XDG_CONFIG_HOME", "relative"), None);
    }
}
