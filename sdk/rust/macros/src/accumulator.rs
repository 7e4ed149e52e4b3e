//! `derive(Accumulator)`: fields one after the other.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Fields, Member, Result};

pub fn derive(input: DeriveInput) -> Result<TokenStream> {
    let (write, read) = match &input.data {
        Data::Struct(data) => {
            let (names, bound) = members(&data.fields);
            let write = bound
                .iter()
                .map(|field| quote!(::sluicebox_udf::Accumulator::write(#field, out);));
            (
                quote! { let Self { #(#names: #bound),* } = self; #(#write)* },
                construct(&quote!(Self), &names),
            )
        }
        Data::Enum(data) => {
            if data.variants.len() > 256 {
                return Err(Error::new_spanned(
                    &input.ident,
                    "more than 256 variants don't fit in the byte that names them",
                ));
            }
            let mut writes = Vec::new();
            let mut reads = Vec::new();
            for (number, variant) in (0..=u8::MAX).zip(&data.variants) {
                let name = &variant.ident;
                let (names, bound) = members(&variant.fields);
                writes.push(quote! {
                    Self::#name { #(#names: #bound),* } => {
                        out.push(#number);
                        #(::sluicebox_udf::Accumulator::write(#bound, out);)*
                    }
                });
                let constructed = construct(&quote!(Self::#name), &names);
                reads.push(quote!(#number => { #constructed }));
            }
            (
                quote!(match self { #(#writes)* }),
                quote! {
                    match <u8 as ::sluicebox_udf::Accumulator>::read(from)? {
                        #(#reads)*
                        _ => ::core::option::Option::None,
                    }
                },
            )
        }
        Data::Union(_) => {
            return Err(Error::new_spanned(
                &input.ident,
                "a union can't be an accumulator",
            ));
        }
    };
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        impl #generics ::sluicebox_udf::Accumulator for #name #arguments #bounds {
            #[inline]
            fn write(&self, out: &mut ::std::vec::Vec<u8>) {
                #write
            }

            #[inline]
            fn read(from: &mut &[u8]) -> ::core::option::Option<Self> {
                #read
            }
        }
    })
}

/// Names of the fields and variables to bind them to.
fn members(fields: &Fields) -> (Vec<Member>, Vec<proc_macro2::Ident>) {
    let names: Vec<_> = fields.members().collect();
    let bound = (0..names.len())
        .map(|i| format_ident!("field_{i}"))
        .collect();
    (names, bound)
}

fn construct(path: &TokenStream, names: &[Member]) -> TokenStream {
    quote!(::core::option::Option::Some(#path { #(#names: ::sluicebox_udf::Accumulator::read(from)?),* }))
}
