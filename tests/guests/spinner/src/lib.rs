//! A module whose start never ends: `_initialize` runs while it is instantiated, before `init`.

wit_bindgen::generate!({
    path: "../../../wit",
    world: "sluicebox:udf/filter-udf",
    generate_all,
});

struct Spinner;

export!(Spinner);

/// The name that makes it run at instantiation.
#[unsafe(no_mangle)]
pub extern "C" fn _initialize() {
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

impl exports::sluicebox::udf::lifecycle::Guest for Spinner {
    fn init(_config: String) -> Result<(), String> {
        Ok(())
    }
}

impl exports::sluicebox::udf::filter::Guest for Spinner {
    fn keep(
        _input: exports::sluicebox::udf::filter::Batch,
    ) -> exports::sluicebox::udf::filter::Kept {
        unreachable!("nobody gets here")
    }
}
