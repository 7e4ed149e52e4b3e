//! Rights of a broker's users (ACLs): granted and withdrawn through the plain listener, whose user may do everything.

use anyhow::{Result, ensure};

use crate::client::Client;
use crate::wire::{self, Answer, Body};

/// What a right is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A topic.
    Topic = 2,
    /// A consumer group.
    Group = 3,
    /// A transactional id.
    TransactionalId = 5,
}

/// What may be done with it. Read and Write bring Describe with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Fetch records; join a group and commit to it.
    Read = 3,
    /// Produce records; run transactions.
    Write = 4,
    /// Create it.
    Create = 5,
    /// Delete it.
    Delete = 6,
    /// See that it is there.
    Describe = 8,
    /// See its settings.
    DescribeConfigs = 10,
}

/// Something that a user may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// With what kind of thing.
    pub resource: Resource,
    /// Its name, or with `prefixed` how the names begin.
    pub name: String,
    /// All whose names begin so.
    pub prefixed: bool,
    /// What.
    pub operation: Operation,
}

const CREATE_ACLS: i16 = 30;
const DELETE_ACLS: i16 = 31;

impl Client {
    /// Let a user do this.
    pub fn grant(&self, user: &str, rights: &[Right]) -> Result<()> {
        let mut answer = wire::ask(self.bootstrap(), CREATE_ACLS, 1, acls(user, rights))?;
        let _throttle_ms = answer.int()?;
        for _ in 0..answer.int()? {
            accepted(&mut answer)?;
        }
        Ok(())
    }

    /// Let a user no longer do this.
    pub fn withdraw(&self, user: &str, right: &Right) -> Result<()> {
        // A filter that fits exactly what was granted has the same form.
        let filter = acls(user, std::slice::from_ref(right));
        let mut answer = wire::ask(self.bootstrap(), DELETE_ACLS, 1, filter)?;
        let _throttle_ms = answer.int()?;
        let _filters = answer.int()?;
        accepted(&mut answer)?;
        ensure!(answer.int()? == 1, "{right:?} was not granted");
        Ok(())
    }
}

fn accepted(answer: &mut Answer) -> Result<()> {
    let (code, message) = (answer.short()?, answer.text()?);
    ensure!(code == 0, "rights: error {code} {message}");
    Ok(())
}

fn acls(user: &str, rights: &[Right]) -> Body {
    const LITERAL: u8 = 3;
    const PREFIXED: u8 = 4;
    const ALLOW: u8 = 3;
    let list = Body::default().int(rights.len() as i32);
    rights.iter().fold(list, |body, right| {
        body.byte(right.resource as u8)
            .text(&right.name)
            .byte(if right.prefixed { PREFIXED } else { LITERAL })
            .text(&format!("User:{user}"))
            .text("*")
            .byte(right.operation as u8)
            .byte(ALLOW)
    })
}
