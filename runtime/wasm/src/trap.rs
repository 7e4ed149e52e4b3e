//! From the engine's error to what people read: the reason first, then the guest's own last words, then where it was.
//! The text is the same wherever the module runs, for it ends up in dead letters.

use crate::store::{DeadlinePassed, State};
use crate::text::clean;
use sluicebox_core::udf::CallError;
use wasmtime::{Error, PoolConcurrencyLimitError, Trap, WasmBacktrace};

/// Most of a trap's text, in bytes.
const TEXT_BYTES_MAX: usize = 4 << 10;
/// Most of one frame: names are the guest's.
const FRAME_BYTES_MAX: usize = 200;

/// An error of a call: whatever it was, the guest caused it.
pub(crate) fn of_call(error: &Error, state: &State) -> CallError {
    CallError::Trap(describe(error, state.last_error()))
}

/// An error while an instance was made: the module's fault, unless the host ran out of room.
pub(crate) fn of_start(error: &Error, state: &State, what: &str) -> CallError {
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return CallError::Host(format!(
            "no room for another instance: {}; retry later, or raise `instances_max`",
            error.root_cause()
        ));
    }
    CallError::Module(format!("{what}: {}", describe(error, state.last_error())))
}

fn describe(error: &Error, last_words: Option<&str>) -> String {
    let mut text = reason(error);
    if let Some(words) = last_words {
        text.push_str("; last error logged: ");
        text.push_str(words);
    }
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        frames(backtrace, &mut text);
    }
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    text
}

/// One line a frame, innermost first; recursion is told once. Read from the display, not from the frames: only it
/// demangles names. Its first line says that this is a backtrace; the others are `N: ADDRESS - MODULE!NAME`.
fn frames(backtrace: &WasmBacktrace, text: &mut String) {
    let mut last = "";
    let shown = backtrace.to_string();
    for line in shown.lines().skip(1) {
        let Some((address, name)) = line.split_once(" - ") else {
            continue;
        };
        let name = without_hash(name.split_once('!').map_or(name, |(_module, name)| name));
        if name == last {
            continue;
        }
        last = name;
        text.push_str("\n    at ");
        text.push_str(&clean(name, FRAME_BYTES_MAX));
        if name.contains("<wasm function") {
            // No name section: then the address is all there is to find it by.
            let address = address.rsplit(' ').next().unwrap_or(address);
            text.push_str(&clean(&format!(" ({address})"), FRAME_BYTES_MAX));
        }
    }
}

/// `crate::function::h0123456789abcdef`, as older compilers name functions, without what only they can read.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            name
        }
        _ => name,
    }
}

fn reason(error: &Error) -> String {
    if let Some(passed) = error.downcast_ref::<DeadlinePassed>() {
        return passed.to_string();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => "panicked (reached `unreachable`)".into(),
        Some(Trap::StackOverflow) => "used up its stack: endless or too deep recursion".into(),
        Some(Trap::OutOfFuel) => "used up its budget of instructions for one call".into(),
        Some(Trap::MemoryOutOfBounds) => {
            "accessed memory out of bounds: a wild pointer, or endless recursion over large frames"
                .into()
        }
        Some(trap) => clean(&trap.to_string(), FRAME_BYTES_MAX),
        None => clean(&error.root_cause().to_string(), 2 * FRAME_BYTES_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_go_and_names_stay() {
        assert_eq!(without_hash("a::b::h0123456789abcdef"), "a::b");
        assert_eq!(without_hash("a::b::hello"), "a::b::hello");
        assert_eq!(without_hash("<wasm function 7>"), "<wasm function 7>");
    }
}
