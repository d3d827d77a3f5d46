//! What a pass tells those who watch, and what it reports when it is through.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::mirror::{Halt, Plan, Settlement};
use crate::protocol::types::MailboxName;

/// Where a pass tells how far it is.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(Tick) + Send + Sync>);

/// How far one part of a pass is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// The mailbox.
    pub mailbox: String,
    /// What is read.
    pub part: Part,
    /// How many are done.
    pub done: u64,
    /// How many there are.
    pub of: u64,
}

/// What a pass reads in bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Headers.
    Headers,
    /// Whole messages.
    Bodies,
}

impl Progress {
    /// Tells somebody.
    #[must_use]
    pub fn to(listener: impl Fn(Tick) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listener))
    }

    /// Tells nobody.
    #[must_use]
    pub fn silent() -> Self {
        Self::to(|_| {})
    }

    pub(super) fn tick(&self, tick: Tick) {
        (self.0)(tick);
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

/// What one pass came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The mailbox.
    pub mailbox: Option<MailboxName>,
    /// Messages that were new on the server.
    pub arrived_count: usize,
    /// Messages that are gone, removed by us or by others.
    pub gone_count: usize,
    /// Messages whose flags are different now.
    pub changed_count: usize,
    /// Actions that the server was proven to hold.
    pub retired_count: usize,
    /// Actions set aside for a person.
    pub parked_count: usize,
    /// Wishes that somebody else's excluded.
    pub conflict_count: usize,
    /// Headers read.
    pub header_count: usize,
    /// Whole messages read.
    pub body_count: usize,
    /// Whether another pass has something to do at once.
    pub again: bool,
    /// What was planned, of a pass that only looked.
    pub plan: Option<Plan>,
    /// Why nothing was done.
    pub halt: Option<Halt>,
}

impl Report {
    pub(super) fn planned(mailbox: MailboxName, plan: Plan) -> Self {
        Self {
            mailbox: Some(mailbox),
            plan: Some(plan),
            ..Self::default()
        }
    }

    pub(super) fn halted(mailbox: MailboxName, halt: Halt) -> Self {
        Self {
            mailbox: Some(mailbox),
            halt: Some(halt),
            ..Self::default()
        }
    }

    pub(super) fn settled(mailbox: MailboxName, plan: &Plan, settlement: &Settlement) -> Self {
        let copied = plan
            .steps
            .iter()
            .any(|step| matches!(step, crate::mirror::Step::Copy { .. }));
        let inherited = settlement
            .arrived
            .iter()
            .any(|arrival| !arrival.inherits.is_empty());
        Self {
            mailbox: Some(mailbox),
            arrived_count: settlement.arrived.len(),
            gone_count: settlement.gone.len(),
            changed_count: settlement.flags.len(),
            retired_count: settlement.retired.len(),
            parked_count: settlement.parked.len(),
            conflict_count: settlement.conflicts.len(),
            again: copied || inherited,
            ..Self::default()
        }
    }

    /// This pass and one right after it, as one.
    #[must_use]
    pub(super) fn and(self, later: Self) -> Self {
        Self {
            mailbox: later.mailbox,
            arrived_count: self.arrived_count.saturating_add(later.arrived_count),
            gone_count: self.gone_count.saturating_add(later.gone_count),
            changed_count: self.changed_count.saturating_add(later.changed_count),
            retired_count: self.retired_count.saturating_add(later.retired_count),
            parked_count: self.parked_count.saturating_add(later.parked_count),
            conflict_count: self.conflict_count.saturating_add(later.conflict_count),
            header_count: self.header_count.saturating_add(later.header_count),
            body_count: self.body_count.saturating_add(later.body_count),
            again: later.again,
            plan: later.plan,
            halt: later.halt,
        }
    }
}
