//! RocksDB passes the conformance suite of the state port, and agrees with the model on random operations.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sluicebox_core::state::StateStore;
use sluicebox_core::state::conformance::{Fixture, Op, Step, agrees_with_model};
use sluicebox_state::{Options, Store};

struct Rocks(tempfile::TempDir);

impl Rocks {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Fixture for Rocks {
    fn open(&self) -> Box<dyn StateStore> {
        Box::new(Store::open(self.0.path(), &Options::default()).unwrap())
    }
    fn durable(&self) -> bool {
        true
    }
}

sluicebox_core::store_conformance!(Rocks::new());

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = prop::collection::vec(any::<u8>(), 0..4);
    let put = (any::<u8>(), any::<u8>(), value).prop_map(|(n, k, v)| Step::Put(n, k, v));
    let delete = (any::<u8>(), any::<u8>()).prop_map(|(n, k)| Step::Delete(n, k));
    let drop = any::<u8>().prop_map(Step::Drop);
    prop::collection::vec(prop_oneof![6 => put, 2 => delete, 1 => drop], 0..12)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        9 => steps().prop_map(Op::Apply),
        1 => Just(Op::Clear),
        3 => Just(Op::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_deltas_agree_with_the_model(ops in prop::collection::vec(op(), 0..12)) {
        agrees_with_model(&Rocks::new(), &ops);
    }
}
