//! A case with what came out in place of what was expected.

use super::case::{Case, Step, What};
use super::expect::line_of;
use super::round::Output;
use super::{Report, Topics};
use crate::error::{Error, Result};

/// The text of a case with its expectations replaced by the outputs of a report on it. Everything else stays.
pub fn updated(text: &str, report: &Report) -> Result<String> {
    let case = Case::parse(text).map_err(|error| Error::input(error.to_string()))?;
    let mut out = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        match case.groups.iter().position(|lines| lines.contains(&number)) {
            None => push(&mut out, line),
            Some(group) if case.groups[group].first() == Some(&number) => {
                let outputs = report.looks.get(group).map_or(&[][..], Vec::as_slice);
                expectations(&mut out, outputs, &report.topics);
            }
            Some(_) => {}
        }
    }
    let rest = report.looks.get(case.groups.len());
    let rest = rest.map_or(&[][..], Vec::as_slice);
    let is_end = |step: &Step| matches!(step.what, What::End);
    let (before, after) = match case.steps.iter().any(is_end) {
        true => (rest, &[][..]),
        false => rest.split_at(report.before_end.min(rest.len())),
    };
    if !before.is_empty() {
        expectations(&mut out, before, &report.topics);
    }
    if !after.is_empty() {
        push(&mut out, "{\"end\": true}");
        expectations(&mut out, after, &report.topics);
    }
    Ok(out)
}

fn expectations(out: &mut String, outputs: &[Output], topics: &Topics) {
    if outputs.is_empty() {
        push(out, "{\"expect\": []}");
    }
    for output in outputs {
        let record = line_of(output, topics.shown(output.topic));
        push(out, &format!("{{\"expect\": {record}}}"));
    }
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}
