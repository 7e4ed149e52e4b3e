//! `window_aggregate`: the accumulator's own type implements the kind's trait.

use crate::function::udf;
use crate::signature::{config, shaped};
use crate::versions::Versions;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, FnArg, Ident, ImplItem, ItemImpl, Result, Signature, Type};

pub fn window_aggregate(versions: &Versions, block: ItemImpl) -> Result<TokenStream> {
    let state = name(&block)?;
    let accumulate = Method::required(&block, "accumulate", 2, "(&mut self, record)")?;
    let merge = Method::required(&block, "merge", 2, "(&mut self, later: Self)")?;
    let finish = Method::required(&block, "finish", 2, "(self, window: Window<'_>)")?;
    let create = Method::find(&block, "create", 0, "()")?;
    let migrate = migrate(versions, &block)?;

    let config = [
        Some(&accumulate),
        Some(&merge),
        Some(&finish),
        create.as_ref(),
        migrate.as_ref(),
    ]
    .into_iter()
    .flatten()
    .find_map(|method| method.config.clone());
    let exports: &[&str] = match versions.format {
        Some(_) => &["window_aggregate", "accumulator_format"],
        None => &["window_aggregate"],
    };
    let udf = udf(state, config, exports);
    let format = format(versions, state, migrate.as_ref());
    let new = match &create {
        Some(create) => {
            let config = create.config();
            quote!(|| #state::create(#config))
        }
        None => quote!(|| <#state as ::core::default::Default>::default()),
    };
    let (fold, join, end) = (accumulate.config(), merge.config(), finish.config());
    let state_argument = finish.receiver()?;
    let finished = shaped(
        &finish.signature.output,
        &quote!(#state::finish(#state_argument, window, #end)),
    )?;
    Ok(quote! {
        #block
        #udf
        #format
        impl ::sluicebox_udf::WindowAggregate for #state {
            fn accumulate(
                config: &Self::Config,
                accumulators: &::sluicebox_udf::packed::Packed,
                groups: &[u32],
                input: &::sluicebox_udf::packed::Batch,
            ) -> ::sluicebox_udf::packed::Accumulated {
                ::sluicebox_udf::run::accumulate(
                    accumulators, groups, input, #new,
                    |state: &mut #state, record| #state::accumulate(state, record, #fold),
                )
            }

            fn merge(
                config: &Self::Config,
                left: &::sluicebox_udf::packed::Packed,
                right: &::sluicebox_udf::packed::Packed,
            ) -> ::sluicebox_udf::packed::Accumulated {
                ::sluicebox_udf::run::merge(
                    left, right,
                    |state: &mut #state, later: #state| #state::merge(state, later, #join),
                )
            }

            fn finish(
                config: &Self::Config,
                keys: &::sluicebox_udf::packed::Packed,
                windows: &[i64],
                accumulators: &::sluicebox_udf::packed::Packed,
            ) -> ::sluicebox_udf::packed::Emitted {
                ::sluicebox_udf::run::finish(
                    keys, windows, accumulators, #new,
                    |state: #state, window| #finished,
                )
            }
        }
    })
}

/// The migration, if there are formats to migrate.
fn migrate<'b>(versions: &Versions, block: &'b ItemImpl) -> Result<Option<Method<'b>>> {
    let arguments = "(format: u8, bytes: &[u8]) -> Option<Self>";
    let method = Method::find(block, "migrate", 2, arguments)?;
    match (&method, versions.migrates.is_empty()) {
        (Some(method), true) => Err(Error::new_spanned(
            &method.signature.ident,
            "which formats does it migrate? Say it above: `#[window_aggregate(format = 1, migrates = [0])]`",
        )),
        (None, false) => Err(Error::new_spanned(
            &block.self_ty,
            format!("to migrate other formats it needs `fn migrate{arguments}`"),
        )),
        _ => Ok(method),
    }
}

fn format(versions: &Versions, state: &Ident, migrate: Option<&Method<'_>>) -> TokenStream {
    let Some(format) = versions.format else {
        return TokenStream::new();
    };
    let migrates = &versions.migrates;
    let migrated = match migrate {
        Some(migrate) => {
            let config = migrate.config();
            quote!(|bytes| #state::migrate(format, bytes, #config))
        }
        None => quote!(|_| ::core::option::Option::<#state>::None),
    };
    quote! {
        impl ::sluicebox_udf::AccumulatorFormat for #state {
            const FORMAT: u8 = #format;
            const MIGRATES: &'static [u8] = &[#(#migrates),*];

            fn migrate(
                config: &Self::Config,
                format: u8,
                accumulators: &::sluicebox_udf::packed::Packed,
            ) -> ::core::result::Result<::sluicebox_udf::packed::Packed, ::std::string::String> {
                ::sluicebox_udf::run::migrate(format, accumulators, #migrated)
            }
        }
    }
}

/// The accumulator's name: the bindings want a plain one.
fn name(block: &ItemImpl) -> Result<&Ident> {
    let usage = "write `#[window_aggregate] impl Accumulator { .. }` with the accumulator's plain name, not a trait";
    if let Some((_, path, _)) = &block.trait_ {
        return Err(Error::new_spanned(path, usage));
    }
    match &*block.self_ty {
        Type::Path(path) => path.path.get_ident(),
        _ => None,
    }
    .ok_or_else(|| Error::new_spanned(&block.self_ty, usage))
}

struct Method<'b> {
    signature: &'b Signature,
    config: Option<Type>,
}

impl<'b> Method<'b> {
    fn find(
        block: &'b ItemImpl,
        name: &str,
        before: usize,
        arguments: &str,
    ) -> Result<Option<Self>> {
        let signature = block.items.iter().find_map(|item| match item {
            ImplItem::Fn(method) if method.sig.ident == name => Some(&method.sig),
            _ => None,
        });
        let Some(signature) = signature else {
            return Ok(None);
        };
        let usage =
            format!("`fn {name}{arguments}`, and the config `&Config` last if it is needed");
        let config = config(signature, before, &usage)?;
        Ok(Some(Self { signature, config }))
    }

    fn required(block: &'b ItemImpl, name: &str, before: usize, arguments: &str) -> Result<Self> {
        let missing = || {
            Error::new_spanned(
                &block.self_ty,
                format!("a window aggregate needs `fn {name}{arguments}`"),
            )
        };
        Self::find(block, name, before, arguments)?.ok_or_else(missing)
    }

    /// `config` if the method takes it.
    fn config(&self) -> TokenStream {
        if self.config.is_some() {
            quote!(config)
        } else {
            TokenStream::new()
        }
    }

    /// How the method takes the accumulator: `self` or `&self`.
    fn receiver(&self) -> Result<TokenStream> {
        match self.signature.inputs.first() {
            Some(FnArg::Receiver(receiver)) if receiver.reference.is_none() => Ok(quote!(state)),
            Some(FnArg::Receiver(receiver)) if receiver.mutability.is_none() => Ok(quote!(&state)),
            _ => Err(Error::new_spanned(
                &self.signature.inputs,
                "expected `self` or `&self` first",
            )),
        }
    }
}
