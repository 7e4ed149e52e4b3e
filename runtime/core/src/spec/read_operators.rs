//! Reads the steps of a job. Each reads from the one before it unless it says `from:`; what it reads from stands
//! above it, so that the file reads as the data flows and no cycle can be written.

use super::check::writable_topic;
use super::cursor::Cursor;
use super::fields::Fields;
use super::limits::{CONFIG_BYTES_MAX, NAME_BYTES_MAX, OPERATORS_MAX};
use super::model::{
    LateSpec, ModuleRef, OnError, Operator, OperatorKind, Source, Upstream, Window,
};
use super::names::name_problem;
use super::plan::operator_number;
use std::path::PathBuf;

const KINDS: [&str; 3] = ["filter", "map", "window-aggregate"];
const KEYS: [&str; 6] = [
    "id",
    "from",
    "on_error",
    "filter",
    "map",
    "window-aggregate",
];

/// The `operators:` of a job; none at all is a job that copies.
pub(super) fn operators(fields: &Fields<'_>, source: Option<&Source>) -> Option<Vec<Operator>> {
    let Some(cursor) = fields.get("operators").filter(|c| !c.is_null()) else {
        return Some(Vec::new());
    };
    let list = cursor.list()?;
    if list.len() > OPERATORS_MAX {
        return cursor.wrong(format!("a job has at most {OPERATORS_MAX} operators"));
    }
    let list: Vec<_> = list.iter().map(|c| c.fields(&KEYS)).collect();
    // Ids first: an operator that is wrong in itself may still be named by those after it.
    let ids: Vec<_> = list.iter().map(|fields| id(fields.as_ref()?)).collect();
    let source_id = source.map(|s| s.id.as_str());
    let mut read = Vec::new();
    for (i, fields) in list.iter().enumerate() {
        let unique = ids[i].as_ref().zip(fields.as_ref());
        let unique = unique.and_then(|(id, f)| unique_id(&f.cursor, id, &ids[..i], source_id));
        let (above, below) = ids.split_at(i);
        let scope = Scope {
            above,
            below,
            source,
        };
        let operator = fields
            .as_ref()
            .and_then(|f| operator(f, ids[i].clone(), &scope));
        read.push(operator.filter(|_| unique.is_some()));
    }
    read.into_iter().collect()
}

/// What stands around an operator: the ids above it, its own and those below, and the source.
struct Scope<'a> {
    above: &'a [Option<String>],
    below: &'a [Option<String>],
    source: Option<&'a Source>,
}

fn id(fields: &Fields<'_>) -> Option<String> {
    fields
        .require(
            "id",
            "an operator's id is the key of its state, such as `id: valid`",
        )?
        .name()
}

fn unique_id(
    cursor: &Cursor<'_>,
    id: &str,
    before: &[Option<String>],
    source: Option<&str>,
) -> Option<()> {
    if source == Some(id) {
        return cursor.wrong(format!("`{id}` is the id of the source already"));
    }
    for other in before.iter().flatten() {
        if other == id {
            return cursor.wrong(format!("another operator has the id `{id}` already"));
        }
        if operator_number(other) == operator_number(id) {
            return cursor.wrong_help(
                format!("the ids `{id}` and `{other}` have the same number in the state's keys"),
                "by rare chance: change one of them",
            );
        }
    }
    Some(())
}

fn operator(fields: &Fields<'_>, id: Option<String>, scope: &Scope<'_>) -> Option<Operator> {
    let source_id = scope.source.map(|s| s.id.as_str());
    let from = match fields.get("from") {
        None => Some(previous(scope.above.len())),
        Some(c) => upstream(&c, scope.above, scope.below, source_id),
    };
    let on_error = fields.or("on_error", OnError::Fail, |c| {
        c.choice(&[
            ("fail", OnError::Fail),
            ("skip", OnError::Skip),
            ("dead_letter", OnError::DeadLetter),
        ])
    });
    let work = fields
        .exactly_one(&KINDS)
        .and_then(|(kind, c)| work(kind, &c, scope.source));
    let (kind, module, config) = work?;
    Some(Operator {
        id: id?,
        kind,
        module,
        config,
        on_error: on_error?,
        from: from?,
    })
}

/// What a step after `count` operators reads unless it says otherwise.
pub(super) fn previous(count: usize) -> Upstream {
    match count.checked_sub(1) {
        None => Upstream::Source,
        Some(last) => Upstream::Operator(last),
    }
}

/// The step that a `from:` names, out of those `above`.
pub(super) fn upstream(
    cursor: &Cursor<'_>,
    above: &[Option<String>],
    below: &[Option<String>],
    source: Option<&str>,
) -> Option<Upstream> {
    let name = cursor.text()?;
    if source == Some(name) {
        return Some(Upstream::Source);
    }
    let is = |id: &Option<String>| id.as_deref() == Some(name);
    if let Some(index) = above.iter().position(is) {
        return Some(Upstream::Operator(index));
    }
    if below.iter().any(is) {
        return cursor.wrong_help(
            format!("`{name}` does not stand above this"),
            "put operators in the order in which the data flows",
        );
    }
    let known = above.iter().flatten().map(String::as_str).chain(source);
    let message = format!("there is no operator or source {}", cursor.written());
    match super::problem::nearest(name, known) {
        Some(near) => cursor.wrong_help(message, format!("did you mean `{near}`?")),
        None => cursor.wrong(message),
    }
}

