//! A cursor on one node of a file: it knows its path, reads the node as what is expected, and reports what is not, so
//! that the reading code is a plain list of what a file may say. `None` from any of its calls means that the problem
//! has been reported.

use super::fields::Fields;
use super::names::{name_problem, topic_problem};
use super::problem::{Collector, Place, Problem, nearest};
use super::time::parse_time_ms;
use super::units::{parse_duration_ms, parse_size_bytes};
use super::yaml::{Key, Node, Value};
use std::ops::RangeInclusive;

/// `path` extended by a key.
pub(super) fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        _ => format!("{path}.{key}"),
    }
}

/// A place in a file that is being read. `None` from its methods: the problem has been reported.
#[derive(Clone)]
pub struct Cursor<'a> {
    node: &'a Node,
    path: String,
    problems: &'a Collector,
}

impl<'a> Cursor<'a> {
    pub(super) fn root(node: &'a Node, problems: &'a Collector) -> Self {
        Self {
            node,
            path: String::new(),
            problems,
        }
    }

    /// Report a problem at this node.
    pub fn wrong<T>(&self, message: impl Into<String>) -> Option<T> {
        self.report(self.node.place, self.path.clone(), message.into(), None)
    }

    /// Report a problem and what to do about it.
    pub fn wrong_help<T>(&self, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.report(
            self.node.place,
            self.path.clone(),
            message.into(),
            Some(help.into()),
        )
    }

    fn report<T>(
        &self,
        place: Place,
        path: String,
        message: String,
        help: Option<String>,
    ) -> Option<T> {
        self.problems.add(Problem {
            place,
            path,
            message,
            help,
        });
        None
    }

    fn expected<T>(&self, what: &str) -> Option<T> {
        self.wrong(format!(
            "expected {what}, found {}",
            self.node.value.describe()
        ))
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }

