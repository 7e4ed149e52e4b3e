//! Where the objects are, if it is a folder. Buckets are in `bucket.rs`.

use crate::error::Error;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

/// The object store at `url`: the path of a folder, made if it does not exist, or a `file://` URL of one.
///
/// A write there is answered when it will survive a loss of power: file and folder entry are synced. If that very
/// sync fails, the object may be there all the same, and is then taken as written.
pub fn objects(url: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let refuse = |why: &str| {
        Err(Error::Location {
            place: without_secrets(url),
            why: why.to_owned(),
        })
    };
    let path = match url.split_once("://") {
        None if url.is_empty() => return refuse("give the path of a folder"),
        None => url,
        Some(("file", path)) if path.contains('%') => {
            return refuse("URLs with `%` are not understood: give the folder as a path");
        }
        Some(("file", path)) if path.starts_with('/') => path,
        Some(("file", _)) => {
            return refuse(
                "a `file://` URL has an absolute path, such as `file:///var/lib/sluicebox`",
            );
        }
        Some(("s3", _)) => return refuse("that is a bucket, and this opens folders"),
        Some(("gs" | "az" | "abfs" | "abfss", _)) => {
            return refuse(
                "the buckets of Google and Azure are not built in: give an `s3://` URL, or a folder",
            );
        }
        Some(_) => return refuse("give the path of a folder, a `file://` URL, or an `s3://` URL"),
    };
    match folder(Path::new(path)) {
        Ok(folder) => Ok(Arc::new(folder)),
        Err(why) => refuse(&why),
    }
}

/// New folders are closed to other users: specs may hold passwords.
fn folder(path: &Path) -> Result<LocalFileSystem, String> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| error.to_string())?;
    let store = LocalFileSystem::new_with_prefix(path).map_err(|error| error.to_string())?;
    Ok(store.with_fsync(true))
}

/// `url` without user and password.
fn without_secrets(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest))
            if rest
                .split('/')
                .next()
                .is_some_and(|host| host.contains('@')) =>
        {
            let host = rest.split_once('@').map_or(rest, |(_, host)| host);
            format!("{scheme}://…@{host}")
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_made_and_closed_to_others() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("deep").join("catalog");
        let made = objects(folder.to_str().unwrap()).unwrap();
        assert!(format!("{made:?}").contains("fsync: true"), "{made:?}");
        let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        objects(&format!("file://{}", folder.display())).expect("it may be there already");
    }

    #[test]
    fn other_places_are_refused() {
        let why = |url: &str| objects(url).unwrap_err().to_string();
        insta::assert_snapshot!(why("gs://bucket/prefix"), @"`gs://bucket/prefix` can't hold the catalog: the buckets of Google and Azure are not built in: give an `s3://` URL, or a folder");
        insta::assert_snapshot!(why("az://key:secret@bucket/prefix"), @"`az://…@bucket/prefix` can't hold the catalog: the buckets of Google and Azure are not built in: give an `s3://` URL, or a folder");
        insta::assert_snapshot!(why("http://example.org"), @"`http://example.org` can't hold the catalog: give the path of a folder, a `file://` URL, or an `s3://` URL");
        insta::assert_snapshot!(why("file://here"), @"`file://here` can't hold the catalog: a `file://` URL has an absolute path, such as `file:///var/lib/sluicebox`");
        insta::assert_snapshot!(why("file:///with%20space"), @"`file:///with%20space` can't hold the catalog: URLs with `%` are not understood: give the folder as a path");
        insta::assert_snapshot!(why(""), @"`` can't hold the catalog: give the path of a folder");
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = why(&file.path().join("below").display().to_string());
        assert!(refused.contains("can't hold the catalog"), "{refused}");
    }
}
