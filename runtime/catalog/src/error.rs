//! What can go wrong, and who has to act: whoever asked (`Refused`), whoever runs the installation, or nobody but time.

use crate::change::FORMAT;

/// What a caller does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Correct the request; nothing was changed.
    Input,
    /// Ask again later.
    Retry,
    /// Whoever runs the installation has to act.
    Operator,
    /// A fault of this program: report it.
    Report,
}

/// A change that the rules do not allow. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What it is about does not exist (HTTP: 404).
    #[error("there is no {what}")]
    Missing {
        /// What, such as ``job `spend` ``.
        what: String,
    },
    /// Not in the present state (HTTP: 409).
    #[error("{why}")]
    Conflict {
        /// What stands in the way, and what to do.
        why: String,
    },
    /// Never (HTTP: 400 or 422).
    #[error("{why}")]
    Invalid {
        /// What is wrong.
        why: String,
    },
    /// More than the tenant may have (HTTP: 403).
    #[error("{why}")]
    Quota {
        /// Which quota, and what to do.
        why: String,
    },
}

impl Refused {
    /// There is no `what`.
    pub fn missing(what: impl Into<String>) -> Self {
        Self::Missing { what: what.into() }
    }
    /// Not now.
    pub fn conflict(why: impl Into<String>) -> Self {
        Self::Conflict { why: why.into() }
    }
    /// Never.
    pub fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid { why: why.into() }
    }
    /// Too much.
    pub fn quota(why: impl Into<String>) -> Self {
        Self::Quota { why: why.into() }
    }
}

/// Why the store could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The object store is out of reach or failing. Nothing was changed.
    #[error("the object store failed at `{object}`: {why}. Nothing was changed; try again")]
    Objects {
        /// The object it was about.
        object: String,
        /// What it said.
        why: String,
    },
    /// The object store refuses us.
    #[error(
        "the object store gives no access to `{object}`: {why}. Check the permissions of the folder or bucket, and the credentials"
    )]
    Access {
        /// The object it was about.
        object: String,
        /// What it said.
        why: String,
    },
    /// A change was sent and no answer came back, nor could be found out.
    #[error(
        "the object store did not confirm `{object}`: {why}. It is not known whether the change was made: look before you repeat it"
    )]
    Uncertain {
        /// The object it was about.
        object: String,
        /// What it said last.
        why: String,
    },
    /// Other writers were faster each time.
    #[error("other changes came first {tries} times. Nothing was changed; try again")]
    Contended {
        /// How often it was tried.
        tries: u32,
    },
    /// An object is not what was written, or is gone.
    #[error("`{object}` is damaged: {why}")]
    Damaged {
        /// Which.
        object: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// An object of another version of this program.
    #[error(
        "`{object}` has format {found}, and this version of sluicebox knows {FORMAT}: run the version that wrote it, or a newer one"
    )]
    Format {
        /// Which.
        object: String,
        /// Its format.
        found: u64,
    },
    /// The object store does not do what the log rests on.
    #[error(
        "the object store created one object twice, so two hosts would overwrite each other's changes: it must honour \
         `If-None-Match: *`. Use another store, or a version of this one that does"
    )]
    Unconditional,
    /// These bytes are just being removed, or a host has died doing so.
    #[error(
        "nothing referred to module {digest}, and its bytes are being removed. Nothing was changed; try again in a few minutes"
    )]
    Removing {
        /// Which.
        digest: String,
    },
    /// The place for the objects can't be used.
    #[error("`{place}` can't hold the catalog: {why}")]
    Location {
        /// The path or URL as given.
        place: String,
        /// Why, and what to do.
        why: String,
    },
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    Random(String),
    /// A change would break what must always hold. Nothing was changed.
    #[error(
        "this change would break the catalog ({0}), which is a fault of sluicebox. Nothing was changed; report it"
    )]
    Invariant(String),
}

impl Error {
    /// What to do about it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Refused(_) => Kind::Input,
            Self::Objects { .. }
            | Self::Uncertain { .. }
            | Self::Contended { .. }
            | Self::Removing { .. } => Kind::Retry,
            Self::Access { .. }
            | Self::Damaged { .. }
            | Self::Format { .. }
            | Self::Location { .. }
            | Self::Unconditional
            | Self::Random(_) => Kind::Operator,
            Self::Invariant(_) => Kind::Report,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is of this kind, and its text.
    fn text(kind: Kind, error: Error) -> String {
        assert_eq!(error.kind(), kind);
        error.to_string()
    }

    #[test]
    fn errors_say_what_to_do() {
        let (object, why) = (
            "catalog/log/8.json".to_owned(),
            "no route to host".to_owned(),
        );
        let refused = Refused::missing("job `shop/spend`");
        insta::assert_snapshot!(text(Kind::Input, refused.into()), @"there is no job `shop/spend`");
        let objects = Error::Objects {
            object: object.clone(),
            why: why.clone(),
        };
        insta::assert_snapshot!(text(Kind::Retry, objects), @"the object store failed at `catalog/log/8.json`: no route to host. Nothing was changed; try again");
        let uncertain = Error::Uncertain {
            object: object.clone(),
            why,
        };
        insta::assert_snapshot!(text(Kind::Retry, uncertain), @"the object store did not confirm `catalog/log/8.json`: no route to host. It is not known whether the change was made: look before you repeat it");
        insta::assert_snapshot!(text(Kind::Retry, Error::Contended { tries: 64 }), @"other changes came first 64 times. Nothing was changed; try again");
        let access = Error::Access {
            object,
            why: "read-only file system".to_owned(),
        };
        insta::assert_snapshot!(text(Kind::Operator, access), @"the object store gives no access to `catalog/log/8.json`: read-only file system. Check the permissions of the folder or bucket, and the credentials");
        insta::assert_snapshot!(text(Kind::Operator, Error::Unconditional), @"the object store created one object twice, so two hosts would overwrite each other's changes: it must honour `If-None-Match: *`. Use another store, or a version of this one that does");
        let removing = Error::Removing {
            digest: "00ff".to_owned(),
        };
        insta::assert_snapshot!(text(Kind::Retry, removing), @"nothing referred to module 00ff, and its bytes are being removed. Nothing was changed; try again in a few minutes");
        insta::assert_snapshot!(text(Kind::Operator, Error::Random("none".to_owned())), @"the operating system gives no random numbers: none");
        insta::assert_snapshot!(text(Kind::Report, Error::Invariant("why".to_owned())), @"this change would break the catalog (why), which is a fault of sluicebox. Nothing was changed; report it");
    }
}
