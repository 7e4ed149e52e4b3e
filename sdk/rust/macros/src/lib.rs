//! Attribute macros of sluicebox-udf. Each leaves the author's function or impl as it is, so that it can be called
//! and tested directly, and adds what makes a module of it: an implementation of the kind's trait and, in Wasm only,
//! the component's exports.

mod accumulator;
mod aggregate;
mod function;
mod signature;
#[cfg(test)]
mod tests;
mod versions;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemFn, ItemImpl, parse_macro_input};

/// Make a filter of a function: `fn(record) -> bool`, or `Result<bool, E>`; a second argument `&Config` takes the
/// operator's config.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Click { page: String }
/// #[derive(serde::Deserialize)]
/// struct Config { prefix: String }
///
/// #[sluicebox_udf::filter]
/// fn of_shop(click: Click, config: &Config) -> bool {
///     click.page.starts_with(&config.prefix)
/// }
/// ```
#[proc_macro_attribute]
pub fn filter(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand(
        &attribute,
        function::filter(parse_macro_input!(item as ItemFn)),
    )
}

/// Make a map of a function: it returns one output, an `Option`, a `Vec` or an `impl Iterator` of outputs, or a
/// `Result` of one of these; an output is a value, or an `Output` to change key and headers. The shape is read off the
/// return type as it is written, so write `Option<T>`, not an alias of it.
///
/// ```
/// use sluicebox_udf::Output;
/// #[derive(serde::Deserialize)]
/// struct Click<'a> { user: &'a str, pages: Vec<&'a str> }
/// #[derive(serde::Serialize)]
/// struct Visit<'a> { page: &'a str }
///
/// #[sluicebox_udf::map]
/// fn visits<'a>(click: Click<'a>) -> impl Iterator<Item = Output<'a, Visit<'a>>> {
///     let user = click.user.as_bytes();
///     click.pages.into_iter().map(move |page| Output::new(Visit { page }).key(user))
/// }
/// ```
#[proc_macro_attribute]
pub fn map(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand(
        &attribute,
        function::map(parse_macro_input!(item as ItemFn)),
    )
}

/// Make a window aggregate of an accumulator's `impl`: `accumulate(&mut self, record)`, `merge(&mut self, later: Self)`
/// and `finish(self, window)`, which returns what a map may return. New accumulators are `create()`, if there is such
/// a function, else `Default`. Each may take `&Config` last.
///
/// The bytes of accumulators outlive a version of the module. One with other fields says so by another `format` (without one it is
/// 0), and reads those of earlier formats, which it names, in `migrate(format, bytes)`: `None` for what it can't read.
///
/// ```
/// use sluicebox_udf::{Accumulator, Window};
/// #[derive(Accumulator)]
/// struct Rows(u32);
/// #[derive(Default, Accumulator)]
/// struct Count { rows: u64, largest: i64 }
///
/// #[sluicebox_udf::window_aggregate(format = 1, migrates = [0])]
/// impl Count {
///     fn migrate(_format: u8, bytes: &[u8]) -> Option<Self> {
///         let Rows(rows) = Rows::from_bytes(bytes)?;
///         Some(Self { rows: rows.into(), largest: 0 })
///     }
///     fn accumulate(&mut self, value: i64) {
///         self.rows += 1;
///         self.largest = self.largest.max(value);
///     }
///     # fn merge(&mut self, later: Count) { self.rows += later.rows; }
///     # fn finish(self, _: Window<'_>) -> u64 { self.rows }
/// }
/// ```
///
/// ```
/// use sluicebox_udf::{Accumulator, Window};
/// #[derive(Default, Accumulator)]
/// struct Count { rows: u64 }
///
/// #[sluicebox_udf::window_aggregate]
/// impl Count {
///     fn accumulate(&mut self, _: serde::de::IgnoredAny) {
///         self.rows += 1;
///     }
///     fn merge(&mut self, later: Count) {
///         self.rows += later.rows;
///     }
///     fn finish(self, _: Window<'_>) -> u64 {
///         self.rows
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn window_aggregate(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let versions = parse_macro_input!(attribute as versions::Versions);
    expand(
        &TokenStream::new(),
        aggregate::window_aggregate(&versions, parse_macro_input!(item as ItemImpl)),
    )
}

/// Derive `Accumulator`: fields in order, fixed width, little endian; an enum's variant number as one byte before them.
#[proc_macro_derive(Accumulator)]
pub fn accumulator(item: TokenStream) -> TokenStream {
    expand(
        &TokenStream::new(),
        accumulator::derive(parse_macro_input!(item as DeriveInput)),
    )
}

fn expand(attribute: &TokenStream, expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    let expanded = if attribute.is_empty() {
        expanded
    } else {
        let place = proc_macro2::Span::call_site();
        Err(syn::Error::new(
            place,
            "this attribute takes no arguments: write the config as the function's last argument",
        ))
    };
    expanded
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
