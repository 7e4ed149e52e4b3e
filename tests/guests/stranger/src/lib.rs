//! A module that wants a clock, which no module gets.

wit_bindgen::generate!({
    path: "../../../wit",
    inline: "
        package tests:stranger;
        interface clock {
            now: func() -> u64;
        }
        world stranger {
            import clock;
            export sluicebox:udf/lifecycle@0.1.0;
            export sluicebox:udf/filter@0.1.0;
        }
    ",
    world: "tests:stranger/stranger",
    generate_all,
});

struct Stranger;

export!(Stranger);

impl exports::sluicebox::udf::lifecycle::Guest for Stranger {
    fn init(_config: String) -> Result<(), String> {
        match tests::stranger::clock::now() {
            0 => Err("what a coincidence".into()),
            _ => Ok(()),
        }
    }
}

impl exports::sluicebox::udf::filter::Guest for Stranger {
    fn keep(
        input: exports::sluicebox::udf::filter::Batch,
    ) -> exports::sluicebox::udf::filter::Kept {
        exports::sluicebox::udf::filter::Kept {
            bitmap: vec![0; (input.index.len() / 6).div_ceil(8)],
            errors: Vec::new(),
        }
    }
}
