//! A function's type as text, with every name in it.

use wasmparser::component_types::{ComponentDefinedType, ComponentFuncTypeId, ComponentValType};
use wasmparser::types::Types;

/// Longest type that is printed, in bytes: types are graphs, and a small one can print endlessly.
const PRINT_BYTES_MAX: usize = 2048;

/// The type of a component function.
pub(super) fn function(types: &Types, func: ComponentFuncTypeId) -> String {
    let func = &types[func];
    let mut print = Print {
        types,
        out: String::new(),
    };
    print.text(if func.async_ { "async func(" } else { "func(" });
    for (i, (name, ty)) in func.params.iter().enumerate() {
        print.text(if i == 0 { "" } else { ", " });
        print.text(name.as_str());
        print.text(": ");
        print.value(*ty);
    }
    print.text(")");
    if let Some(result) = func.result {
        print.text(" -> ");
        print.value(result);
    }
    print.out
}

struct Print<'a> {
    types: &'a Types,
    out: String,
}

impl Print<'_> {
    fn full(&self) -> bool {
        self.out.len() > PRINT_BYTES_MAX
    }

    fn text(&mut self, text: &str) {
        if self.full() {
            return;
        }
        self.out.push_str(text);
        if self.full() {
            self.out.push('…');
        }
    }

    fn value(&mut self, ty: ComponentValType) {
        if self.full() {
            return;
        }
        match ty {
            ComponentValType::Primitive(primitive) => self.text(&primitive.to_string()),
            ComponentValType::Type(id) => {
                let types = self.types;
                self.defined(&types[id]);
            }
        }
    }

    fn optional(&mut self, ty: Option<ComponentValType>) {
        match ty {
            Some(ty) => self.value(ty),
            None => self.text("_"),
        }
    }

    /// The types the contract is made of in full; of the others the name, which is enough to see a difference.
    fn defined(&mut self, ty: &ComponentDefinedType) {
        match ty {
            ComponentDefinedType::Primitive(primitive) => self.text(&primitive.to_string()),
            ComponentDefinedType::Record(record) => {
                self.text("record{");
                for (i, (name, ty)) in record.fields.iter().enumerate() {
                    self.text(if i == 0 { "" } else { ", " });
                    self.text(name.as_str());
                    self.text(": ");
                    self.value(*ty);
                }
                self.text("}");
            }
            ComponentDefinedType::List { element, .. } => {
                self.text("list<");
                self.value(*element);
                self.text(">");
            }
            ComponentDefinedType::Enum(names) => {
                let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
                self.text(&format!("enum{{{}}}", names.join(", ")));
            }
            ComponentDefinedType::Result { ok, err, .. } => {
                self.text("result<");
                self.optional(*ok);
                self.text(", ");
                self.optional(*err);
                self.text(">");
            }
            ComponentDefinedType::Tuple(_) => self.text("tuple"),
            ComponentDefinedType::Variant(_) => self.text("variant"),
            ComponentDefinedType::Option { .. } => self.text("option"),
            ComponentDefinedType::Flags(_) => self.text("flags"),
            ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => self.text("resource"),
            _ => self.text("a type that the contract does not use"),
        }
    }
}
