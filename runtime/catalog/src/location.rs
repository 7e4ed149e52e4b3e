//! Where the objects are: a folder now, a bucket later.

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
        Some(("s3" | "gs" | "az", _)) => {
            return refuse("buckets are not built in yet: give the path of a folder");
        }
        Some(_) => return refuse("give the path of a folder, or a `file://` URL"),
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
