//! `filter` and `map`: a function becomes a type of the same name (types and functions don't share names) that
//! implements the kind's trait.

use crate::signature::{config, shaped};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, ItemFn, Result, Type, Visibility};

pub fn filter(function: ItemFn) -> Result<TokenStream> {
    let name = &function.sig.ident;
    let config = config(
        &function.sig,
        1,
        "`fn name(record) -> bool` or `fn name(record, config: &Config) -> bool`",
    )?;
    let arguments = arguments(config.is_some());
    let module = module(name, &function.vis, config, "filter");
    Ok(quote! {
        #function
        #module
        impl ::sluicebox_udf::Filter for #name {
            fn keep(
                config: &Self::Config,
                input: &::sluicebox_udf::packed::Batch,
            ) -> ::sluicebox_udf::packed::Kept {
                ::sluicebox_udf::run::filter(input, |record| #name #arguments)
            }
        }
    })
}

pub fn map(function: ItemFn) -> Result<TokenStream> {
    let name = &function.sig.ident;
    let config = config(
        &function.sig,
        1,
        "`fn name(record) -> Output` or `fn name(record, config: &Config) -> Output`",
    )?;
    let arguments = arguments(config.is_some());
    let shaped = shaped(&function.sig.output, &quote!(#name #arguments))?;
    let module = module(name, &function.vis, config, "map");
    Ok(quote! {
        #function
        #module
        impl ::sluicebox_udf::Map for #name {
            fn apply(
                config: &Self::Config,
                input: &::sluicebox_udf::packed::Batch,
            ) -> ::sluicebox_udf::packed::Emitted {
                ::sluicebox_udf::run::map(input, |record| #shaped)
            }
        }
    })
}

fn arguments(has_config: bool) -> TokenStream {
    if has_config {
        quote!((record, config))
    } else {
        quote!((record))
    }
}

fn module(name: &Ident, visibility: &Visibility, config: Option<Type>, kind: &str) -> TokenStream {
    let doc = format!("The {kind} `{name}` as a type, for `sluicebox_udf::testing`.");
    let udf = udf(name, config, &[kind]);
    quote! {
        #[doc = #doc]
        #[allow(non_camel_case_types)]
        #visibility struct #name {}
        #udf
    }
}

/// What all kinds have: the config's type and place, and the exports.
pub fn udf(name: &Ident, config: Option<Type>, exports: &[&str]) -> TokenStream {
    let config = config.map_or_else(
        || quote!(::sluicebox_udf::run::NoConfig),
        |config| quote!(#config),
    );
    let exports: Vec<Ident> = exports.iter().map(|e| format_ident!("{e}")).collect();
    quote! {
        impl ::sluicebox_udf::Udf for #name {
            type Config = #config;

            fn slot() -> &'static ::std::sync::OnceLock<Self::Config> {
                static SLOT: ::std::sync::OnceLock<#config> = ::std::sync::OnceLock::new();
                &SLOT
            }
        }
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use ::sluicebox_udf::guest::{#(#exports,)* lifecycle};
            type Exported = ::sluicebox_udf::guest::Export<#name>;
            lifecycle::bindings::export!(Exported with_types_in lifecycle::bindings);
            #(#exports::bindings::export!(Exported with_types_in #exports::bindings);)*
        };
    }
}
