//! From text to a tree of nodes that know their place. The spec is read from this tree by hand instead of by derived
//! deserializers, because those stop at the first problem and don't know the places of values that are well-formed
//! but wrong.

use super::limits::{NESTING_MAX, NODES_MAX, SPEC_BYTES_MAX};
use super::problem::{Place, Problem};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};
use std::fmt;
use std::ops::Range;

/// A value and where it is used.
#[derive(Debug)]
pub(super) struct Node {
    pub place: Place,
    /// The bytes of the text that it is written with; an alias has those of what it stands for.
    pub written: Range<usize>,
    pub value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(Text),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A text as written and, once variables are replaced, as meant. Messages show what was written.
#[derive(Debug)]
pub(super) struct Text {
    pub written: String,
    pub meant: String,
}

#[derive(Debug)]
pub(super) struct Key {
    pub place: Place,
    pub name: String,
}

impl Value {
    /// What this is, for messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(value) => format!("`{value}`"),
            Self::Number(number) => format!("the number {number}"),
            Self::Text(text) => format!("`{}`", text.written),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// Parse one YAML document.
pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    if text.len() > SPEC_BYTES_MAX {
        let message = format!("the spec is larger than {} KiB", SPEC_BYTES_MAX / 1024);
        return Err(problem(Place::default(), message, None));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: NESTING_MAX,
            max_nodes: NODES_MAX,
            max_documents: 1,
        },
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Spanned<Value>>(text, options)
        .map(node)
        .map_err(|error| {
            let place = error.location().map(place).unwrap_or_default();
            problem(place, syntax_message(&error), help(text, place))
        })
}

fn problem(place: Place, message: String, help: Option<String>) -> Problem {
    Problem {
        place,
        path: String::new(),
        message,
        help,
    }
}

/// The parser's message without its own mention of the place.
fn syntax_message(error: &serde_saphyr::Error) -> String {
    if let serde_saphyr::Error::DuplicateMappingKey { key, .. } = error {
        let key = key.as_deref().unwrap_or("?");
        return format!("the key `{key}` stands here for the second time");
    }
    let message = error.to_string();
    let message = message.lines().next().unwrap_or_default();
    let end = message.rfind(" at line ").unwrap_or(message.len());
    format!("not YAML: {}", &message[..end])
}

/// The one trap that our own syntax sets: `{ }` of a variable inside `{ }` of YAML.
fn help(text: &str, place: Place) -> Option<String> {
    let line = text.lines().nth((place.line as usize).checked_sub(1)?)?;
    line.contains("${")
        .then(|| "inside `{ }` and `[ ]`, put a text with `${...}` in quotes".to_owned())
}

fn place(location: Location) -> Place {
    Place {
        line: location.line(),
        column: location.column(),
    }
}

fn node(spanned: Spanned<Value>) -> Node {
    Node {
        place: place(spanned.referenced),
        written: bytes(spanned.defined),
        value: spanned.value,
    }
}

/// Empty where it is unknown. Specs are far smaller than 4 GiB.
fn bytes(location: Location) -> Range<usize> {
    let span = location.span();
    let (start, len) = (span.byte_offset(), span.byte_len());
    match (start, len) {
        (Some(start), Some(len)) => start as usize..start as usize + len as usize,
        _ => 0..0,
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("infinity and not-a-number can't be used here"))
    }
    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(Text {
            written: value.clone(),
            meant: value,
        }))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = access.next_element::<Spanned<Value>>()? {
            list.push(node(element));
        }
        Ok(Value::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = access.next_key::<Spanned<String>>()? {
            let key = Key {
                place: place(key.referenced),
                name: key.value,
            };
            map.push((key, node(access.next_value::<Spanned<Value>>()?)));
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_know_their_places() {
        let node = parse("a: 1\nb:\n  - x\n  - {c: 2026-01-01}\n7: yes\n").expect("good YAML");
        let Value::Map(map) = &node.value else {
            panic!("{node:?}")
        };
        let names: Vec<_> = map
            .iter()
            .map(|(k, _)| (k.name.as_str(), k.place.line))
            .collect();
        assert_eq!(names, [("a", 1), ("b", 2), ("7", 5)]);
        let Value::List(list) = &map[1].1.value else {
            panic!("{:?}", map[1])
        };
        let Value::Map(inner) = &list[1].value else {
            panic!("{list:?}")
        };
        assert_eq!(inner[0].1.place, Place { line: 4, column: 9 });
        assert!(matches!(&inner[0].1.value, Value::Text(t) if t.meant == "2026-01-01"));
        assert!(matches!(&map[2].1.value, Value::Text(t) if t.meant == "yes"));
    }

    #[test]
    fn depth_and_aliases_are_bounded() {
        let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
        assert!(parse(&deep).is_err());
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..9 {
            let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
            bomb.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
        }
        assert!(parse(&bomb).is_err());
    }

    #[test]
    fn a_repeated_key_is_refused() {
        let error = parse("a: 1\na: 2\n").expect_err("a repeated key");
        assert_eq!(error.place.line, 2, "{error}");
    }
}
