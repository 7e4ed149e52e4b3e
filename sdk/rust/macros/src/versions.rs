//! The arguments of `window_aggregate`: `format = 2, migrates = [0, 1]`.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitInt, Result, Token, bracketed};

/// Format of the accumulators.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// The module's own; `None`: it does not say.
    pub format: Option<u8>,
    /// Others that it migrates.
    pub migrates: Vec<u8>,
}

impl Parse for Versions {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut versions = Self::default();
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match name.to_string().as_str() {
                "format" => versions.format = Some(number(&input.parse()?)?),
                "migrates" => {
                    let list;
                    bracketed!(list in input);
                    let all = Punctuated::<LitInt, Token![,]>::parse_terminated(&list)?;
                    versions.migrates = all.iter().map(number).collect::<Result<_>>()?;
                }
                _ => {
                    let why = "known are `format = 1` and `migrates = [0]`; a config is the last argument of a function";
                    return Err(Error::new(name.span(), why));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        versions.checked()
    }
}

impl Versions {
    fn checked(self) -> Result<Self> {
        let wrong = |why: &str| Err(Error::new(Span::call_site(), why));
        match self.format {
            Some(0) => wrong("format 0 is that of modules without `format`: begin with 1"),
            None if !self.migrates.is_empty() => {
                wrong("`migrates` needs a `format` of its own, such as `format = 1`")
            }
            Some(format) if self.migrates.contains(&format) => {
                wrong("`migrates` has the module's own `format`, which needs no migration")
            }
            _ => Ok(self),
        }
    }
}

fn number(literal: &LitInt) -> Result<u8> {
    let why = |_| Error::new(literal.span(), "a format is a number from 0 to 255");
    literal.base10_parse().map_err(why)
}
