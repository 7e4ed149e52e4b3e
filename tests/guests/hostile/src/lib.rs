//! A module that does what its config names, most of it forbidden: each behaviour attacks one thing the host relies
//! on. Written against the bare bindings, because the SDK would not let it.

mod accumulator_format;
mod attacks;
mod filter;
mod mapper;
mod random;
mod window_aggregate;

use std::cell::RefCell;

wit_bindgen::generate!({
    path: "../../../wit",
    inline: "
        package tests:hostile;
        world hostile {
            import sluicebox:udf/log@0.1.0;
            export sluicebox:udf/lifecycle@0.1.0;
            export sluicebox:udf/filter@0.1.0;
            export sluicebox:udf/mapper@0.1.0;
            export sluicebox:udf/window-aggregate@0.1.0;
            export sluicebox:udf/accumulator-format@0.1.0;
            export leaks;
        }

        interface leaks {
            resource handle {
                constructor();
            }
        }
    ",
    world: "tests:hostile/hostile",
    generate_all,
});

/// The implementation of every interface.
pub(crate) struct Hostile;

export!(Hostile);

thread_local! {
    static MODE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Whether the config names this behaviour.
pub(crate) fn is(mode: &str) -> bool {
    MODE.with_borrow(|current| current == mode)
}

impl exports::sluicebox::udf::lifecycle::Guest for Hostile {
    fn init(config: String) -> Result<(), String> {
        let mode = config.trim_matches('"').to_owned();
        match mode.as_str() {
            "refuse" => return Err("no currency\u{1b}[31m given".into()),
            "init loops" => attacks::endless_loop(),
            "init panics" => panic!("init"),
            _ => MODE.set(mode),
        }
        Ok(())
    }
}

/// What any call may do, whichever interface it is on. `data` has all bytes of its records.
pub(crate) fn misbehave(data: &[u8]) {
    if is("loop") || (is("loop on poison") && has_poison(data)) {
        attacks::endless_loop();
    }
    if is("fill") {
        attacks::endless_bulk_work();
    }
    if is("recurse") {
        attacks::deep_recursion();
    }
    if is("recurse with frames") {
        attacks::deep_recursion_with_frames();
    }
    if is("bomb") {
        attacks::memory_bomb();
    }
    if is("panic") || (is("panic on poison") && has_poison(data)) {
        panic!("asked to");
    }
    if is("panic on the second call") {
        attacks::panic_on_the_second_call();
    }
    if is("panic and say so") {
        sluicebox::udf::log::log(sluicebox::udf::log::Level::Error, "amount is\nnegative");
        panic!("asked to");
    }
    if is("leak") {
        attacks::leak();
    }
    if is("leak handles") {
        attacks::leak_handles();
    }
    if is("log once") {
        sluicebox::udf::log::log(sluicebox::udf::log::Level::Info, "here");
    }
    if is("log markup") {
        attacks::log_markup();
    }
    if is("log flood") {
        attacks::log_flood();
    }
    if is("log bomb") {
        attacks::log_bomb();
    }
}

/// Whether a record is the one that the behaviours "on poison" wait for.
fn has_poison(data: &[u8]) -> bool {
    data.windows(6).any(|window| window == b"poison")
}
