//! The text of a spec with its variables replaced, for a host that must not see (nor need) the environment of whoever
//! wrote it. Each text that has a variable is written anew, in quotes: no value can become anything but that text.

use super::problem::{Collector, Place, Problem, Problems};
use super::variables::{self, Lookup};
use super::yaml::{self, Node, Value};
use std::collections::BTreeMap;
use std::ops::Range;

/// Replace the variables. Whoever calls this has read the text before, and compares what the result means.
pub(super) fn expand(text: &str, lookup: &Lookup<'_>) -> Result<String, Problems> {
    let mut root = yaml::parse(text)?;
    let problems = Collector::default();
    variables::replace(&mut root, "", lookup, &problems);
    problems.finish(Some(()))?;
    let mut edits = BTreeMap::new();
    collect(&root, &mut edits);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (start, (end, meant)) in edits {
        let start = header(text, start).unwrap_or(start);
        // Texts don't overlap; if they seem to, the parser's places are wrong, and so would be the result.
        let (Some(before), Some(written)) = (text.get(at..start), text.get(start..end)) else {
            return Err(impossible().into());
        };
        out.push_str(before);
        out.push_str(&quoted(&meant));
        // What stood on several lines stands on one now, and the lines after it stay where they are.
        out.extend(written.matches('\n'));
        at = end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Ok(out)
}

/// Where the `|` or `>` stands, if the text that begins at `start` is below one: the parser leaves it out.
fn header(text: &str, start: usize) -> Option<usize> {
    let above = text.get(..start)?.trim_end_matches(' ');
    let line = above.strip_suffix('\n')?.trim_end();
    let begin = line.rfind('\n').map_or(0, |at| at + 1);
    let line = &line[begin..];
    let line = match line.find(" #") {
        Some(comment) => line[..comment].trim_end(),
        None => line,
    };
    let indicators = ['+', '-', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
    let rest = line.trim_end_matches(indicators);
    let rest = rest.strip_suffix(['|', '>'])?;
    rest.ends_with(' ').then_some(begin + rest.len())
}

/// What to say where the text can't be written anew.
pub(super) fn impossible() -> Problem {
    Problem {
        place: Place::default(),
        path: String::new(),
        message: "the variables can't be replaced in this text".to_owned(),
        help: Some("put each text that has `${...}` in quotes, on one line".to_owned()),
    }
}

/// The texts with variables, by where they begin. Aliases share their text.
fn collect(node: &Node, edits: &mut BTreeMap<usize, (usize, String)>) {
    match &node.value {
        Value::Text(text) if text.written.contains("${") => {
            let Range { start, end } = node.written;
            edits.insert(start, (end, text.meant.clone()));
        }
        Value::List(list) => list.iter().for_each(|element| collect(element, edits)),
        Value::Map(map) => map.iter().for_each(|(_, value)| collect(value, edits)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

/// A text as YAML and JSON both write it, such that reading it replaces nothing again.
fn quoted(meant: &str) -> String {
    serde_json::Value::from(meant.replace("${", "$${")).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::JobSpec;
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "TOPIC" => Some("orders".to_owned()),
            "TRICK" => Some("a\"b: #c\n${TOPIC}".to_owned()),
            "NUMBER" => Some("5".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn values_stay_texts_and_lines_stay_in_place() {
        let text = "# ${NOBODY} asks for this\na: ${TOPIC}.x # why\nb: [ä, '${NUMBER}', \"${NONE:-ö}\"]\nc: &c |\n  ${TOPIC}\n  ${TRICK}\nd: *c\ne: $${TOPIC}\nf: >-\n  ${TOPIC}\n\n  more\ng: 1\nh: # not > \n  ${TOPIC}\ni: | # why\n\n  ${TOPIC}\n";
        let expanded = expand(text, &lookup).expect("an expanded text");
        insta::assert_snapshot!(expanded, @r#"
        # ${NOBODY} asks for this
        a: "orders.x" # why
        b: [ä, "5", "ö"]
        c: &c "orders\na\"b: #c\n$${TOPIC}\n"


        d: *c
        e: "$${TOPIC}"
        f: "orders\nmore"



        g: 1
        h: # not > 
          "orders"
        i: "\norders\n"
        "#);
        assert_eq!(expanded.lines().count(), text.lines().count());
        let (mut was, is) = (yaml::parse(text), yaml::parse(&expanded));
        let problems = Collector::default();
        if let Ok(was) = &mut was {
            variables::replace(was, "", &lookup, &problems);
        }
        let mut is = is.expect("still YAML");
        variables::replace(&mut is, "", &|_| None, &problems);
        assert!(problems.is_empty());
        assert_eq!(meaning(&was.expect("YAML")), meaning(&is));
    }

    fn meaning(node: &Node) -> serde_json::Value {
        match &node.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(number) => number.clone().into(),
            Value::Text(text) => text.meant.clone().into(),
            Value::List(list) => list.iter().map(meaning).collect(),
            Value::Map(map) => map
                .iter()
                .map(|(key, value)| (key.name.clone(), meaning(value)))
                .collect(),
        }
    }

    const SPEC: &str = "
apiVersion: sluicebox/v1
job: copy
source: { kafka: { topic: '${TOPIC}', start: earliest } }
sink: { kafka: { topic: ${TOPIC}-copy } }
kafka: ${KAFKA:-main}
";

    #[test]
    fn a_spec_means_the_same_without_its_variables() {
        let text = SPEC.replace("${TOPIC}-copy", "'${TOPIC}-copy'");
        let (spec, expanded) = JobSpec::parse_expanded(&text, &lookup).expect("a spec");
        assert_eq!(JobSpec::parse(&expanded, &|_| None), Ok(spec));
        assert!(!expanded.contains("${"), "{expanded}");
        let plain = "
apiVersion: sluicebox/v1
job: copy
source: { stdin: { key: user }, timestamp: { field: ts } }
sink: stdout
";
        let (_, expanded) = JobSpec::parse_expanded(plain, &lookup).expect("a spec");
        assert_eq!(expanded, plain, "what has no variables is sent as it is");
    }

    #[test]
    fn what_is_wrong_is_said_of_the_text_as_written() {
        let text = SPEC.replace("${TOPIC}-copy", "'${NOTHING}'");
        let problems = JobSpec::parse_expanded(&text, &lookup).expect_err("a problem");
        assert_eq!(problems.list()[0].place.line, 5, "{problems}");
    }
}