type Work = (OperatorKind, ModuleRef, serde_json::Value);

fn work(kind: &str, cursor: &Cursor<'_>, source: Option<&Source>) -> Option<Work> {
    let windowed = kind == "window-aggregate";
    let fields = match windowed {
        true => cursor.fields(&["module", "config", "window", "late"])?,
        false => cursor.fields(&["module", "config"])?,
    };
    let module = fields
        .require(
            "module",
            "name the module: a path (`./orders-valid.wasm`) or `tenant/name@version`",
        )
        .and_then(|c| module(&c));
    let config = fields.or("config", serde_json::Value::Null, |c| config(&c));
    let kind = match kind {
        "filter" => Some(OperatorKind::Filter),
        "map" => Some(OperatorKind::Map),
        _ => window_aggregate(&fields, source),
    };
    Some((kind?, module?, config?))
}

fn config(cursor: &Cursor<'_>) -> Option<serde_json::Value> {
    let config = cursor.json();
    match config.to_string().len() > CONFIG_BYTES_MAX {
        true => cursor.wrong(format!("is larger than {} KiB", CONFIG_BYTES_MAX >> 10)),
        false => Some(config),
    }
}

fn module(cursor: &Cursor<'_>) -> Option<ModuleRef> {
    let text = cursor.text()?;
    let is_path = text.ends_with(".wasm") || ["./", "../", "/"].iter().any(|p| text.starts_with(p));
    if is_path {
        return Some(ModuleRef::Path(PathBuf::from(text)));
    }
    match registry(text) {
        Some(module) => Some(module),
        None => cursor.wrong_help(
            "this is neither a path nor an uploaded module",
            format!(
                "write a path that begins with `./`, `../` or `/` or ends in `.wasm`, or `name@version` (of another tenant: `tenant/name@version`) with names \
                 of up to {NAME_BYTES_MAX} of `a`-`z`, `0`-`9`, `-` and a version from 1"
            ),
        ),
    }
}

fn registry(text: &str) -> Option<ModuleRef> {
    let (tenant, rest) = match text.split_once('/') {
        Some((tenant, rest)) => (Some(tenant), rest),
        None => (None, text),
    };
    let (name, version) = rest.split_once('@')?;
    let valid = tenant.is_none_or(|t| name_problem(t).is_none()) && name_problem(name).is_none();
    let version = version.parse().ok().filter(|v| *v >= 1 && valid)?;
    Some(ModuleRef::Registry {
        tenant: tenant.map(str::to_owned),
        name: name.to_owned(),
        version,
    })
}

fn window_aggregate(fields: &Fields<'_>, source: Option<&Source>) -> Option<OperatorKind> {
    let window = fields
        .require(
            "window",
            "say which windows, such as `window: { tumbling: 1m }`",
        )
        .and_then(|c| window(&c));
    let late = fields.or("late", LateSpec::default(), |c| late(&c, source));
    Some(OperatorKind::WindowAggregate {
        window: window?,
        late: late?,
    })
}

/// `tumbling: 1m`, or `tumbling: { size: 1d, offset: 6h }`.
fn window(cursor: &Cursor<'_>) -> Option<Window> {
    let fields = cursor.fields(&["tumbling"])?;
    let tumbling = fields.require("tumbling", "tumbling windows are the only kind yet")?;
    let (size, offset) = match tumbling.is_mapping() {
        false => (tumbling, None),
        true => {
            let inner = tumbling.fields(&["size", "offset"])?;
            let size = inner.require("size", "say how long a window is, such as `1m`")?;
            (size, inner.get("offset"))
        }
    };
    let size_ms = size.duration_ms()?;
    if size_ms == 0 {
        return size.wrong("a window lasts at least `1ms`");
    }
    let offset_ms = match &offset {
        None => 0,
        Some(offset) => offset.duration_ms()?,
    };
    match offset {
        Some(offset) if offset_ms >= size_ms => offset.wrong("must be shorter than the window"),
        _ => Some(Window::Tumbling { size_ms, offset_ms }),
    }
}

fn late(cursor: &Cursor<'_>, source: Option<&Source>) -> Option<LateSpec> {
    let fields = cursor.fields(&["topic", "allowed_lateness"])?;
    let topic = fields.or("topic", None, |c| writable_topic(&c, source).map(Some));
    let allowed_lateness_ms = fields.or("allowed_lateness", 0, |c| c.duration_ms());
    Some(LateSpec {
        topic: topic?,
        allowed_lateness_ms: allowed_lateness_ms?,
    })
}
