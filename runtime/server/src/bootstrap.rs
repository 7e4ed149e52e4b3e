//! The first start of an installation: somebody has to be let in before there are tokens. An empty catalog gets the tenant
//! `default` and a token for everything, whose text is in a file that only this user can read, and nowhere else.

use crate::config::{Config, ConfigPath};
use crate::error::Error;
use crate::event::{ApiEvent, ApiObserver};
use sluicebox_catalog::{
    self as catalog, Catalog, Change, Pattern, Policy, Quotas, Scope, Store, Token, token,
};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};

/// The tenant of those who don't need several.
pub const TENANT: &str = "default";
/// File of the first token, in the data folder.
pub const TOKEN_FILE: &str = "admin-token";

/// Who makes the first revisions.
const BY: &str = "host";
const ONLY_THIS_USER: u32 = 0o600;
const NOT_FOR_OTHERS: u32 = 0o077;
/// Longer than any token.
const TOKEN_FILE_BYTES_MAX: u64 = 1_024;

/// Open the catalog that a configuration names; an empty one is begun.
pub async fn open(
    config: &Config,
    now_ms: i64,
    observer: &dyn ApiObserver,
) -> Result<Store, Error> {
    let data_dir = &config.data_dir;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&data_dir.at)
        .map_err(|error| file("make the folder", data_dir, &error))?;
    let objects = config.object_store.open()?;
    let store = Store::open(objects).await?;
    if let Some(path) = begin(&store, data_dir, now_ms).await? {
        observer.event(ApiEvent::FirstToken {
            path: path.to_string(),
        });
    }
    Ok(store)
}

/// Give an empty catalog its first tenant and token. Answers the token's file, if this host wrote it.
pub async fn begin(
    store: &Store,
    data_dir: &ConfigPath,
    now_ms: i64,
) -> Result<Option<ConfigPath>, Error> {
    if !store.current().tokens.is_empty() {
        return Ok(None);
    }
    store.commit(BY, now_ms, first_tenant).await?;
    let path = data_dir.join(TOKEN_FILE);
    // The file comes first: a token that is in the catalog and in no file would lock everybody out.
    let (id, hash) = match create(&path)? {
        Some(mut created) => {
            let made = token::generate(catalog::random()?);
            let text = format!("{}\n", made.text);
            created
                .write_all(text.as_bytes())
                .and_then(|()| created.sync_all())
                .map_err(|error| file("write", &path, &error))?;
            (made.id, made.hash)
        }
        None => unfinished(&path)?,
    };
    let token = Token {
        tenant: None,
        name: "first".to_owned(),
        scopes: [Scope::Admin].into(),
        hash,
        created_ms: now_ms,
        expires_ms: None,
        revoked: false,
    };
    let ours = store.commit(BY, now_ms, |catalog| {
        let first = Change::TokenCreated {
            id: id.clone(),
            token: token.clone(),
        };
        // Another host on the same object store may have been faster: then its token is the first.
        Ok(catalog.tokens.is_empty().then_some(first))
    });
    if ours.await?.tokens.contains_key(&id) {
        return Ok(Some(path));
    }
    std::fs::remove_file(&path.at).map_err(|error| file("remove", &path, &error))?;
    Ok(None)
}

fn first_tenant(catalog: &Catalog) -> Result<Option<Change>, catalog::Refused> {
    let everything = || Pattern::parse("*").map(|pattern| vec![pattern]);
    let first = Change::TenantCreated {
        tenant: TENANT.to_owned(),
        policy: Policy {
            read: everything()?,
            write: everything()?,
            ..Policy::default()
        },
        quotas: Quotas::default(),
    };
    Ok(catalog.tenants.is_empty().then_some(first))
}

/// Create the file, unless it is there.
fn create(path: &ConfigPath) -> Result<Option<File>, Error> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(ONLY_THIS_USER)
        .open(&path.at);
    match created {
        Ok(created) => Ok(Some(created)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(file("create", path, &error)),
    }
}

/// The token of a first start that ended between the file and the catalog.
fn unfinished(path: &ConfigPath) -> Result<(String, String), Error> {
    let in_the_way = |why: &str| Error::FirstToken {
        path: path.clone(),
        why: why.to_owned(),
    };
    let opened = File::open(&path.at).map_err(|error| file("read", path, &error))?;
    let metadata = opened
        .metadata()
        .map_err(|error| file("read", path, &error))?;
    if !metadata.is_file() || metadata.permissions().mode() & NOT_FOR_OTHERS != 0 {
        return Err(in_the_way(
            "other users may have read or written what is there",
        ));
    }
    let mut text = String::new();
    opened
        .take(TOKEN_FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| file("read", path, &error))?;
    let presented = token::parse(text.trim()).map_err(|_| in_the_way("it holds no token"))?;
    let hash = token::hash(&presented.secret);
    Ok((presented.id, hash))
}

