//! A module whose rows say what it does with them. A value may hold words that name an operator's id `x`: `#x` traps,
//! `~x` traps unless it runs alone under fuel, `!x` is a row error, `-x` is filtered out or mapped to nothing, `2x`
//! is mapped to two rows, `kx` changes the key, `0x` empties the accumulator. A key may hold letters for when its window is finished: `T` traps,
//! `S` traps unless under fuel, `E` is a row error, `Z` gives nothing, `D` gives two results.

use sluicebox_core::batch::{Batch, Packed};
use sluicebox_core::udf::{Accumulated, CallError, Emitted, Kept, RowError, Udf};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub struct Module {
    id: &'static str,
    rows_max: usize,
    fuel: bool,
    fresh: bool,
    /// Format of its accumulators: their first byte, if it is not 0.
    format: u8,
    shared: Shared,
}

/// What a test sees of the modules of its shards, and does to them.
#[derive(Clone, Default)]
pub struct Shared {
    /// Calls made, by all modules.
    pub calls: Arc<AtomicUsize>,
    /// Most bytes of accumulators that one call was given.
    pub accumulator_bytes: Arc<AtomicUsize>,
    /// Time that a row takes, by the clock of the rig.
    pub row_ms: Arc<AtomicU64>,
    pub clock: Arc<AtomicU64>,
    /// Answers of the next calls, whoever makes them.
    pub errors: Arc<Mutex<Vec<CallError>>>,
    /// Format of the accumulators of modules that are made from now on...
    pub format: Arc<AtomicU8>,
    /// ...and those that they migrate.
    pub migrates: Arc<Mutex<Vec<u8>>>,
}

pub fn says(value: Option<&[u8]>, what: char, id: &str) -> bool {
    let word = format!("{what}{id}");
    value.is_some_and(|v| v.split(|b| *b == b' ').any(|w| w == word.as_bytes()))
}

pub fn holds(key: &[u8], letter: char) -> bool {
    key.contains(&(letter as u8))
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map_or("null".to_owned(), |b| {
        String::from_utf8_lossy(b).into_owned()
    })
}

impl Module {
    pub fn new(id: &'static str, rows_max: usize, shared: Shared) -> Self {
        let (fuel, fresh) = (false, true);
        Self {
            id,
            rows_max,
            fuel,
            fresh,
            format: shared.format.load(Ordering::Relaxed),
            shared,
        }
    }

    /// What every call does first: trap where it is told to.
    fn enter<'a>(
        &mut self,
        rows: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
    ) -> Result<(), CallError> {
        self.shared.calls.fetch_add(1, Ordering::Relaxed);
        let took_ms = self.shared.row_ms.load(Ordering::Relaxed) * rows.len() as u64;
        self.shared.clock.fetch_add(took_ms, Ordering::Relaxed);
        if let Some(error) = self.shared.errors.lock().unwrap().pop() {
            return Err(error);
        }
        let fuel = std::mem::take(&mut self.fuel);
        assert!(
            !fuel || self.fresh,
            "a call under fuel runs on a fresh instance"
        );
        self.fresh = false;
        if rows.len() > self.rows_max {
            return self.trap(format!("{} rows are too many", rows.len()));
        }
        for value in rows {
            if says(value, '#', self.id) {
                return self.trap(format!("unreachable in {}: {}", self.id, text(value)));
            }
            if says(value, '~', self.id) && !fuel {
                return self.trap("deadline".to_owned());
            }
        }
        Ok(())
    }

    fn given(&self, accumulators: &Packed) {
        let most = &self.shared.accumulator_bytes;
        most.fetch_max(accumulators.data().len(), Ordering::Relaxed);
    }

    /// The content of an accumulator, which must be of its own format.
    fn read<'a>(&self, accumulator: Option<&'a [u8]>) -> Option<&'a [u8]> {
        let bytes = accumulator?;
        if self.format == 0 {
            return Some(bytes);
        }
        assert_eq!(bytes.first(), Some(&self.format), "of another format");
        Some(&bytes[1..])
    }

    fn write(&self, content: &[u8]) -> Vec<u8> {
        let tag = (self.format != 0).then_some(self.format);
        tag.into_iter().chain(content.iter().copied()).collect()
    }

    fn trap<T>(&mut self, why: String) -> Result<T, CallError> {
        self.fresh = true;
        Err(CallError::Trap(why))
    }

    fn errors<'a>(&self, rows: impl Iterator<Item = Option<&'a [u8]>>) -> Vec<RowError> {
        let failed = rows
            .zip(0..)
            .filter(|(value, _)| says(*value, '!', self.id));
        failed
            .map(|(value, row)| RowError {
                row,
                message: format!("bad row {}", text(value)),
            })
            .collect()
    }
}

fn values(input: &Batch) -> impl ExactSizeIterator<Item = Option<&[u8]>> {
    (0..input.len()).map(|row| input.value(row))
}

