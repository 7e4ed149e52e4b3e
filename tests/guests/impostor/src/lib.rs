//! A module with the right names and a wrong type: its filter takes one value and answers yes or no.

wit_bindgen::generate!({
    inline: "
        package sluicebox:udf@0.1.0;
        interface lifecycle {
            init: func(config: string) -> result<_, string>;
        }
        interface filter {
            keep: func(value: list<u8>) -> bool;
        }
        world impostor {
            export lifecycle;
            export filter;
        }
    ",
    world: "sluicebox:udf/impostor",
});

struct Impostor;

export!(Impostor);

impl exports::sluicebox::udf::lifecycle::Guest for Impostor {
    fn init(_config: String) -> Result<(), String> {
        Ok(())
    }
}

impl exports::sluicebox::udf::filter::Guest for Impostor {
    fn keep(value: Vec<u8>) -> bool {
        !value.is_empty()
    }
}