    pub(super) fn is_mapping(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// The text of a text node, without a report.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) => Some(&text.meant),
            _ => None,
        }
    }

    /// The text as it stands in the file, for messages.
    pub(super) fn written(&self) -> String {
        self.node.value.describe()
    }

    /// Whether it is a text, without a report: what may be a secret must not be shown in one.
    pub fn is_text(&self) -> bool {
        matches!(self.node.value, Value::Text(_))
    }

    /// A text that is not empty.
    pub fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) if text.meant.is_empty() => self.wrong("must not be empty"),
            Value::Text(text) => Some(&text.meant),
            Value::Number(_) | Value::Bool(_) => self.wrong_help(
                format!("expected a text, found {}", self.written()),
                "put it in quotes",
            ),
            Value::Null | Value::List(_) | Value::Map(_) => self.expected("a text"),
        }
    }

    /// Any scalar as its text: what settings of other programs are.
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.node.value {
            Value::Text(text) => Some(text.meant.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => {
                self.expected("a text, a number, `true` or `false`")
            }
        }
    }

    /// A name, `[a-z0-9-]{1,40}`.
    pub fn name(&self) -> Option<String> {
        let name = self.text()?;
        match name_problem(name) {
            Some(help) => self.wrong_help(format!("{} is no valid name", self.written()), help),
            None => Some(name.to_owned()),
        }
    }

    pub(super) fn topic(&self) -> Option<String> {
        let topic = self.text()?;
        match topic_problem(topic) {
            Some(help) => self.wrong_help(format!("{} is no valid topic", self.written()), help),
            None => Some(topic.to_owned()),
        }
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        match &self.node.value {
            Value::Bool(value) => Some(*value),
            Value::Text(text) if text.meant != text.written => match text.meant.trim().parse() {
                Ok(value) => Some(value),
                Err(_) => self.expected("`true` or `false`"),
            },
            _ => self.expected("`true` or `false`"),
        }
    }

    /// An integer; a text is taken for one only where a variable may have put it there.
    pub fn integer(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let number = match &self.node.value {
            Value::Number(number) => number.as_i64(),
            Value::Text(text) if text.meant != text.written => text.meant.trim().parse().ok(),
            _ => None,
        };
        let Some(number) = number else {
            return self.expected("a whole number");
        };
        if !range.contains(&number) {
            let (from, to) = range.into_inner();
            return self.wrong(format!("must be a whole number from {from} to {to}"));
        }
        Some(number)
    }

    /// A duration, in milliseconds.
    pub fn duration_ms(&self) -> Option<i64> {
        self.quantity("a duration, such as `20s`", parse_duration_ms)
    }

    /// A size, in bytes.
    pub fn size_bytes(&self, range: &RangeInclusive<usize>) -> Option<usize> {
        let bytes = self.quantity("a size, such as `64MiB`", parse_size_bytes)?;
        if !range.contains(&bytes) {
            let mib = |bytes: &usize| bytes >> 20;
            let (from, to) = (mib(range.start()), mib(range.end()));
            return self.wrong(format!("must be from {from}MiB to {to}MiB"));
        }
        Some(bytes)
    }

    fn quantity<T>(&self, what: &str, parse: fn(&str) -> Result<T, String>) -> Option<T> {
        match &self.node.value {
            Value::Text(text) => match parse(&text.meant) {
                Ok(value) => Some(value),
                Err(message) => self.wrong(message.replace(&text.meant, &text.written)),
            },
            Value::Number(number) => {
                self.wrong_help(format!("{number} has no unit"), format!("write {what}"))
            }
            _ => self.expected(what),
        }
    }

    /// A time: a whole number of milliseconds since 1970, or a date, or an RFC 3339 time.
    pub(super) fn time_ms(&self) -> Option<i64> {
        let time = match &self.node.value {
            Value::Number(number) => number.as_i64(),
            Value::Text(text) => parse_time_ms(&text.meant),
            _ => None,
        };
        match time {
            Some(time) => Some(time),
            None => self.wrong_help(
                format!("{} is no time", self.written()),
                "write a date (`2026-01-31`), an RFC 3339 time (`2026-01-31T12:00:00Z`) or milliseconds since 1970",
            ),
        }
    }

    /// One of these words.
    pub fn choice<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let list = || one_of(words.iter().map(|(word, _)| *word));
        let Some(text) = self.as_text() else {
            return self.expected(&list());
        };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let message = format!("expected {}, found {}", list(), self.written());
        match nearest(text, words.iter().map(|(word, _)| *word)) {
            Some(word) => self.wrong_help(message, format!("did you mean `{word}`?")),
            None => self.wrong(message),
        }
    }

    /// The elements of a list.
    pub fn list(&self) -> Option<Vec<Cursor<'a>>> {
        let Value::List(list) = &self.node.value else {
            return self.expected("a list");
        };
        let element = |(i, node)| Cursor {
            node,
            path: format!("{}[{i}]", self.path),
            problems: self.problems,
        };
        Some(list.iter().enumerate().map(element).collect())
    }

    /// A mapping with any keys.
    pub fn entries(&self) -> Option<Vec<(&'a str, Cursor<'a>)>> {
        let Value::Map(map) = &self.node.value else {
            return self.expected("a mapping");
        };
        let entry = |(key, node): &'a (Key, Node)| (key.name.as_str(), self.below(&key.name, node));
        Some(map.iter().map(entry).collect())
    }

    /// A mapping with these keys and no others; nothing at all counts as an empty one.
    pub fn fields(&self, known: &[&str]) -> Option<Fields<'a>> {
        let map: &'a [(Key, Node)] = match &self.node.value {
            Value::Map(map) => map,
            Value::Null => &[],
            _ => {
                let keys = known.iter().map(|key| format!("`{key}`"));
                let keys = keys.collect::<Vec<_>>().join(", ");
                return self.expected(&format!("a mapping with the keys {keys}"));
            }
        };
        let unknown = |(key, _): &&(Key, Node)| !known.contains(&key.name.as_str());
        let unknown = map.iter().filter(unknown);
        let misspelt = unknown.map(|(key, _)| self.unknown(key, known)).collect();
        Some(Fields::new(self.clone(), map, misspelt))
    }

    /// Report an unknown key; answers the known one that was probably meant.
    fn unknown(&self, key: &Key, known: &[&str]) -> Option<String> {
        let near = nearest(&key.name, known.iter().copied());
        let help = match near {
            Some(word) => format!("did you mean `{word}`?"),
            None if known.is_empty() => "no keys are known here".to_owned(),
            None => format!("known here: {}", known.join(", ")),
        };
        let message = format!("unknown key `{}`", key.name);
        self.report::<()>(key.place, self.path.clone(), message, Some(help));
        near.map(str::to_owned)
    }

    pub(super) fn below(&self, key: &str, node: &'a Node) -> Cursor<'a> {
        Cursor {
            node,
            path: join(&self.path, key),
            problems: self.problems,
        }
    }

    /// The node as JSON, for a module's parameters.
    pub(super) fn json(&self) -> serde_json::Value {
        json(self.node)
    }
}

fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number.clone().into(),
        Value::Text(text) => text.meant.clone().into(),
        Value::List(list) => list.iter().map(json).collect::<Vec<_>>().into(),
        Value::Map(map) => serde_json::Value::Object(
            map.iter()
                .map(|(key, node)| (key.name.clone(), json(node)))
                .collect(),
        ),
    }
}

/// `a`, `b` or `c`.
pub(super) fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
