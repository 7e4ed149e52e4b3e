//! `${NAME}` and `${NAME:-default}` in the texts of a spec, for addresses and secrets that don't belong in a file.
//! They are replaced after the YAML is parsed, so no value can change the structure; `$${` stands for `${`. The
//! lookup is handed in: core reads no environment.

use super::problem::{Collector, Problem};
use super::yaml::{Node, Value};

/// Finds the value of a variable.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Replace the variables in all texts below `node`. Keys are left as they are.
pub(super) fn replace(node: &mut Node, path: &str, lookup: &Lookup<'_>, problems: &Collector) {
    match &mut node.value {
        Value::Text(text) if text.written.contains("${") => match expand(&text.written, lookup) {
            Ok(meant) => text.meant = meant,
            Err(Wrong { message, help }) => problems.add(Problem {
                place: node.place,
                path: path.to_owned(),
                message,
                help: Some(help),
            }),
        },
        Value::List(list) => {
            for (i, element) in list.iter_mut().enumerate() {
                replace(element, &format!("{path}[{i}]"), lookup, problems);
            }
        }
        Value::Map(map) => {
            for (key, value) in map {
                replace(
                    value,
                    &super::cursor::join(path, &key.name),
                    lookup,
                    problems,
                );
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

struct Wrong {
    message: String,
    help: String,
}

fn expand(text: &str, lookup: &Lookup<'_>) -> Result<String, Wrong> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let end = inner.find('}').ok_or_else(|| Wrong {
            message: format!("`{text}` has `${{` without a closing brace"),
            help: "write `$${` for a literal `${`".to_owned(),
        })?;
        out.push_str(&variable(&inner[..end], lookup)?);
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn variable(inner: &str, lookup: &Lookup<'_>) -> Result<String, Wrong> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let first = name.bytes().next();
    let valid = first.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !valid {
        return Err(Wrong {
            message: format!("`${{{inner}}}` names no variable"),
            help: "write `${NAME}` or `${NAME:-default}`, and `$${` for a literal `${`".to_owned(),
        });
    }
    // As in a shell, `:-` also stands in for an empty value.
    match (lookup(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Wrong {
            message: format!("the variable `{name}` is not set"),
            help: format!("set it, or give a default: `${{{name}:-...}}`"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("kafka".to_owned()),
            "EMPTY" => Some(String::new()),
            "TRICK" => Some("${HOST}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn variables_defaults_and_escapes() {
        for (text, want) in [
            ("${HOST}:9092", "kafka:9092"),
            ("${HOST},${HOST}", "kafka,kafka"),
            ("${NONE:-localhost:9092}", "localhost:9092"),
            ("${NONE:-}", ""),
            ("[${EMPTY}]", "[]"),
            ("${EMPTY:-x}", "x"),
            ("$${HOST}", "${HOST}"),
            ("a$b $ {c}", "a$b $ {c}"),
            ("${TRICK}", "${HOST}"),
        ] {
            assert_eq!(expand(text, &lookup).ok().as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, want) in [
            ("${NONE}", "the variable `NONE` is not set"),
            ("${HOST", "`${HOST` has `${` without a closing brace"),
            ("${}", "`${}` names no variable"),
            ("${A B}", "`${A B}` names no variable"),
        ] {
            assert_eq!(
                expand(text, &lookup).err().map(|w| w.message).as_deref(),
                Some(want)
            );
        }
    }
}
