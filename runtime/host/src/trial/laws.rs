//! What must hold for every aggregate, tried on the rows of a case: results depend neither on how the rows of a window are split nor
//! on what an instance did before.

use super::rand::Random;
use sluicebox_core::batch::{Batch, Packed};
use sluicebox_core::pipeline::Call;
use sluicebox_core::time::Tumbling;
use sluicebox_core::udf::{CallError, Emitted, Udf};
use std::collections::BTreeMap;

/// Most groups that are tried.
const GROUPS_MAX: usize = 64;
/// Ways in which the rows of a group are split.
const SPLITS: usize = 6;

/// Try the laws on the rows of these calls. Answers what was broken, a text each (the first of each law), and how many groups
/// were tried.
pub fn check(
    udf: &mut dyn Udf,
    calls: &[Call],
    windows: Tumbling,
    random: &mut Random,
) -> Result<(Vec<String>, usize), CallError> {
    let mut broken: BTreeMap<&str, String> = BTreeMap::new();
    let groups = groups(calls);
    for rows in &groups {
        let group = Group { rows, windows };
        if let Some((law, how)) = group.broken(udf, random)? {
            broken.entry(law).or_insert(how);
        }
    }
    let texts = broken.into_iter().map(|(law, how)| format!("{law}: {how}"));
    Ok((texts.collect(), groups.len()))
}

/// The rows of each group of each call.
fn groups(calls: &[Call]) -> Vec<Batch> {
    let mut all = Vec::new();
    for call in calls {
        let Call::Accumulate(_, groups, rows) = call else {
            continue;
        };
        let mut of_call: BTreeMap<u32, Batch> = BTreeMap::new();
        for (row, group) in groups.iter().enumerate() {
            of_call.entry(*group).or_default().push_row(rows, row);
        }
        all.extend(of_call.into_values());
    }
    // Those with most rows can be split in most ways.
    all.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
    all.truncate(GROUPS_MAX);
    all
}

struct Group<'g> {
    rows: &'g Batch,
    windows: Tumbling,
}

