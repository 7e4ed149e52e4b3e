//! What the attributes read off a signature: the config's type and the shape of what is returned.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Error, FnArg, GenericArgument, PathArguments, Result, ReturnType, Signature, Type};

/// The type behind the `&` of an optional last argument, which comes after `before` other ones.
pub fn config(signature: &Signature, before: usize, usage: &str) -> Result<Option<Type>> {
    if let Some(generic) = signature.generics.type_params().next() {
        return Err(Error::new(
            generic.span(),
            "a UDF's function can't be generic over types: the record's type must be known",
        ));
    }
    if let Some(is_async) = signature.asyncness {
        return Err(Error::new(
            is_async.span(),
            "a UDF's function can't be async: there is nothing to wait for",
        ));
    }
    let wrong = || {
        Error::new(
            signature
                .inputs
                .span()
                .join(signature.ident.span())
                .unwrap_or(signature.ident.span()),
            format!("expected {usage}"),
        )
    };
    match signature.inputs.iter().skip(before).collect::<Vec<_>>()[..] {
        [] if signature.inputs.len() == before => Ok(None),
        [FnArg::Typed(config)] => match &*config.ty {
            Type::Reference(reference) if reference.mutability.is_none() => {
                Ok(Some((*reference.elem).clone()))
            }
            other => Err(Error::new(
                other.span(),
                "the config comes by reference: `config: &Config`",
            )),
        },
        _ => Err(wrong()),
    }
}

/// An expression that wraps `call` in the shape of its return type.
pub fn shaped(output: &ReturnType, call: &TokenStream) -> Result<TokenStream> {
    let ReturnType::Type(_, returned) = output else {
        return Err(Error::new(
            output.span(),
            "nothing is returned: return one output, an `Option` or a `Vec` of outputs, or an iterator",
        ));
    };
    let run = quote!(::sluicebox_udf::run);
    Ok(match result_of(returned) {
        Some(inner) => {
            let wrapped = shape(inner, &quote!(returned));
            quote!((#call).map(|returned| #wrapped))
        }
        None => shape(returned, call),
    })
    .map(|tokens| quote!({ use #run::{Many, One}; #tokens }))
}

fn shape(returned: &Type, value: &TokenStream) -> TokenStream {
    let is_many = match returned {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == "Option" || last.ident == "Vec"),
        Type::ImplTrait(_) | Type::Array(_) => true,
        _ => false,
    };
    if is_many {
        quote!(Many(#value, ::core::marker::PhantomData))
    } else {
        quote!(One(#value))
    }
}

/// The `T` of a type written as `Result<T, ..>`.
fn result_of(returned: &Type) -> Option<&Type> {
    let Type::Path(path) = returned else {
        return None;
    };
    let last = path
        .path
        .segments
        .last()
        .filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}
