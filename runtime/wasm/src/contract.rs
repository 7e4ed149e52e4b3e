//! What a module must export and may import, as text: each function's type is printed with every name in it and
//! compared with the contract's, so that a refusal shows both.

mod print;

use crate::error::ModuleError;
use crate::inspect::Exports;
use crate::text::clean;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentEntityType, ComponentInstanceTypeId,
};
use wasmparser::types::Types;

const PACKAGE: &str = "sluicebox:udf/";
/// Versions 0.1.x are one contract.
const VERSION: &str = "0.1.";

macro_rules! batch {
    () => {
        "record{data: list<u8>, index: list<u32>, timestamps: list<s64>}"
    };
}
macro_rules! packed {
    () => {
        "record{data: list<u8>, index: list<u32>}"
    };
}
macro_rules! errors {
    () => {
        "list<record{row: u32, message: string}>"
    };
}
macro_rules! emitted {
    () => {
        concat!(
            "record{output: ",
            batch!(),
            ", parents: list<u32>, errors: ",
            errors!(),
            "}"
        )
    };
}
macro_rules! accumulated {
    () => {
        concat!(
            "record{accumulators: ",
            packed!(),
            ", errors: ",
            errors!(),
            "}"
        )
    };
}

type Functions = &'static [(&'static str, &'static str)];

const LIFECYCLE: Functions = &[("init", "func(config: string) -> result<_, string>")];
const FILTER: Functions = &[(
    "keep",
    concat!(
        "func(input: ",
        batch!(),
        ") -> record{bitmap: list<u8>, errors: ",
        errors!(),
        "}"
    ),
)];
const MAPPER: Functions = &[(
    "apply",
    concat!("func(input: ", batch!(), ") -> ", emitted!()),
)];
const WINDOW_AGGREGATE: Functions = &[
    (
        "accumulate",
        concat!(
            "func(accumulators: ",
            packed!(),
            ", groups: list<u32>, input: ",
            batch!(),
            ") -> ",
            accumulated!()
        ),
    ),
    (
        "merge",
        concat!(
            "func(left: ",
            packed!(),
            ", right: ",
            packed!(),
            ") -> ",
            accumulated!()
        ),
    ),
    (
        "finish",
        concat!(
            "func(keys: ",
            packed!(),
            ", windows: list<s64>, accumulators: ",
            packed!(),
            ") -> ",
            emitted!()
        ),
    ),
];
const ACCUMULATOR_FORMAT: Functions = &[
    ("format", "func() -> u8"),
    ("migrates", "func(format: u8) -> bool"),
    (
        "migrate",
        concat!(
            "func(format: u8, accumulators: ",
            packed!(),
            ") -> result<",
            packed!(),
            ", string>"
        ),
    ),
];
const LOG: Functions = &[(
    "log",
    "func(level: enum{debug, info, warn, error}, message: string)",
)];

/// Full names, as exported, of the interfaces of ours that a module has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interfaces {
    pub(crate) lifecycle: String,
    pub(crate) filter: Option<String>,
    pub(crate) mapper: Option<String>,
    pub(crate) window_aggregate: Option<String>,
    pub(crate) accumulator_format: Option<String>,
}

impl Interfaces {
    pub(crate) fn exports(&self) -> Exports {
        Exports {
            filter: self.filter.is_some(),
            map: self.mapper.is_some(),
            window_aggregate: self.window_aggregate.is_some(),
        }
    }
}

