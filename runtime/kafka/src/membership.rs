//! Membership in the group that shares a job's shards: who *should* run which.
//!
//! The group subscribes to the changelog topic and never reads it: Kafka's own protocol places its partitions, which
//! are the shards. Members are static (a restart within the session keeps its shards) and cooperative (a shard moves
//! only after its owner gave it up). Who *may* run a shard the transactional id decides, not this.

use crate::access::Access;
use crate::errors;
use crate::ffi::client::{Client, Role};
use crate::ffi::group::{Event, Group};
use crate::ffi::list::{Entry, List};
use crate::ffi::{Code, Fault, cstring};
use crate::limits::{
    FENCED_AGAIN_WITHIN, HEARTBEAT_MS, LEAVE_WAIT_MAX, MISSING_WAIT_MAX, RELEASE_WAIT_MAX,
    SESSION_TIMEOUT_MS,
};
use sluicebox_core::log::{Error, Kind, MemberConfig, MemberEvent, Membership, Result, Waker};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// One host's membership in one job.
pub struct Member {
    group: Arc<Group>,
    /// The same, for whoever wakes us.
    current: Arc<Mutex<Weak<Group>>>,
    access: Access,
    config: MemberConfig,
    /// When the brokers last gave our identity to another member.
    fenced_at: Option<Instant>,
    owned: BTreeSet<i32>,
    /// Asked back as one lot; librdkafka is answered when all of it is released.
    asked_back: BTreeSet<i32>,
    released: BTreeSet<i32>,
    /// When the changelog topic was not found, until shards are assigned.
    missing_since: Option<Instant>,
}

fn settings(config: &MemberConfig) -> Vec<(&'static str, String)> {
    vec![
        ("group.id", config.group.clone()),
        ("group.instance.id", config.host_id.clone()),
        ("partition.assignment.strategy", "cooperative-sticky".into()),
        ("session.timeout.ms", SESSION_TIMEOUT_MS.to_string()),
        ("heartbeat.interval.ms", HEARTBEAT_MS.to_string()),
        // How long others wait for shards that we were asked to give up.
        (
            "max.poll.interval.ms",
            RELEASE_WAIT_MAX.as_millis().to_string(),
        ),
        ("enable.auto.commit", "false".into()),
        ("enable.auto.offset.store", "false".into()),
        ("allow.auto.create.topics", "false".into()),
        // Nothing is read: partitions are assigned at their end and paused. Should one be fetched before the pause, then
        // very little.
        ("auto.offset.reset", "latest".into()),
        ("queued.min.messages", "1".into()),
        ("queued.max.messages.kbytes", "1".into()),
        ("fetch.message.max.bytes", "1024".into()),
        ("reconnect.backoff.ms", "50".into()),
        ("reconnect.backoff.max.ms", "1000".into()),
    ]
}

fn subscribe(access: &Access, config: &MemberConfig) -> Result<Group> {
    let client = Client::new(Role::Consumer, &access.consumer(&settings(config)))
        .map_err(|fault| Error::halt(format!("Kafka consumer: {}", fault.text)))?;
    Group::join(Arc::new(client), &config.changelog)
        .map_err(|fault| Error::halt(format!("join group {}: {}", config.group, fault.text)))
}

impl Member {
    /// Join; what is ours comes by `poll`.
    pub fn join(access: &Access, config: &MemberConfig) -> Result<Member> {
        let group = Arc::new(subscribe(access, config)?);
        Ok(Member {
            current: Arc::new(Mutex::new(Arc::downgrade(&group))),
            group,
            access: access.clone(),
            config: config.clone(),
            fenced_at: None,
            owned: BTreeSet::new(),
            asked_back: BTreeSet::new(),
            released: BTreeSet::new(),
            missing_since: None,
        })
    }

