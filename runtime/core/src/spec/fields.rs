//! The entries of a mapping whose keys are known: required, optional, or one out of several.

use super::cursor::{Cursor, one_of};
use super::yaml::{Key, Node};

/// The entries of a mapping whose keys are known.
pub struct Fields<'a> {
    /// The mapping itself.
    pub cursor: Cursor<'a>,
    map: &'a [(Key, Node)],
    // For each unknown key what it was probably meant to be: that one must not be reported as missing as well.
    misspelt: Vec<Option<String>>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        cursor: Cursor<'a>,
        map: &'a [(Key, Node)],
        misspelt: Vec<Option<String>>,
    ) -> Self {
        Self {
            cursor,
            map,
            misspelt,
        }
    }

    /// Whether unknown keys were reported.
    pub(super) fn any_unknown(&self) -> bool {
        !self.misspelt.is_empty()
    }

    /// A key's value, if the key is there.
    pub fn get(&self, key: &str) -> Option<Cursor<'a>> {
        let (key, node) = self.map.iter().find(|(k, _)| k.name == key)?;
        Some(self.cursor.below(&key.name, node))
    }

    /// A key that must be there; `why` completes the sentence "`key` is missing: …".
    pub fn require(&self, key: &str, why: &str) -> Option<Cursor<'a>> {
        match self.get(key) {
            Some(cursor) => Some(cursor),
            None if self.misspelt.iter().flatten().any(|meant| meant == key) => None,
            None => self.cursor.wrong_help(format!("`{key}` is missing"), why),
        }
    }

    /// An optional key: `default` where it is missing, `None` where it is wrong.
    pub fn or<T>(
        &self,
        key: &str,
        default: T,
        read: impl FnOnce(Cursor<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.get(key) {
            Some(cursor) => read(cursor),
            None => Some(default),
        }
    }

    /// Exactly one of these keys.
    pub fn exactly_one<'k>(&self, keys: &[&'k str]) -> Option<(&'k str, Cursor<'a>)> {
        let mut there = keys.iter().filter_map(|key| Some((*key, self.get(key)?)));
        let found = there.next();
        match (found, there.next()) {
            (Some(found), None) => Some(found),
            (Some((one, _)), Some((other, cursor))) => {
                cursor.wrong(format!("has both `{one}` and `{other}`; only one can be"))
            }
            (None, _) if self.any_unknown() => None,
            (None, _) => self
                .cursor
                .wrong(format!("needs one of {}", one_of(keys.iter().copied()))),
        }
    }
}
