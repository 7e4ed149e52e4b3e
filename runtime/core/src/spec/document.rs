//! The reading of a file of ours, whatever it says: YAML with a version on top, variables, and all problems at once with
//! their places. Job specs are read with it here, and a host's configuration elsewhere, so that both answer a
//! mistake in the same way.
//!
//! ```
//! # use sluicebox_core::spec::document::{self, Form};
//! let form = Form { what: "shopping list", begins_with: "`bread`" };
//! let read = |text| {
//!     document::read(text, &form, &|_| None, |root| {
//!         let fields = root.fields(&["apiVersion", "bread"])?;
//!         fields.require("bread", "say how many loaves")?.integer(1..=9)
//!     })
//! };
//! assert_eq!(read("apiVersion: sluicebox/v1\nbread: 2\n"), Ok(2));
//! let problems = read("apiVersion: sluicebox/v1\nbraed: 2\n").unwrap_err();
//! assert_eq!(problems.to_string(), "2:1: unknown key `braed`; did you mean `bread`?");
//! ```

pub use super::cursor::Cursor;
pub use super::fields::Fields;
pub use super::read::connection;

use super::problem::{Collector, Problems};
use super::variables::{self, Lookup};
use super::yaml;

/// The version of our files that this program reads.
pub const API_VERSION: &str = "sluicebox/v1";

/// What a file is, for the messages to those who gave another one.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// As in "this is no job spec".
    pub what: &'a str,
    /// What stands in it, after its version.
    pub begins_with: &'a str,
}

/// Read a text. `lookup` finds the value of `${NAME}`; `read` reads the root, whose keys include `apiVersion`. The error
/// has all problems that could be found at once.
pub fn read<T>(
    text: &str,
    form: &Form<'_>,
    lookup: &Lookup<'_>,
    read: impl FnOnce(&Cursor<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let mut root = yaml::parse(text)?;
    let problems = Collector::default();
    variables::replace(&mut root, "", lookup, &problems);
    // A missing variable is a text like any other from here on, and would be reported twice.
    if !problems.is_empty() {
        return problems.finish(None);
    }
    let root = Cursor::root(&root, &problems);
    let value = is_ours(&root, form).and_then(|()| read(&root));
    problems.finish(value)
}

/// Whether the rest of the file can be judged: it can also where only the version is missing, which is reported.
fn is_ours(root: &Cursor<'_>, form: &Form<'_>) -> Option<()> {
    let Form { what, begins_with } = form;
    if !root.is_mapping() {
        return root.wrong_help(
            format!("this is no {what}"),
            format!("begin with `apiVersion: {API_VERSION}`, then {begins_with}"),
        );
    }
    let entries = root.entries()?;
    let Some((_, version)) = entries.iter().find(|(key, _)| *key == "apiVersion") else {
        root.wrong_help::<()>(
            "`apiVersion` is missing",
            format!("begin the file with `apiVersion: {API_VERSION}`"),
        );
        return Some(());
    };
    if version.as_text() == Some(API_VERSION) {
        return Some(());
    }
    version.wrong_help(
        format!("this version of the {what} is not known"),
        format!("this program reads `{API_VERSION}`; a newer file needs a newer sluicebox"),
    )
}