    fn list<'a>(&self, shards: impl IntoIterator<Item = &'a i32>) -> List {
        /// librdkafka's mark for the end of a partition.
        const END: i64 = -1;
        let topic = cstring(&self.config.changelog);
        let mut list = List::new(8);
        for shard in shards {
            list.add(&topic, *shard, END);
        }
        list
    }

    fn take(&mut self, event: Event, events: &mut Vec<MemberEvent>) -> Result<()> {
        match event {
            Event::Assigned(entries) => self.assigned(&numbers(&entries), events),
            Event::Revoked { entries, lost } => self.revoked(&numbers(&entries), lost, events),
            Event::Error(fault) => match fault.code {
                // Told once; the client keeps looking, and brokers learn of a new topic one after the other.
                code if errors::is_missing(code) => {
                    self.missing_since.get_or_insert_with(Instant::now);
                    Ok(())
                }
                Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
                | Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED => {
                    let what = format!("member of group {}", self.config.group);
                    Err(errors::error(&what, &fault, self.group.client()))
                }
                // The client keeps trying by itself; fatal errors are looked for apart.
                _ => Ok(()),
            },
        }
    }

    fn assigned(&mut self, shards: &[i32], events: &mut Vec<MemberEvent>) -> Result<()> {
        self.answer(|group, list| group.add(list), shards)?;
        self.owned.extend(shards);
        self.missing_since = None;
        if !shards.is_empty() {
            events.push(MemberEvent::Assigned(shards.to_vec()));
        }
        Ok(())
    }

    fn revoked(&mut self, shards: &[i32], lost: bool, events: &mut Vec<MemberEvent>) -> Result<()> {
        if lost || shards.is_empty() {
            self.give_up(shards, events)
        } else {
            self.asked_back = shards.iter().copied().collect();
            self.released.clear();
            events.push(MemberEvent::Revoked(shards.to_vec()));
            Ok(())
        }
    }

    /// Shards that are gone already.
    fn give_up(&mut self, shards: &[i32], events: &mut Vec<MemberEvent>) -> Result<()> {
        self.answer(|group, list| group.remove(list), shards)?;
        self.owned.retain(|shard| !shards.contains(shard));
        self.asked_back.clear();
        if !shards.is_empty() {
            events.push(MemberEvent::Lost(shards.to_vec()));
        }
        Ok(())
    }

    fn answer(
        &self,
        call: impl Fn(&Group, &List) -> std::result::Result<(), crate::ffi::Fault>,
        shards: &[i32],
    ) -> Result<()> {
        call(&self.group, &self.list(shards)).map_err(|fault| {
            let what = format!("member of group {}", self.config.group);
            errors::error(&what, &fault, self.group.client())
        })
    }

    /// Another member has our identity, for the first time in a while: begin anew, with nothing. A broker that was frozen
    /// may take up an old request of our own and so fence us; only being fenced again soon shows that there is a second
    /// host. Of two such hosts one then stays.
    fn rejoined(&mut self) -> Result<Option<Vec<MemberEvent>>> {
        let fenced = |fault: Fault| fault.code == Code::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
        let again = self
            .fenced_at
            .is_some_and(|at| at.elapsed() < FENCED_AGAIN_WITHIN);
        if again || !self.group.client().fatal().is_some_and(fenced) {
            return Ok(None);
        }
        self.fenced_at = Some(Instant::now());
        let new = Arc::new(subscribe(&self.access, &self.config)?);
        *lock(&self.current) = Arc::downgrade(&new);
        let old = std::mem::replace(&mut self.group, new);
        // Closing waits for brokers; whoever polls must not.
        std::thread::spawn(move || drop(old));
        self.asked_back.clear();
        self.released.clear();
        let lost: Vec<i32> = std::mem::take(&mut self.owned).into_iter().collect();
        Ok(Some(match lost.is_empty() {
            true => Vec::new(),
            false => vec![MemberEvent::Lost(lost)],
        }))
    }

    /// The error that ends this membership, if there is one.
    fn fatal(&self) -> Option<Error> {
        let fatal = self.group.client().fatal()?;
        let (group, host) = (&self.config.group, &self.config.host_id);
        Some(Error::halt(match fatal.code {
            Code::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID => format!(
                "another host runs with this host id ({host}) in group {group}: its data folder is a copy of ours, or one \
                 process runs twice; give each host a data folder of its own"
            ),
            _ => format!("member {host} of group {group}: {}", fatal.text),
        }))
    }
}

