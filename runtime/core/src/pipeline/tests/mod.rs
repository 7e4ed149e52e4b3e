//! The parts of the pipeline on their own; what it does as a whole is proven in `tests/semantics`.

mod bisect;
mod fire;
mod order;
