//! Binaries made by hand, each wrong in one way: the shapes that no compiler would make.

use super::*;

const CORE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

fn leb(mut n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id], leb(body.len()).as_slice(), body].concat()
}

/// A component with one core module in it.
fn around_core(sections: &[Vec<u8>]) -> Vec<u8> {
    let module = [CORE, &sections.concat()].concat();
    [COMPONENT, &section(1, &module)].concat()
}

/// Types, functions and code of so many functions with this body.
fn functions(count: usize, body: &[u8]) -> [Vec<u8>; 3] {
    let code = [leb(body.len()).as_slice(), body].concat().repeat(count);
    [
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[leb(count), vec![0; count]].concat()),
        section(10, &[leb(count), code].concat()),
    ]
}

fn refusal(bytes: &[u8]) -> String {
    inspect(bytes)
        .map_err(|error| error.to_string())
        .unwrap_err()
}

fn limit(bytes: &[u8]) -> &'static str {
    match inspect(bytes) {
        Err(ModuleError::Limit { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_component_is_named() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "the file is empty"),
        (b"  (module)", "WebAssembly text"),
        (b";; a comment\n(component)", "WebAssembly text"),
        (b"\x7fELF\x02\x01\x01", "compiled machine code"),
        (CORE, "core module"),
        (b"PK\x03\x04", "does not begin with"),
    ];
    for (bytes, want) in cases {
        let text = refusal(bytes);
        assert!(
            text.starts_with("not a WebAssembly component") && text.contains(want),
            "{text}"
        );
    }
}

#[test]
fn truncated_is_refused() {
    assert!(refusal(&COMPONENT[..6]).starts_with("not a valid component"));
    let whole = around_core(&functions(1, &[0, 0x0b]));
    for cut in 9..whole.len() {
        // Cut right after the inner module's header it parses, as a component without exports.
        let text = refusal(&whole[..cut]);
        let told = ["not a valid component", "exports none of"]
            .iter()
            .any(|why| text.starts_with(why));
        assert!(told, "cut at {cut}: {text}");
    }
}

#[test]
fn an_empty_component_has_nothing_to_call() {
    assert!(refusal(COMPONENT).starts_with("exports none of"));
}

#[test]
fn too_large_is_its_own_kind() {
    let limits = Limits {
        module_bytes_max: 100,
        ..Limits::default()
    };
    let error = inspect_within(&[0; 101], &limits).unwrap_err();
    assert!(error.is_too_large());
    assert!(
        error
            .to_string()
            .contains("101 bytes, over the limit of 100"),
        "{error}"
    );
}

#[test]
fn compile_bombs_are_refused() {
    assert_eq!(
        limit(&around_core(&functions(100_000, &[0, 0x0b]))),
        "functions"
    );
    let nops = [vec![0], vec![0x01; 8 << 20], vec![0x0b]].concat();
    assert_eq!(
        limit(&around_core(&functions(1, &nops))),
        "bytes of one function"
    );
}

#[test]
fn memory_and_table_bombs_are_refused() {
    let memory = [&[1, 0][..], &leb(65_536)].concat();
    assert_eq!(
        limit(&around_core(&[section(5, &memory)])),
        "bytes of memory at the start"
    );
    assert_eq!(
        limit(&around_core(&[section(
            4,
            &[&[1, 0x70, 0][..], &leb(1_000_000)].concat()
        )])),
        "elements of a table"
    );
    let one_page = section(5, &[1, 0, 1]);
    let modules = section(1, &[CORE, &one_page].concat()).repeat(5);
    assert_eq!(limit(&[COMPONENT, &modules].concat()), "memories");
}

#[test]
fn nesting_is_bounded_in_depth_and_in_number() {
    let mut deep = COMPONENT.to_vec();
    for _ in 0..6 {
        deep = [COMPONENT, &section(4, &deep)].concat();
    }
    assert_eq!(limit(&deep), "depth of nested components");

    // Four levels, each with eleven instances of the next: 14,641 of the innermost.
    let eleven = section(5, &[leb(11), [0, 0, 0].repeat(11)].concat());
    let mut wide = COMPONENT.to_vec();
    for _ in 0..4 {
        wide = [COMPONENT, &section(4, &wide), &eleven].concat();
    }
    assert_eq!(limit(&wide), "instances of nested components");

    let many = section(2, &[leb(49), [0, 0, 0].repeat(49)].concat());
    let core = [COMPONENT, &section(1, CORE), &many].concat();
    assert_eq!(limit(&core), "core instances");
}

#[test]
fn features_that_are_off_are_invalid() {
    let shared_memory = around_core(&[section(5, &[1, 3, 1, 1])]);
    let memory64 = around_core(&[section(5, &[1, 4, 1])]);
    let externref = around_core(&[section(4, &[1, 0x6f, 0, 1])]);
    for bytes in [shared_memory, memory64, externref] {
        let text = refusal(&bytes);
        assert!(
            text.starts_with("not a valid component") && text.contains("not available here"),
            "{text}"
        );
    }
}