/// Check the exports; other interfaces than ours are nobody's business and never called.
pub(crate) fn check_exports(types: &Types, names: &[String]) -> Result<Interfaces, ModuleError> {
    let find = |interface: &str, functions: Functions| -> Result<Option<String>, ModuleError> {
        let Some(name) = ours(names, interface)? else {
            return Ok(None);
        };
        let Some(ComponentEntityType::Instance(instance)) =
            types.component_item_for_export(name).map(|item| item.ty)
        else {
            return Err(ModuleError::Export(format!(
                "exports `{name}`, but not as an interface"
            )));
        };
        for (function, want) in functions {
            check_function(types, instance, name, function, want)?;
        }
        Ok(Some(name.clone()))
    };
    let (filter, mapper) = (find("filter", FILTER)?, find("mapper", MAPPER)?);
    let window_aggregate = find("window-aggregate", WINDOW_AGGREGATE)?;
    if filter.is_none() && mapper.is_none() && window_aggregate.is_none() {
        return Err(ModuleError::Export(
            "exports none of `filter`, `mapper` and `window-aggregate` of sluicebox:udf, so there is nothing to \
             call"
                .into(),
        ));
    }
    let lifecycle = find("lifecycle", LIFECYCLE)?.ok_or_else(|| {
        ModuleError::Export(
            "does not export `sluicebox:udf/lifecycle`, which every module must".into(),
        )
    })?;
    Ok(Interfaces {
        lifecycle,
        filter,
        mapper,
        window_aggregate,
        accumulator_format: find("accumulator-format", ACCUMULATOR_FORMAT)?,
    })
}

/// The export that is this interface of ours, in a version we know.
fn ours<'a>(names: &'a [String], interface: &str) -> Result<Option<&'a String>, ModuleError> {
    for name in names {
        let Some((path, version)) = name.split_once('@') else {
            continue;
        };
        if path.strip_prefix(PACKAGE) != Some(interface) {
            continue;
        }
        if !version.starts_with(VERSION) {
            return Err(ModuleError::Export(format!(
                "exports `{name}`, but this host knows the versions {VERSION}x of the contract"
            )));
        }
        return Ok(Some(name));
    }
    Ok(None)
}

fn check_function(
    types: &Types,
    instance: ComponentInstanceTypeId,
    interface: &str,
    function: &str,
    want: &str,
) -> Result<(), ModuleError> {
    let got = match types[instance].exports.get(function).map(|item| item.ty) {
        Some(ComponentEntityType::Func(func)) => print::function(types, func),
        Some(_) => "not a function".into(),
        None => {
            return Err(ModuleError::Export(format!(
                "exports `{interface}` without its function `{function}`"
            )));
        }
    };
    if got == want {
        return Ok(());
    }
    Err(ModuleError::Export(format!(
        "exports `{interface}` with another type of `{function}`: it is {got}, and must be {want}"
    )))
}

/// Check the imports: our log, and interfaces that consist of types alone (languages import the interfaces whose types
/// they use; there is nothing in them to call).
pub(crate) fn check_imports(types: &Types, names: &[String]) -> Result<(), ModuleError> {
    for name in names {
        let refuse = |reason: &str| {
            Err(ModuleError::Import {
                name: clean(name, 256),
                reason: reason.into(),
            })
        };
        let instance = match types.component_item_for_import(name).map(|item| item.ty) {
            Some(ComponentEntityType::Instance(instance)) => instance,
            _ => return refuse("it is not an interface"),
        };
        let is_log = name
            .strip_prefix(PACKAGE)
            .and_then(|rest| rest.strip_prefix("log@"))
            .is_some_and(|version| version.starts_with(VERSION));
        for (item, found) in &types[instance].exports {
            match found.ty {
                ComponentEntityType::Func(func) if is_log => {
                    let want = LOG.iter().find(|(name, _)| name == item);
                    if want.is_none_or(|(_, want)| print::function(types, func) != *want) {
                        return refuse(
                            "`log` has another function, or another type, than the contract's",
                        );
                    }
                }
                ComponentEntityType::Type { referenced, .. } if !is_resource(referenced) => {}
                ComponentEntityType::Func(_) => return refuse("it has functions"),
                _ => return refuse("it has more than plain types in it"),
            }
        }
    }
    Ok(())
}

fn is_resource(id: ComponentAnyTypeId) -> bool {
    !matches!(id, ComponentAnyTypeId::Defined(_))
}
