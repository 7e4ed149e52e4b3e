//! Answers of the object store that were not wanted, sorted by what they mean to us.

use crate::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

/// An answer other than the wanted one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("there is such an object already")]
    Exists,
    #[error("it is not there")]
    Missing,
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    Failed(String),
    #[error("no answer within {0:?}")]
    Late(Duration),
}

/// An answer that was not to be, as an error for the caller's caller. Not for changes that may have been made.
pub(crate) fn error(object: &str, fault: Fault) -> Error {
    let (object, why) = (object.to_owned(), fault.to_string());
    match fault {
        Fault::Denied(_) => Error::Access { object, why },
        Fault::Exists | Fault::Missing | Fault::Failed(_) | Fault::Late(_) => {
            Error::Objects { object, why }
        }
    }
}

pub(crate) fn sort(error: &object_store::Error) -> Fault {
    use object_store::Error as E;
    match error {
        E::NotFound { .. } => Fault::Missing,
        E::AlreadyExists { .. } | E::Precondition { .. } => Fault::Exists,
        E::PermissionDenied { .. }
        | E::Unauthenticated { .. }
        | E::NotSupported { .. }
        | E::NotImplemented { .. }
        | E::UnknownConfigurationKey { .. } => Fault::Denied(said(error)),
        _ if is_denied_by_system(error) => Fault::Denied(said(error)),
        _ => Fault::Failed(said(error)),
    }
}

/// What a store said, and what lies at the bottom of it: clients tell of a certificate that is not trusted, or of a
/// connection that is refused, only there.
fn said(error: &object_store::Error) -> String {
    let said = without_document(&error.to_string());
    let mut bottom: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    let bottom = without_document(&bottom.to_string());
    match said.contains(&bottom) {
        true => said,
        false => format!("{said}: {bottom}"),
    }
}

/// A text without the document in it, but for what that says: S3's has everything that was signed, and ids of keys.
fn without_document(text: &str) -> String {
    let Some((before, document)) = text.split_once('<') else {
        return text.to_owned();
    };
    let element = |name: &str| {
        let (_, rest) = document.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
    };
    let said: Vec<_> = ["Code", "Message"]
        .into_iter()
        .filter_map(element)
        .collect();
    format!("{before}{}", said.join(": "))
}

/// Folders have no error of their own for this: what the system said is somewhere below.
fn is_denied_by_system(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
            );
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error of a folder that the system answered like this.
    fn sorted(kind: ErrorKind) -> Fault {
        sort(&object_store::Error::Generic {
            store: "LocalFileSystem",
            source: Box::new(std::io::Error::from(kind)),
        })
    }

    #[test]
    fn what_the_system_denies_is_not_tried_again() {
        assert!(matches!(
            sorted(ErrorKind::PermissionDenied),
            Fault::Denied(_)
        ));
        assert!(matches!(
            sorted(ErrorKind::ReadOnlyFilesystem),
            Fault::Denied(_)
        ));
        assert!(matches!(sorted(ErrorKind::StorageFull), Fault::Failed(_)));
    }

    #[test]
    fn documents_are_not_repeated() {
        let said = |text: &str| {
            said(&object_store::Error::Generic {
                store: "S3",
                source: text.into(),
            })
        };
        let denied = "403 Forbidden: <?xml version=\"1.0\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>Check your \
            key</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>";
        insta::assert_snapshot!(said(denied), @"Generic S3 error: 403 Forbidden: SignatureDoesNotMatch: Check your key");
        insta::assert_snapshot!(said("502: <html>busy</html>"), @"Generic S3 error: 502:");
        insta::assert_snapshot!(said("timed out"), @"Generic S3 error: timed out");
    }
}
