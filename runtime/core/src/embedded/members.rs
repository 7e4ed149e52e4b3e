//! Who should run which shard: the group of a job's members. Shards are shared evenly, in the order the members
//! joined; a shard moves only if it must, and goes elsewhere only after its owner released it.

use super::shared::Shared;
use crate::log::{Error, MemberConfig, MemberEvent, Membership, Result, Waker};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Active,
    /// Away too long; joins again with its next poll.
    Expired,
    /// Another host came with the same identity.
    Replaced,
}

struct Member {
    host_id: String,
    status: Status,
    owned: BTreeSet<i32>,
    /// Part of `owned`: asked back, not released yet.
    revoking: BTreeSet<i32>,
    events: Vec<MemberEvent>,
    /// Its next poll is not to wait.
    woken: bool,
}

/// The members of one job, by the order they joined.
pub(super) struct Group {
    shards: i32,
    members: BTreeMap<u64, Member>,
    joined: u64,
}

impl Group {
    pub fn new(shards: i32) -> Self {
        Self {
            shards,
            members: BTreeMap::new(),
            joined: 0,
        }
    }

    /// A host joins. One with the identity of a member takes its place and its shards at once.
    pub fn join(&mut self, host_id: &str) -> u64 {
        self.joined += 1;
        let mut member = Member {
            host_id: host_id.to_owned(),
            status: Status::Active,
            owned: BTreeSet::new(),
            revoking: BTreeSet::new(),
            events: Vec::new(),
            woken: false,
        };
        let same = self
            .members
            .values_mut()
            .filter(|m| m.host_id == host_id && m.status != Status::Replaced);
        for older in same {
            older.status = Status::Replaced;
            member.owned.append(&mut older.owned);
            older.revoking.clear();
        }
        if !member.owned.is_empty() {
            let owned = member.owned.iter().copied().collect();
            member.events.push(MemberEvent::Assigned(owned));
        }
        self.members.insert(self.joined, member);
        self.rebalance();
        self.joined
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn leave(&mut self, id: u64) {
        self.members.remove(&id);
        self.rebalance();
    }

    pub fn release(&mut self, id: u64, shards: &[i32]) {
        if let Some(member) = self.members.get_mut(&id) {
            for shard in shards {
                // Only what was asked back: a release of anything else would start a shard twice.
                if member.revoking.remove(shard) {
                    member.owned.remove(shard);
                }
            }
        }
        self.rebalance();
    }

    /// The member was not heard of for too long.
    pub fn expire(&mut self, host_id: &str) {
        for member in self.members.values_mut() {
            if member.host_id == host_id && member.status == Status::Active {
                member.status = Status::Expired;
                member.revoking.clear();
                let lost: Vec<i32> = std::mem::take(&mut member.owned).into_iter().collect();
                member.events = match lost.is_empty() {
                    true => Vec::new(),
                    false => vec![MemberEvent::Lost(lost)],
                };
            }
        }
        self.rebalance();
    }

    fn idle(&self, id: u64) -> bool {
        let member = self.members.get(&id);
        member.is_some_and(|m| m.events.is_empty() && !m.woken && m.status == Status::Active)
    }

    fn poll(&mut self, id: u64) -> Result<Vec<MemberEvent>> {
        let Some(member) = self.members.get_mut(&id) else {
            return Err(Error::halt("this member has left its group"));
        };
        member.woken = false;
        if member.status == Status::Replaced {
            return Err(Error::halt(format!(
                "another host runs with the identity {:?} of this one: give each host its own data folder",
                member.host_id
            )));
        }
        if member.status == Status::Expired {
            member.status = Status::Active;
            self.rebalance();
        }
        let events = self.members.get_mut(&id).map(|m| &mut m.events);
        Ok(events.map(std::mem::take).unwrap_or_default())
    }

    /// Ask back what is too much, share out what is free.
    fn rebalance(&mut self) {
        let owned: BTreeSet<i32> = self
            .members
            .values()
            .flat_map(|m| m.owned.iter().copied())
            .collect();
        let mut free: Vec<i32> = (0..self.shards).filter(|s| !owned.contains(s)).collect();
        free.reverse();
        let active = |m: &&mut Member| m.status == Status::Active;
        let count = self.members.values_mut().filter(active).count();
        for (rank, member) in self.members.values_mut().filter(active).enumerate() {
            let extra = rank < self.shards as usize % count;
            let quota = self.shards as usize / count + usize::from(extra);
            let kept: Vec<i32> = member.owned.difference(&member.revoking).copied().collect();
            if kept.len() > quota {
                member.revoking.extend(&kept[quota..]);
                member
                    .events
                    .push(MemberEvent::Revoked(kept[quota..].to_vec()));
            } else {
                let taken: Vec<i32> = (kept.len()..quota).map_while(|_| free.pop()).collect();
                if !taken.is_empty() {
                    member.owned.extend(&taken);
                    member.events.push(MemberEvent::Assigned(taken));
                }
            }
        }
    }
}

/// One host's membership. Dropped without `leave` it stays a member, as a host that was killed does, until it is
/// expired or comes back.
pub(super) struct EmbeddedMember {
    shared: Arc<Shared>,
    group: String,
    id: u64,
}

impl EmbeddedMember {
    pub fn join(shared: &Arc<Shared>, member: &MemberConfig) -> Result<Self> {
        let mut state = shared.lock();
        let shards = state.topic(&member.changelog)?.partitions.len() as i32;
        let group = state.groups.entry(member.group.clone());
        let id = group
            .or_insert_with(|| Group::new(shards))
            .join(&member.host_id);
        shared.notify(&state);
        Ok(Self {
            shared: shared.clone(),
            group: member.group.clone(),
            id,
        })
    }

    /// Change the group, tell the others.
    fn with<T>(&self, change: impl FnOnce(&mut Group) -> T) -> Option<T> {
        let mut state = self.shared.lock();
        let answer = state.groups.get_mut(&self.group).map(change);
        self.shared.notify(&state);
        answer
    }
}

impl Membership for EmbeddedMember {
    fn poll(&mut self, wait: Duration) -> Result<Vec<MemberEvent>> {
        let idle = |state: &mut super::broker::State| {
            let group = state.groups.get(&self.group);
            group.is_some_and(|group| group.idle(self.id))
        };
        drop(self.shared.wait(self.shared.lock(), Some(wait), idle));
        self.with(|group| group.poll(self.id))
            .unwrap_or_else(|| Err(Error::halt("the group of this member is gone")))
    }

    fn waker(&self) -> Waker {
        let (shared, group, id) = (self.shared.clone(), self.group.clone(), self.id);
        Arc::new(move || {
            let mut state = shared.lock();
            let group = state.groups.get_mut(&group);
            if let Some(member) = group.and_then(|group| group.members.get_mut(&id)) {
                member.woken = true;
            }
            shared.notify(&state);
        })
    }

    fn released(&mut self, shards: &[i32]) {
        self.with(|group| group.release(self.id, shards));
    }

    fn leave(self: Box<Self>) -> Result<()> {
        self.with(|group| group.leave(self.id));
        Ok(())
    }
}