type Broken = Option<(&'static str, String)>;
type Accumulator = Option<Vec<u8>>;

impl Group<'_> {
    fn broken(&self, udf: &mut dyn Udf, random: &mut Random) -> Result<Broken, CallError> {
        let rows = self.rows.len();
        let whole = self.fold(udf, None, 0, rows)?;
        let result = self.finish(udf, &whole)?;
        if !result.errors.is_empty() {
            // An accumulator that has no result: the case says whether that is as it should be.
            return Ok(None);
        }
        if let Some(broken) = self.pure(udf, &whole, &result)? {
            return Ok(Some(broken));
        }
        // Thirds first: three parts with something in each, where there are rows enough.
        let mut cuts = [rows.div_ceil(3), rows - rows / 3];
        for _ in 0..SPLITS {
            if let Some(broken) = self.split(udf, cuts, &result)? {
                return Ok(Some(broken));
            }
            cuts = [random.below(rows + 1), random.below(rows + 1)];
            cuts.sort_unstable();
        }
        Ok(None)
    }

    /// In three parts, one after the other and merged.
    fn split(
        &self,
        udf: &mut dyn Udf,
        cuts: [usize; 2],
        result: &Emitted,
    ) -> Result<Broken, CallError> {
        let (rows, [first, _]) = (self.rows.len(), cuts);
        let stepwise = self.fold(udf, None, 0, first)?;
        let stepwise = self.fold(udf, stepwise, first, rows)?;
        let law = "accumulate depends on how rows are split into calls";
        let how = format!("{first} rows, then {}", rows - first);
        match self.same(udf, law, &how, &stepwise, result)? {
            None => self.merges(udf, cuts, result),
            broken => Ok(broken),
        }
    }

    /// finish: the same again, and on an instance that did nothing else.
    fn pure(
        &self,
        udf: &mut dyn Udf,
        whole: &Accumulator,
        result: &Emitted,
    ) -> Result<Broken, CallError> {
        let law = "finish is not pure";
        let again = self.same(udf, law, "called twice", whole, result)?;
        if again.is_some() {
            return Ok(again);
        }
        udf.drop_instance();
        self.same(udf, law, "called on a fresh instance", whole, result)
    }

    fn merges(
        &self,
        udf: &mut dyn Udf,
        [first, second]: [usize; 2],
        result: &Emitted,
    ) -> Result<Broken, CallError> {
        let rows = self.rows.len();
        let a = self.fold(udf, None, 0, first)?;
        let b = self.fold(udf, None, first, second)?;
        let c = self.fold(udf, None, second, rows)?;
        let how = format!("{first} + {} + {} rows", second - first, rows - second);
        let left = match self.merge(udf, &a, &b)? {
            Ok(ab) => self.merge(udf, &ab, &c)?,
            refused => refused,
        };
        let right = match self.merge(udf, &b, &c)? {
            Ok(bc) => self.merge(udf, &a, &bc)?,
            refused => refused,
        };
        for (merged, law) in [
            (left, "merge is not consistent with accumulate"),
            (right, "merge is not associative"),
        ] {
            let merged = match merged {
                Ok(merged) => merged,
                Err(why) => {
                    let law = "merge refuses what accumulate takes";
                    return Ok(Some((law, format!("{how}: {why}\n{}", self.shown()))));
                }
            };
            if let Some(broken) = self.same(udf, law, &how, &merged, result)? {
                return Ok(Some(broken));
            }
        }
        Ok(None)
    }

    fn same(
        &self,
        udf: &mut dyn Udf,
        law: &'static str,
        how: &str,
        accumulator: &Accumulator,
        result: &Emitted,
    ) -> Result<Broken, CallError> {
        let other = self.finish(udf, accumulator)?;
        if shown(&other) == shown(result) {
            return Ok(None);
        }
        let (other, result) = (shown(&other), shown(result));
        let rows = self.shown();
        Ok(Some((
            law,
            format!("{how} give {other}, at once {result}\n{rows}"),
        )))
    }

    fn shown(&self) -> String {
        const ROWS_SHOWN: usize = 8;
        let rows = self.rows.len();
        let values =
            (0..rows.min(ROWS_SHOWN)).map(|row| format!("  {}", text(self.rows.value(row))));
        let more = (rows > ROWS_SHOWN).then(|| format!("  and {} more", rows - ROWS_SHOWN));
        values.chain(more).collect::<Vec<_>>().join("\n")
    }

    fn fold(
        &self,
        udf: &mut dyn Udf,
        accumulator: Accumulator,
        from: usize,
        to: usize,
    ) -> Result<Accumulator, CallError> {
        if from == to {
            return Ok(accumulator);
        }
        let groups = vec![0; to - from];
        let done = udf.accumulate(&one(&accumulator), &groups, &self.rows.slice(from, to))?;
        Ok(done.accumulators.get(0).map(<[u8]>::to_vec))
    }

    /// The inner error is the module's refusal.
    fn merge(
        &self,
        udf: &mut dyn Udf,
        left: &Accumulator,
        right: &Accumulator,
    ) -> Result<Result<Accumulator, String>, CallError> {
        let done = udf.merge(&one(left), &one(right))?;
        Ok(match done.errors.first() {
            Some(error) => Err(error.message.clone()),
            None => Ok(done.accumulators.get(0).map(<[u8]>::to_vec)),
        })
    }

    fn finish(&self, udf: &mut dyn Udf, accumulator: &Accumulator) -> Result<Emitted, CallError> {
        let mut keys = Packed::default();
        keys.push(self.rows.key(0));
        let end = self.windows.end_of(self.rows.timestamp(0));
        udf.finish(&keys, &[self.windows.start_of(end), end], &one(accumulator))
    }
}

fn one(accumulator: &Accumulator) -> Packed {
    let mut packed = Packed::default();
    packed.push(accumulator.as_deref());
    packed
}

fn shown(result: &Emitted) -> String {
    let errors = result
        .errors
        .iter()
        .map(|error| format!("error: {}", error.message));
    let outputs = (0..result.output.len()).map(|row| text(result.output.value(row)));
    let all: Vec<String> = outputs.chain(errors).collect();
    match all.is_empty() {
        true => "nothing".to_owned(),
        false => all.join(", "),
    }
}

fn text(value: Option<&[u8]>) -> String {
    value.map_or("null".to_owned(), |value| {
        String::from_utf8_lossy(value).into_owned()
    })
}
