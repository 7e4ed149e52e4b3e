//! The compiling process, which needs a program whose `main` serves as one: so this test has its own `main`.
#![expect(clippy::unwrap_used, reason = "tests may")]

use sluicebox_core::batch::Batch;
use sluicebox_wasm::{Kind, Limits, Module, ModuleError, Sandbox, Settings, serve_as_compiler};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    if let Some(code) = serve_as_compiler() {
        return code;
    }
    println!("running 3 tests");
    compiled_elsewhere_it_runs_here();
    what_takes_too_long_is_stopped();
    what_takes_too_much_memory_is_stopped();
    println!("test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
    ExitCode::SUCCESS
}

fn guest(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("SLUICEBOX_GUESTS").map(PathBuf::from);
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let home =
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/sluicebox/target"));
    let folder = folder.or_else(|| target.or(home).map(|target| target.join("guests")));
    let path = folder.expect("HOME is set").join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}. `cargo xtask test` builds the guests first",
            path.display()
        )
    })
}

fn load(bytes: &[u8], limits: Limits) -> Result<(Arc<Sandbox>, Arc<Module>), ModuleError> {
    let sandbox = Sandbox::new(Settings {
        limits,
        ..Settings::default()
    })
    .unwrap();
    let module = sandbox.load(bytes)?;
    Ok((sandbox, module))
}

fn compiled_elsewhere_it_runs_here() {
    let (sandbox, module) = load(&guest("hostile"), Limits::default()).unwrap();
    let mut input = Batch::default();
    input.push(None, Some(b"value"), None, 0);
    let mut udf = sandbox
        .instantiate(&module, Kind::Filter, "null", Arc::new(|_, _| {}))
        .unwrap();
    assert_eq!(udf.filter(&input).unwrap().bitmap, [1]);
    udf.next_call_under_fuel();
    assert_eq!(udf.filter(&input).unwrap().bitmap, [1]);
}

fn what_takes_too_long_is_stopped() {
    let limits = Limits {
        compile_cpu_s_max: 1,
        ..Limits::default()
    };
    let text = refusal(&with_bomb(&guest("spinner")), limits);
    assert!(
        text.contains("compiling takes more than 1 s of CPU time"),
        "{text}"
    );
}

fn what_takes_too_much_memory_is_stopped() {
    let limits = Limits {
        compile_memory_bytes_max: 150 << 20,
        ..Limits::default()
    };
    let text = refusal(&with_bomb(&guest("spinner")), limits);
    assert!(
        text.contains("compiling takes more than 150 MiB of memory"),
        "{text}"
    );
}

fn refusal(bytes: &[u8], limits: Limits) -> String {
    match load(bytes, limits) {
        Err(ModuleError::Compile(text)) => text,
        other => panic!("{:?}", other.map(|(_, module)| module)),
    }
}

/// The module with one more function in it, of so many loops that compiling takes minutes (measured: time grows with
/// the square of their number), within every limit on size.
fn with_bomb(module: &[u8]) -> Vec<u8> {
    const LOOP: [u8; 7] = [0x03, 0x40, 0x41, 0x00, 0x0d, 0x00, 0x0b];
    let body = [vec![0], LOOP.repeat(100_000), vec![0x0b]].concat();
    let core = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[1, 0]),
        section(10, &[leb(1), leb(body.len()), body].concat()),
    ]
    .concat();
    let index = sluicebox_wasm::inspect(module).unwrap().core_modules;
    let instance = [vec![1, 0], leb(index), vec![0]].concat();
    [module, &section(1, &core), &section(2, &instance)].concat()
}

fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id], leb(body.len()).as_slice(), body].concat()
}

fn leb(mut n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}
