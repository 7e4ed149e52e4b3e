//! The component's side: bindings and exports. Only in the generated bindings is code that needs `unsafe`.
//!
//! Each interface has a world of its own, because the bindings' export macros are one per interface and crate, and
//! `lifecycle` belongs to all worlds of `wit/`; a module exports two or three of these, which together are one of those.
//! The bindings know each interface's types by another name, so each kind converts its own; buffers move, they are
//! not copied.

pub mod accumulator_format;
pub mod filter;
pub mod lifecycle;
pub mod map;
pub mod window_aggregate;

use crate::udf::Udf;
use std::marker::PhantomData;

/// What a module exports: the UDF `T`.
pub struct Export<T>(PhantomData<T>);

fn config<T: Udf>() -> &'static T::Config {
    match T::slot().get() {
        Some(config) => config,
        None => panic!("called before init"),
    }
}
