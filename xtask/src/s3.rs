//! The S3-compatible server of the tests: Python packages.

use anyhow::Result;

use crate::paths::Paths;
use crate::python::{self, Requirements};

/// Only what has the digests written down, and nothing that is built, with whatever that needs.
const REQUIREMENTS: &[Requirements] = &[(
    "tests/s3/requirements.txt",
    &["--require-hashes", "--only-binary", ":all:"],
)];

/// Install it if it is not there. `tests/src/bucket.rs` finds it by this name.
pub fn ensure(paths: &Paths) -> Result<()> {
    let what = "the S3-compatible server of the tests";
    python::environment(paths, "s3", what, REQUIREMENTS).map(drop)
}
