//! Pure stream semantics: batches, event time, windows, state, epochs, ports and the shard loop.