/// What is behind the lock is replaced whole.
fn lock(current: &Mutex<Weak<Group>>) -> MutexGuard<'_, Weak<Group>> {
    current.lock().unwrap_or_else(PoisonError::into_inner)
}

fn numbers(entries: &[Entry]) -> Vec<i32> {
    entries.iter().map(|entry| entry.partition).collect()
}

impl Membership for Member {
    fn poll(&mut self, wait: Duration) -> Result<Vec<MemberEvent>> {
        let mut events = Vec::new();
        let mut wait = wait;
        loop {
            // Nothing else must come before the lot that was asked back is released, so wait for the first one only.
            let event = self.group.poll(std::mem::take(&mut wait));
            if let Some(lost) = self.rejoined()? {
                return Ok(lost);
            }
            if let Some(error) = self.fatal() {
                return Err(error);
            }
            match event {
                Some(event) => self.take(event, &mut events)?,
                None => break,
            }
        }
        if self
            .missing_since
            .is_some_and(|since| since.elapsed() > MISSING_WAIT_MAX)
        {
            return Err(errors::no_topic("changelog", &self.config.changelog));
        }
        if !self.asked_back.is_empty() && self.group.lost() {
            let shards: Vec<i32> = self.asked_back.iter().copied().collect();
            self.give_up(&shards, &mut events)?;
        }
        Ok(events)
    }

    fn waker(&self) -> Waker {
        let current = self.current.clone();
        Arc::new(move || {
            // Unlocked: it may be the last reference.
            let group = lock(&current).upgrade();
            if let Some(group) = group {
                group.interrupt();
            }
        })
    }

    fn released(&mut self, shards: &[i32]) {
        self.released.extend(shards);
        if self.asked_back.is_empty() || !self.asked_back.is_subset(&self.released) {
            return;
        }
        let asked_back = std::mem::take(&mut self.asked_back);
        self.owned.retain(|shard| !asked_back.contains(shard));
        let list = self.list(&asked_back);
        // An error here is a fatal one, which the next poll tells.
        let _ = self.group.remove(&list);
    }

    /// A static member's close tells nobody, and others would wait for the session to end. Unsubscribing does tell, once
    /// all is given up: so unsubscribe, give up, and close only when the request to leave is out.
    fn leave(self: Box<Self>) -> Result<()> {
        let what = format!("leave group {}", self.config.group);
        let failed = |fault| errors::error(&what, &fault, self.group.client());
        if let Some(error) = self.fatal() {
            return Err(error);
        }
        if !self.asked_back.is_empty() {
            self.group
                .remove(&self.list(&self.asked_back))
                .map_err(failed)?;
        }
        self.group.unsubscribe().map_err(failed)?;
        let until = Instant::now() + LEAVE_WAIT_MAX;
        while self.group.is_member() {
            match self.group.poll(Duration::from_millis(20)) {
                Some(Event::Revoked { entries, .. }) => {
                    self.group
                        .remove(&self.list(&numbers(&entries)))
                        .map_err(failed)?;
                }
                Some(Event::Assigned(entries)) => {
                    self.group
                        .add(&self.list(&numbers(&entries)))
                        .map_err(failed)?;
                }
                Some(Event::Error(_)) | None => {}
            }
            if Instant::now() > until {
                return Err(Error::new(
                    Kind::Retriable,
                    format!(
                        "{what}: no answer; others take over when the session ends, in {SESSION_TIMEOUT_MS} ms"
                    ),
                ));
            }
        }
        self.group.close().map_err(failed)
    }
}
