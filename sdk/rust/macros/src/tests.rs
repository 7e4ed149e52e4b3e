//! What the attributes refuse, and which shape they read off a return type. That what they accept works is tested
//! where it runs, in `sdk/rust/tests`.

use crate::versions::Versions;
use crate::{accumulator, aggregate, function};
use proc_macro2::TokenStream;
use syn::parse_quote;

fn refusal(expanded: syn::Result<TokenStream>) -> String {
    match expanded {
        Ok(tokens) => panic!("accepted: {tokens}"),
        Err(error) => error.to_string(),
    }
}

fn map_shape(function: syn::ItemFn) -> String {
    let tokens = function::map(function).unwrap().to_string();
    let call = tokens
        .split("run :: map (input , | record |")
        .nth(1)
        .unwrap();
    call.split("use :: sluicebox_udf :: run :: { Many , One } ;")
        .nth(1)
        .unwrap()
        .to_owned()
}

#[test]
fn the_shape_is_read_off_the_return_type() {
    let one = map_shape(parse_quote!(
        fn f(x: X) -> Y {
            y
        }
    ));
    assert!(one.contains("One (f (record))"), "{one}");
    for many in [
        parse_quote!(
            fn f(x: X) -> Option<Y> {
                y
            }
        ),
        parse_quote!(
            fn f(x: X) -> std::vec::Vec<Y> {
                y
            }
        ),
        parse_quote!(
            fn f(x: X) -> impl Iterator<Item = Y> {
                y
            }
        ),
    ] {
        let many = map_shape(many);
        assert!(many.contains("Many (f (record) ,"), "{many}");
    }
    let result = map_shape(parse_quote!(
        fn f(x: X, c: &C) -> io::Result<Option<Y>> {
            y
        }
    ));
    assert!(
        result.contains("(f (record , config)) . map (| returned | Many (returned"),
        "{result}"
    );
}

#[test]
fn functions_that_can_be_no_udf_are_told_why() {
    let cases: [(syn::ItemFn, &str); 5] = [
        (
            parse_quote!(
                fn f() -> bool {
                    true
                }
            ),
            "expected `fn name(record) -> bool`",
        ),
        (
            parse_quote!(
                fn f(a: A, b: &B, c: &C) -> bool {
                    true
                }
            ),
            "expected `fn name(record) -> bool`",
        ),
        (
            parse_quote!(
                fn f(a: A, b: B) -> bool {
                    true
                }
            ),
            "the config comes by reference",
        ),
        (
            parse_quote!(
                fn f<T>(a: T) -> bool {
                    true
                }
            ),
            "can't be generic",
        ),
        (
            parse_quote!(
                async fn f(a: A) -> bool {
                    true
                }
            ),
            "can't be async",
        ),
    ];
    for (function, why) in cases {
        let refused = refusal(function::filter(function));
        assert!(refused.contains(why), "{refused}");
    }
    let refused = refusal(function::map(parse_quote!(
        fn f(a: A) {}
    )));
    assert!(refused.contains("nothing is returned"), "{refused}");
}

#[test]
fn impls_that_can_be_no_aggregate_are_told_why() {
    let refused = refusal(aggregate::window_aggregate(
        &Versions::default(),
        parse_quote!(impl T for S {}),
    ));
    assert!(refused.contains("not a trait"), "{refused}");
    let refused = refusal(aggregate::window_aggregate(
        &Versions::default(),
        parse_quote! {
            impl S {
                fn accumulate(&mut self, a: A) {}
                fn finish(self, w: Window<'_>) -> u64 { 0 }
            }
        },
    ));
    assert_eq!(
        refused,
        "a window aggregate needs `fn merge(&mut self, later: Self)`"
    );
    let refused = refusal(aggregate::window_aggregate(
        &Versions::default(),
        parse_quote! {
            impl S {
                fn accumulate(&mut self, a: A) {}
                fn merge(&mut self, later: S) {}
                fn finish(&mut self, w: Window<'_>) -> u64 { 0 }
            }
        },
    ));
    assert_eq!(refused, "expected `self` or `&self` first");
}

#[test]
fn unions_are_no_accumulators() {
    let refused = refusal(accumulator::derive(parse_quote!(union U { a: u8, b: i8 })));
    assert!(refused.contains("union"), "{refused}");
}

#[test]
fn formats_are_read_and_nonsense_is_told_why() {
    let read = |text: &str| syn::parse_str::<Versions>(text);
    let versions = read("format = 3, migrates = [0, 1,],").unwrap();
    assert_eq!((versions.format, versions.migrates), (Some(3), vec![0, 1]));
    assert_eq!(read("").unwrap(), Versions::default());
    let refused = |text: &str| read(text).unwrap_err().to_string();
    assert!(refused("format = 0").contains("begin with 1"));
    assert!(refused("format = 256").contains("from 0 to 255"));
    assert!(refused("migrates = [0]").contains("needs a `format`"));
    assert!(refused("format = 1, migrates = [1]").contains("needs no migration"));
    assert!(refused("version = 1").contains("known are `format"));
}

#[test]
fn formats_and_migrations_belong_together() {
    let with = |text: &str, block| {
        let versions = syn::parse_str(text).unwrap();
        refusal(aggregate::window_aggregate(&versions, block))
    };
    let none: syn::ItemImpl = parse_quote! {
        impl S {
            fn accumulate(&mut self, a: A) {}
            fn merge(&mut self, later: S) {}
            fn finish(self, w: Window<'_>) -> u64 { 0 }
        }
    };
    let mut one = none.clone();
    one.items.push(parse_quote!(
        fn migrate(format: u8, bytes: &[u8]) -> Option<Self> {
            None
        }
    ));
    let needs = with("format = 1, migrates = [0]", none);
    assert!(needs.contains("needs `fn migrate("), "{needs}");
    let which = with("format = 1", one);
    assert!(which.contains("which formats"), "{which}");
}
