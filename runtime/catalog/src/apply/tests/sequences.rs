//! Any sequence of changes, sensible or not: what is accepted keeps every invariant, what is refused leaves no trace,
//! and a checkpoint with the rest of the log says what the whole log says.

use crate::access::{Scope, Token};
use crate::change::{Change, Revision};
use crate::fixtures::*;
use crate::format::{decode_checkpoint, decode_revision, encode_checkpoint, encode_revision};
use crate::invariants;
use crate::policy::Policy;
use crate::quotas::Quotas;
use crate::state::{Catalog, Desired};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Numbers that a change is made of.
type Dice = [u8; 6];

fn pick<'a>(from: &[&'a str], number: u8) -> &'a str {
    from[usize::from(number) % from.len()]
}

/// A change that often fits the catalog, and often just doesn't.
fn change(catalog: &Catalog, dice: Dice) -> Change {
    let [kind, a, b, c, d, e] = dice;
    let tenant = pick(
        &["shop", "toys", "shop", "toys", "shop", "toys", "shop", "No"],
        a,
    )
    .to_owned();
    let name = pick(&["one", "two", "one", "two", "three", "a.b"], b).to_owned();
    let next = catalog.next_version(&tenant, &name).unwrap_or(1);
    let version = (next + u32::from(c % 5)).saturating_sub(u32::from(d % 4));
    match kind % 16 {
        0 => self::tenant(&tenant),
        1 => Change::TenantChanged {
            tenant,
            policy: Policy::default(),
            quotas: Quotas {
                modules_max: 1 + u32::from(b % 4),
                jobs_max: 1 + u32::from(c % 4),
                ..Quotas::default()
            },
            disabled: d > 128,
        },
        2 => {
            let scope = [Scope::Admin, Scope::Deploy, Scope::View][usize::from(b) % 3];
            let owner = (c % 3 > 0).then_some(tenant.as_str());
            let expires_ms = (d > 128).then_some(START_MS + 1_000 * i64::from(e));
            let token = Token {
                expires_ms,
                ..token_of(owner, &[scope])
            };
            self::token(e % 16, token)
        }
        3 => Change::TokenRevoked {
            id: generated(e % 16).id,
        },
        4..=7 => Change::ModulePushed {
            tenant,
            name,
            version,
            digest: digest(e % 16),
            size_bytes: 1 << (d % 26),
            exports: Vec::new(),
            imports: Vec::new(),
        },
        8 | 9 => Change::ModuleDeleted {
            tenant,
            name,
            version: next.saturating_sub(1 + u32::from(c % 3)),
        },
        10..=12 => job_deployed(catalog, tenant, name, [c, d, e]),
        13 | 14 => Change::JobDesired {
            tenant,
            job: name,
            desired: [
                Desired::Stopped,
                Desired::Paused,
                Desired::Stopped,
                Desired::Running,
            ][usize::from(c) % 4],
        },
        _ => Change::JobDeleted { tenant, job: name },
    }
}

fn job_deployed(catalog: &Catalog, tenant: String, job: String, [c, d, e]: [u8; 3]) -> Change {
    let module = pick(&["one", "two"], c).to_owned();
    let versions = catalog.module(&tenant, &module).map(|m| m.versions.clone());
    let found = versions
        .ok()
        .and_then(|versions| versions.into_iter().next());
    let (version, module_digest) = found.map_or((1, digest(1)), |(n, v)| (n, v.digest));
    let mut spec = format!("job: {job} # {d}");
    let mut modules = BTreeMap::from([(format!("{tenant}/{module}@{version}"), module_digest)]);
    let rollback_of = (d % 4 == 0).then_some(u32::from(e % 8));
    if let Some(old) = rollback_of.and_then(|of| catalog.job_version(&tenant, &job, of).ok()) {
        spec = old.spec.clone();
        modules = old.modules.clone();
    }
    Change::JobDeployed {
        tenant,
        job,
        spec,
        modules,
        plan_hash: "00ff".to_owned(),
        rollback_of,
    }
}

/// What was ever given a number, and may never mean something else.
#[derive(Default)]
struct Memory {
    versions: BTreeMap<(String, String, u32), String>,
    uids: BTreeMap<u64, (String, String)>,
}

impl Memory {
    fn observe(&mut self, catalog: &Catalog) {
        for (tenant, has) in &catalog.tenants {
            for (name, module) in &has.modules {
                for (number, version) in &module.versions {
                    let key = (tenant.clone(), name.clone(), *number);
                    let digest = self.versions.entry(key).or_insert(version.digest.clone());
                    assert_eq!(
                        *digest, version.digest,
                        "{tenant}/{name}@{number} means two things"
                    );
                }
            }
            for (name, job) in &has.jobs {
                let own = (tenant.clone(), name.clone());
                assert_eq!(
                    *self.uids.entry(job.uid).or_insert(own.clone()),
                    own,
                    "uid {}",
                    job.uid
                );
            }
        }
    }
}

/// Make the changes that are accepted into revisions.
fn run(dice: &[Dice]) -> (Vec<Revision>, Vec<(u8, bool)>) {
    let mut catalog = Catalog::default();
    let mut memory = Memory::default();
    let mut log = Vec::new();
    let mut answers = Vec::new();
    for dice in dice {
        let revision = next(&catalog, change(&catalog, *dice));
        let before = catalog.clone();
        let accepted = catalog.apply(&revision).is_ok();
        answers.push((dice[0] % 16, accepted));
        if accepted {
            assert_eq!(invariants::check(&catalog), Ok(()), "after {revision:?}");
            memory.observe(&catalog);
            log.push(revision);
        } else {
            assert_eq!(catalog, before, "{revision:?} was refused");
        }
    }
    (log, answers)
}

/// The catalog after these revisions, read as they would be from an object store.
fn replay(mut catalog: Catalog, log: &[Revision]) -> Catalog {
    for revision in log {
        let bytes = encode_revision(revision).unwrap();
        let read = decode_revision("x", revision.revision, &bytes).unwrap();
        catalog.apply(&read).unwrap();
    }
    catalog
}

proptest! {
    #[test]
    fn any_sequence_keeps_the_invariants(
        dice in prop::collection::vec(any::<Dice>(), 0..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let (log, _) = run(&dice);
        let whole = replay(Catalog::default(), &log);
        let (first, rest) = log.split_at(cut.index(log.len() + 1));
        let middle = replay(Catalog::default(), first);
        let checkpoint = encode_checkpoint(&middle).unwrap();
        let read = decode_checkpoint("x", middle.revision, &checkpoint).unwrap();
        prop_assert_eq!(&read, &middle);
        prop_assert_eq!(replay(read, rest), whole);
    }
}

/// The sequences above would prove little if hardly anything in them was accepted, or refused.
#[test]
fn sequences_have_every_kind_of_change_both_accepted_and_refused() {
    let mut x = 1u64;
    let dice: Vec<Dice> = std::iter::repeat_with(|| {
        x = x
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let bytes = (x ^ (x >> 29)).to_le_bytes();
        std::array::from_fn(|i| bytes[i + 1])
    })
    .take(4_000)
    .collect();
    let mut seen: BTreeMap<u8, [u32; 2]> = BTreeMap::new();
    for part in dice.chunks(200) {
        for (kind, accepted) in run(part).1 {
            seen.entry(kind).or_default()[usize::from(accepted)] += 1;
        }
    }
    assert_eq!(seen.len(), 16);
    for (kind, counts) in seen {
        assert!(counts.iter().all(|count| *count > 5), "{kind}: {counts:?}");
    }
}