fn file(what: &'static str, path: &ConfigPath, error: &std::io::Error) -> Error {
    Error::File {
        what,
        path: path.clone(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;
    use std::sync::Arc;

    async fn store() -> Store {
        let objects = Arc::new(InMemory::new());
        Store::open(objects).await.expect("an empty catalog")
    }

    fn folder() -> (tempfile::TempDir, ConfigPath) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = ConfigPath::new(folder.path());
        (folder, path)
    }

    fn written(folder: &ConfigPath) -> String {
        let path = folder.join(TOKEN_FILE).at;
        std::fs::read_to_string(path).expect("the token's file")
    }

    #[tokio::test]
    async fn the_first_token_is_in_a_closed_file_and_opens_everything() {
        let (store, (_keep, folder)) = (store().await, folder());
        let path = begin(&store, &folder, 5).await.expect("a first start");
        let path = path.expect("this host wrote it").at;
        let mode = std::fs::metadata(&path).expect("the file").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        let catalog = store.current();
        let presented = token::parse(written(&folder).trim()).expect("a token");
        let principal = catalog.authenticate(&presented, 6).expect("it is valid");
        assert!(principal.allows(Scope::Admin) && principal.tenant.is_none());
        let policy = &catalog.tenants[TENANT].policy;
        assert!(policy.may_read("orders") && policy.may_write("orders"));
        assert!(!policy.may_write("sluicebox.x.changelog"));
    }

    #[tokio::test]
    async fn a_second_start_changes_nothing() {
        let (store, (_keep, folder)) = (store().await, folder());
        begin(&store, &folder, 5).await.expect("a first start");
        let (before, revision) = (written(&folder), store.current().revision);
        let again = begin(&store, &folder, 9).await.expect("a second start");
        assert!(again.is_none());
        assert_eq!(
            (written(&folder), store.current().revision),
            (before, revision)
        );
    }

    #[tokio::test]
    async fn a_first_start_that_was_interrupted_is_finished() {
        let (_keep, folder) = folder();
        begin(&store().await, &folder, 5)
            .await
            .expect("a first start");
        // The same folder and an empty catalog: as after a crash before the commit.
        let (before, store) = (written(&folder), store().await);
        begin(&store, &folder, 9).await.expect("a second start");
        assert_eq!(written(&folder), before);
        let presented = token::parse(before.trim()).expect("a token");
        assert!(store.current().authenticate(&presented, 10).is_ok());
    }

    #[derive(Default)]
    struct Told(std::sync::Mutex<Vec<String>>);

    impl ApiObserver for Told {
        fn event(&self, event: ApiEvent) {
            self.0.lock().expect("no panic").push(event.to_string());
        }
    }

    #[tokio::test]
    async fn a_configured_folder_is_begun_once_and_named_as_written() {
        let (keep, _) = folder();
        let text = "apiVersion: sluicebox/v1\ndata_dir: data\n";
        let mut config = Config::parse(text, &|_| None).expect("a good configuration");
        config.resolve_paths(keep.path());
        let told = Told::default();
        let first = open(&config, 5, &told).await.expect("a first start");
        let again = open(&config, 6, &told).await.expect("a second start");
        assert_eq!(first.current(), again.current());
        let told = told.0.into_inner().expect("no panic");
        assert_eq!(
            told,
            ["the first token, for the whole installation, is in data/admin-token"]
        );
        let mode = |name: &str| {
            let metadata = std::fs::metadata(keep.path().join(name)).expect("it is there");
            metadata.permissions().mode() & 0o777
        };
        assert_eq!((mode("data"), mode("data/objects")), (0o700, 0o700));
        // A folder that can't be made.
        std::fs::write(keep.path().join("file"), "").expect("a file");
        let text = "apiVersion: sluicebox/v1\ndata_dir: file\n";
        let mut config = Config::parse(text, &|_| None).expect("a good configuration");
        config.resolve_paths(keep.path());
        let error = open(&config, 7, &Told::default()).await.err();
        let error = error.expect("it is refused").to_string();
        insta::assert_snapshot!(error, @"can't make the folder `file`: File exists (os error 17)");
    }

    #[tokio::test]
    async fn a_planted_file_is_not_taken_for_the_token() {
        let (store, (_keep, folder)) = (store().await, folder());
        let path = folder.join(TOKEN_FILE).at;
        std::fs::write(&path, token::generate([7; 40]).text).expect("a file");
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&path, open).expect("permissions");
        let error = begin(&store, &folder, 5).await.expect_err("it is refused");
        let said = error.to_string().replace(&folder.to_string(), "DATA");
        insta::assert_snapshot!(said, @"`DATA/admin-token` is in the way: the catalog has no tokens, so this host would write the first one there, but other users may have read or written what is there. Move the file away and start again");
        assert!(store.current().tokens.is_empty());
        let closed = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, closed).expect("permissions");
        std::fs::write(&path, "hello").expect("a file");
        let error = begin(&store, &folder, 5).await.expect_err("it is refused");
        assert!(error.to_string().contains("holds no token"), "{error}");
    }
}
