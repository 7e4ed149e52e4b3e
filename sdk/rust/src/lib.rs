//! Write UDFs for sluicebox in Rust.
