//! Marks for removal that may stand where they do by our mistake. Mail clients show them like any other, and would remove the
//! message with the next EXPUNGE: until the user marks it too, it stays.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction};

use super::Inner;
use super::conflict;
use super::file::Fault;
use crate::id::{MailboxId, MessageId};
use crate::journal::{Action, NewEntry};
use crate::protocol::types::FlagSet;

/// The messages of a mailbox that may be marked for removal only by mistake, and the conflicts that say so.
#[derive(Debug, Default)]
pub(super) struct Doubted {
    marks: BTreeMap<MessageId, Vec<i64>>,
    /// Those that the user has marked as well.
    agreed: Vec<i64>,
}

impl Doubted {
    /// Those of which wishes may speak.
    pub(super) fn load(
        journal: &Connection,
        inner: &Inner,
        mailbox: MailboxId,
        wishes: &[NewEntry],
    ) -> Result<Self, Fault> {
        let speaks_of_it = |wish: &NewEntry| wish.action == Action::Expunge || marks(&wish.action);
        if !wishes.iter().any(speaks_of_it) {
            return Ok(Self::default());
        }
        let name = inner.with(mailbox, |held| held.name.clone())?;
        let told = conflict::marked_by_mistake(journal, &name)?;
        let mut marks: BTreeMap<MessageId, Vec<i64>> = BTreeMap::new();
        inner.with(mailbox, |held| {
            for told in told {
                let is_lost = held.base.has_lost(told.message);
                let known = held.base.messages.iter();
                let alike = known.filter(|known| is_lost && known.mark.weak() == told.weak);
                // Which of those that look like it it is, nobody knows once the cache is lost.
                let here = held.current(told.message).into_iter();
                for message in here.chain(alike.map(|known| known.id)) {
                    marks.entry(message).or_default().push(told.conflict);
                }
            }
        })?;
        Ok(Self {
            marks,
            agreed: Vec::new(),
        })
    }

    /// What is left of wishes without the removals that nobody may have meant, and how many these are.
    pub(super) fn sift(&mut self, wishes: Vec<NewEntry>) -> (Vec<NewEntry>, usize) {
        let count = wishes.len();
        let mut meant = Vec::with_capacity(count);
        for wish in wishes {
            if marks(&wish.action) {
                let agreed = self.marks.remove(&wish.message);
                self.agreed.extend(agreed.into_iter().flatten());
            }
            if wish.action != Action::Expunge || !self.marks.contains_key(&wish.message) {
                meant.push(wish);
            }
        }
        let left_out = count.saturating_sub(meant.len());
        (meant, left_out)
    }

    /// Writes down what the user agreed to.
    pub(super) fn write(&self, transaction: &Transaction<'_>) -> Result<(), Fault> {
        let mut agreed = self.agreed.iter();
        agreed.try_for_each(|id| conflict::agree(transaction, *id))
    }
}

/// Whether it marks a message for removal, also one that is marked already.
pub(super) fn marks(action: &Action) -> bool {
    matches!(action, Action::Flags(delta) if delta.add.contains(FlagSet::DELETED))
}
