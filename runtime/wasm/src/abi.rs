//! `wit/udf.wit` as Rust types for the engine: what is lowered borrows, so that no argument is copied twice; what is
//! lifted allocates one vector a list. Names and order of fields are the contract's.

use crate::store::State;
use sluicebox_core::batch::{Batch, Packed};
use std::marker::PhantomData;
use wasmtime::Store;
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, ComponentType, Func, Instance, Lift, Lower,
    TypedFunc, WasmList,
};

/// `records.batch`, as an argument.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct BatchArg<'a> {
    data: &'a [u8],
    index: &'a [u32],
    timestamps: &'a [i64],
}

impl<'a> From<&'a Batch> for BatchArg<'a> {
    fn from(batch: &'a Batch) -> Self {
        Self {
            data: batch.data(),
            index: batch.index(),
            timestamps: batch.timestamps(),
        }
    }
}

/// `records.packed`, as an argument.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct PackedArg<'a> {
    data: &'a [u8],
    index: &'a [u32],
}

impl<'a> From<&'a Packed> for PackedArg<'a> {
    fn from(packed: &'a Packed) -> Self {
        Self {
            data: packed.data(),
            index: packed.index(),
        }
    }
}

/// `records.batch`, returned. The timestamps are ignored by contract, so they are only measured, never copied.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct BatchAnswer {
    pub(crate) data: Vec<u8>,
    pub(crate) index: Vec<u32>,
    #[allow(dead_code)]
    timestamps: WasmList<i64>,
}

/// `records.packed`, returned.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct PackedAnswer {
    pub(crate) data: Vec<u8>,
    pub(crate) index: Vec<u32>,
}

/// `errors.row-error`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct RowErrorAnswer {
    pub(crate) row: u32,
    pub(crate) message: String,
}

/// `filter.kept`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct KeptAnswer {
    pub(crate) bitmap: Vec<u8>,
    pub(crate) errors: Vec<RowErrorAnswer>,
}

/// `mapper.emitted`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct EmittedAnswer {
    pub(crate) output: BatchAnswer,
    pub(crate) parents: Vec<u32>,
    pub(crate) errors: Vec<RowErrorAnswer>,
}

/// `window-aggregate.accumulated`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct AccumulatedAnswer {
    pub(crate) accumulators: PackedAnswer,
    pub(crate) errors: Vec<RowErrorAnswer>,
}

/// Arguments and answer of one function of the contract.
pub(crate) trait Signature {
    type Args<'a>: ComponentNamedList + Lower;
    type Answer: ComponentNamedList + Lift + 'static;
}

macro_rules! signature {
    ($name:ident: $args:ty => $answer:ty, $doc:literal) => {
        #[doc = $doc]
        pub(crate) struct $name;
        impl Signature for $name {
            type Args<'a> = $args;
            type Answer = ($answer,);
        }
    };
}

signature!(Init: (&'a str,) => Result<(), String>, "`lifecycle.init`");
signature!(Keep: (BatchArg<'a>,) => KeptAnswer, "`filter.keep`");
signature!(Apply: (BatchArg<'a>,) => EmittedAnswer, "`mapper.apply`");
signature!(Accumulate: (PackedArg<'a>, &'a [u32], BatchArg<'a>) => AccumulatedAnswer, "`window-aggregate.accumulate`");
signature!(Merge: (PackedArg<'a>, PackedArg<'a>) => AccumulatedAnswer, "`window-aggregate.merge`");
signature!(Format: () => u8, "`accumulator-format.format`");
signature!(Migrates: (u8,) => bool, "`accumulator-format.migrates`");
signature!(Migrate: (u8, PackedArg<'a>) => Result<PackedAnswer, String>, "`accumulator-format.migrate`");
signature!(Finish: (PackedArg<'a>, &'a [i64], PackedArg<'a>) => EmittedAnswer, "`window-aggregate.finish`");

/// A function of an instance whose type has been checked once, so that calls with arguments of any lifetime need not
/// check it again.
pub(crate) struct Function<S> {
    func: Func,
    signature: PhantomData<S>,
}

impl<S: Signature> Function<S> {
    /// The function at this place in the module, if it has this type.
    pub(crate) fn find(
        store: &mut Store<State>,
        instance: &Instance,
        at: &ComponentExportIndex,
    ) -> wasmtime::Result<Self> {
        let func = instance
            .get_func(&mut *store, at)
            .ok_or_else(|| wasmtime::Error::msg("not a function"))?;
        func.typed::<S::Args<'static>, S::Answer>(&*store)?;
        Ok(Self {
            func,
            signature: PhantomData,
        })
    }

    /// Call it. Everything the guest gave is copied out and the guest cleaned up when this returns.
    #[allow(unsafe_code)]
    pub(crate) fn call(
        &self,
        store: &mut Store<State>,
        args: S::Args<'_>,
    ) -> wasmtime::Result<S::Answer> {
        // SAFETY: `find` is the only constructor and had this type checked; lifetimes are no part of it. (A typed
        // function kept for 'static arguments would not take shorter ones.)
        let typed = unsafe { TypedFunc::<S::Args<'_>, S::Answer>::new_unchecked(self.func) };
        typed.call(store, args)
    }
}
