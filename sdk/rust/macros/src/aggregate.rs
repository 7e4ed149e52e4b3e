//! `window_aggregate`: the accumulator's own type implements the kind's trait.

use crate::function::udf;
use crate::signature::{config, shaped};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, FnArg, Ident, ImplItem, ItemImpl, Result, Signature, Type};

pub fn window_aggregate(block: ItemImpl) -> Result<TokenStream> {
    let state = name(&block)?;
    let accumulate = Method::required(&block, "accumulate", 2, "(&mut self, record)")?;
    let merge = Method::required(&block, "merge", 2, "(&mut self, later: Self)")?;
    let finish = Method::required(&block, "finish", 2, "(self, window: Window<'_>)")?;
    let create = Method::find(&block, "create", 0, "()")?;

    let config = [
        Some(&accumulate),
        Some(&merge),
        Some(&finish),
        create.as_ref(),
    ]
    .into_iter()
    .flatten()
    .find_map(|method| method.config.clone());
    let udf = udf(state, config, "window_aggregate");
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