impl Udf for Module {
    fn filter(&mut self, input: &Batch) -> Result<Kept, CallError> {
        self.enter(values(input))?;
        let mut bitmap = vec![0; input.len().div_ceil(8)];
        for (row, value) in values(input)
            .enumerate()
            .filter(|(_, v)| !says(*v, '-', self.id))
        {
            let _ = value;
            bitmap[row / 8] |= 1 << (row % 8);
        }
        Ok(Kept {
            bitmap,
            errors: self.errors(values(input)),
        })
    }

    fn map(&mut self, input: &Batch) -> Result<Emitted, CallError> {
        self.enter(values(input))?;
        let mut answer = Emitted {
            errors: self.errors(values(input)),
            ..Emitted::default()
        };
        for row in 0..input.len() {
            let value = input.value(row);
            let outputs = if says(value, '-', self.id) || says(value, '!', self.id) {
                0
            } else if says(value, '2', self.id) {
                2
            } else {
                1
            };
            let other = [
                input
                    .key(row)
                    .or(value.and_then(|v| v.get(..1)))
                    .unwrap_or_default(),
                b"x",
            ]
            .concat();
            let key = if says(value, 'k', self.id) {
                Some(other.as_slice())
            } else {
                input.key(row)
            };
            for i in 0..outputs {
                let value = value.map(|v| [v, format!(" {}{i}", self.id).as_bytes()].concat());
                answer.output.push(
                    key,
                    value.as_deref(),
                    input.headers(row),
                    input.timestamp(row),
                );
                answer.parents.push(row as u32);
            }
        }
        Ok(answer)
    }

    fn accumulate(
        &mut self,
        accumulators: &Packed,
        groups: &[u32],
        input: &Batch,
    ) -> Result<Accumulated, CallError> {
        self.given(accumulators);
        self.enter(values(input))?;
        let mut all: Vec<Option<Vec<u8>>> = (0..accumulators.len())
            .map(|i| self.read(accumulators.get(i)).map(<[u8]>::to_vec))
            .collect();
        for row in (0..input.len()).filter(|row| !says(input.value(*row), '!', self.id)) {
            let group = &mut all[groups[row] as usize];
            if says(input.value(row), '0', self.id) {
                *group = None;
                continue;
            }
            let accumulator = group.get_or_insert_default();
            accumulator.push(b'|');
            accumulator.extend_from_slice(input.value(row).unwrap_or(b"null"));
        }
        let mut answer = Accumulated {
            errors: self.errors(values(input)),
            ..Accumulated::default()
        };
        for content in all {
            let written = content.map(|content| self.write(&content));
            answer.accumulators.push(written.as_deref());
        }
        Ok(answer)
    }

    fn merge(&mut self, _: &Packed, _: &Packed) -> Result<Accumulated, CallError> {
        Err(CallError::Module("tumbling windows never merge".to_owned()))
    }

    fn finish(
        &mut self,
        keys: &Packed,
        windows: &[i64],
        accumulators: &Packed,
    ) -> Result<Emitted, CallError> {
        self.given(accumulators);
        let fuel = self.fuel;
        self.enter((0..keys.len()).map(|_| None))?;
        let mut answer = Emitted::default();
        for i in 0..keys.len() {
            let key = keys.get(i).unwrap_or_default();
            if holds(key, 'T') {
                return self.trap(format!("unreachable at the end of {}", text(Some(key))));
            }
            if holds(key, 'S') && !fuel {
                return self.trap("deadline".to_owned());
            }
            if holds(key, 'E') {
                answer.errors.push(RowError {
                    row: i as u32,
                    message: format!("bad window of {}", text(Some(key))),
                });
                continue;
            }
            let results = if holds(key, 'Z') {
                0
            } else if holds(key, 'D') {
                2
            } else {
                1
            };
            let (start, end) = (windows[i * 2], windows[i * 2 + 1]);
            for result in 0..results {
                let value = format!(
                    "{} {start}..{end} #{result} {}",
                    text(Some(key)),
                    text(self.read(accumulators.get(i)))
                );
                answer.output.push(
                    Some(key),
                    Some(value.as_bytes()),
                    None,
                    end.saturating_sub(1),
                );
                answer.parents.push(i as u32);
            }
        }
        Ok(answer)
    }

    fn accumulator_format(&self) -> u8 {
        self.format
    }

    fn migrate(&mut self, format: u8, accumulators: &Packed) -> Result<Packed, CallError> {
        if !self.shared.migrates.lock().unwrap().contains(&format) {
            let why = format!("format {} knows nothing of {format}", self.format);
            return Err(CallError::Module(why));
        }
        let mut migrated = Packed::default();
        for i in 0..accumulators.len() {
            let bytes = accumulators.get(i).expect("one that was written");
            let content = if format == 0 { bytes } else { &bytes[1..] };
            assert!(format == 0 || bytes[0] == format, "not of format {format}");
            migrated.push(Some(&self.write(content)));
        }
        Ok(migrated)
    }

    fn drop_instance(&mut self) {
        self.fresh = true;
    }

    fn next_call_under_fuel(&mut self) {
        self.fuel = true;
    }
}
