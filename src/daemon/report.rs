//! What a pass came to.

use serde::{Deserialize, Serialize};

use super::stray::Restored;
use crate::id::MessageId;
use crate::mirror::{Conflict, Delay, Halt, Plan, Settlement, Step, StepOutcome, Trouble};
use crate::protocol::types::MailboxName;

/// What one pass came to, or several over one mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The mailbox.
    pub mailbox: Option<MailboxName>,
    /// What was done, in numbers.
    pub counts: Counts,
    /// Whether another pass has something to do at once.
    pub again: bool,
    /// Whether nothing was sent, so that what was seen is on record first.
    pub put_off: bool,
    /// Whether something was sent that only another look can prove.
    pub unproven: bool,
    /// Whether an action waits since it cannot be told for certain which message it is for.
    pub doubtful: bool,
    /// Whether texts are left to be read, since somebody did something or waits for a text elsewhere.
    pub interrupted: bool,
    /// What was planned, of a pass that only looked; where it was stopped, what it would come to.
    pub plan: Option<Plan>,
    /// The messages that a pass which was stopped would let go of here, since others removed them.
    pub would_go: Vec<MessageId>,
    /// Why nothing was done.
    pub halt: Option<Halt>,
}

/// What was done, in numbers. `Display` names those that are not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages that were new on the server.
    #[serde(rename = "arrived_count")]
    pub arrived: usize,
    /// Messages that are gone, removed by us or by others.
    #[serde(rename = "gone_count")]
    pub gone: usize,
    /// Messages whose flags are different now.
    #[serde(rename = "changed_count")]
    pub changed: usize,
    /// Actions that the server was proven to hold.
    #[serde(rename = "retired_count")]
    pub retired: usize,
    /// Actions set aside for a person.
    #[serde(rename = "parked_count")]
    pub parked: usize,
    /// Wishes that somebody else's excluded.
    #[serde(rename = "conflict_count")]
    pub conflicts: usize,
    /// Headers read.
    #[serde(rename = "header_count")]
    pub headers: usize,
    /// Whole messages read.
    #[serde(rename = "body_count")]
    pub bodies: usize,
}

impl Counts {
    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn and(self, later: Self) -> Self {
        Self {
            arrived: self.arrived.saturating_add(later.arrived),
            gone: self.gone.saturating_add(later.gone),
            changed: self.changed.saturating_add(later.changed),
            retired: self.retired.saturating_add(later.retired),
            parked: self.parked.saturating_add(later.parked),
            conflicts: self.conflicts.saturating_add(later.conflicts),
            headers: self.headers.saturating_add(later.headers),
            bodies: self.bodies.saturating_add(later.bodies),
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = [
            (self.arrived, "new"),
            (self.changed, "with other flags"),
            (self.gone, "gone"),
            (self.retired, "of your actions carried out"),
            (self.parked, "set aside"),
            (self.conflicts, "in conflict"),
            (self.bodies, "read in full"),
        ];
        let words: Vec<String> = named
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        f.write_str(&words.join(", "))
    }
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

    /// The same, with what the pass would come to if a person approved it.
    pub(super) fn beyond(self, plan: Plan, would_go: Vec<MessageId>) -> Self {
        Self {
            plan: Some(plan),
            would_go,
            ..self
        }
    }

    pub(super) fn settled(
        mailbox: MailboxName,
        plan: &Plan,
        outcomes: &[StepOutcome],
        settlement: &Settlement,
    ) -> Self {
        let unproven = plan.steps.iter().zip(outcomes).any(|(step, outcome)| {
            let removes = matches!(step, Step::Expunge { .. });
            !removes && matches!(outcome, StepOutcome::Done(_))
        });
        let came_back = settlement
            .arrived
            .iter()
            .any(|arrival| arrival.was.is_some());
        let doubtful = Trouble::Delayed(Delay::Doubtful);
        let brings_back = settlement.conflicts.iter().any(Conflict::restores);
        let conflict_count = settlement
            .conflicts
            .len()
            .saturating_add(settlement.mistakes.len());
        let counts = Counts {
            arrived: settlement.arrived.len(),
            gone: settlement.gone.len(),
            changed: settlement.flags.len(),
            retired: settlement.retired.len(),
            parked: settlement.parked.len(),
            conflicts: conflict_count,
            headers: 0,
            bodies: 0,
        };
        Self {
            mailbox: Some(mailbox),
            counts,
            again: came_back || brings_back || plan.put_off || !settlement.mistakes.is_empty(),
            put_off: plan.put_off,
            unproven,
            doubtful: settlement.troubled.iter().any(|(_, why)| *why == doubtful),
            ..Self::default()
        }
    }

    /// After flags were put right, whether they are shows the next pass.
    pub(super) fn begins_anew(&mut self, restored: Restored) {
        if restored == Restored::Anew {
            self.again = true;
            self.put_off = false;
        }
    }

    /// This pass and one right after it, as one.
    #[must_use]
    pub(super) fn and(self, later: Self) -> Self {
        Self {
            counts: self.counts.and(later.counts),
            ..later
        }
    }
}
