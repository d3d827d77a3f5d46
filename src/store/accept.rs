//! Accepting what a client asks for: durable first, then visible, then the doorbell.

use std::collections::BTreeMap;

use super::error::StoreError;
use super::held::Held;
use super::journal::{self, Draft};
use super::{Kind, Store, ring};
use crate::clock;
use crate::id::{ChangeNum, EntryId, MailboxId, MessageId};
use crate::journal::{Action, EntryState, JournalEntry, NewEntry};
use crate::mirror::LocalState;
use crate::protocol::types::{FlagDelta, Keywords};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The first moment at which the mailbox shows it.
    pub change: ChangeNum,
    /// How many actions were new; the others asked for what is so already, or for a message that is gone.
    pub accepted_count: usize,
}

impl Store {
    /// Accepts actions on messages of one mailbox, all or none. When this returns, they are durable and visible.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was accepted.
    pub async fn accept(
        &self,
        mailbox: MailboxId,
        wishes: Vec<NewEntry>,
    ) -> Result<Accepted, StoreError> {
        self.hold(mailbox).await?;
        match self.inner.kind {
            Kind::Mirror => self.journalled(mailbox, wishes).await,
            Kind::Local => self.applied(mailbox, wishes).await,
        }
    }

    async fn journalled(
        &self,
        mailbox: MailboxId,
        wishes: Vec<NewEntry>,
    ) -> Result<Accepted, StoreError> {
        let inner = self.inner.clone();
        let accept = move |connection: &mut rusqlite::Connection| {
            let at = clock::unix_seconds();
            let (name, uid_validity, keywords, drafts) = inner.with(mailbox, |held| {
                (
                    held.name.clone(),
                    held.base.facts.uid_validity,
                    held.view.keywords.clone(),
                    drafts(held, &wishes, at),
                )
            })?;
            let entries = write(connection, &name, uid_validity, &keywords, drafts)?;
            let accepted_count = entries.len();
            let change = if entries.is_empty() {
                inner.with(mailbox, |held| held.view.change)?
            } else {
                inner.publish(mailbox, |held| {
                    held.accept(entries);
                    held.view.change
                })?
            };
            Ok(Accepted {
                change,
                accepted_count,
            })
        };
        let accepted = self.inner.journal.run(accept).await?;
        if accepted.accepted_count > 0 {
            ring(&self.inner.accepted);
        }
        Ok(accepted)
    }
}

/// The entries that wishes become, each on top of those before it; what asks for nothing new becomes none.
pub(super) fn drafts(held: &Held, wishes: &[NewEntry], at: i64) -> Vec<JournalEntry> {
    let mut states: BTreeMap<MessageId, LocalState> = BTreeMap::new();
    let draft = |wish: &NewEntry| {
        let shown = || held.flags(wish.message).map(LocalState::Present);
        let state = states.get(&wish.message).copied().or_else(shown)?;
        let entry = draft(held, wish, state, at)?;
        states.insert(wish.message, state.after(&entry.action));
        Some(entry)
    };
    wishes.iter().filter_map(draft).collect()
}

fn draft(held: &Held, wish: &NewEntry, state: LocalState, at: i64) -> Option<JournalEntry> {
    let known = held.find(wish.message)?;
    let LocalState::Present(flags_before) = state else {
        return None;
    };
    let action = match &wish.action {
        Action::Flags(delta) => {
            let change = FlagDelta::between(flags_before, delta.apply(flags_before));
            (!change.is_empty()).then_some(Action::Flags(change))?
        }
        Action::Expunge | Action::Copy { .. } => wish.action.clone(),
    };
    Some(JournalEntry {
        id: EntryId::from_raw(0),
        message: wish.message,
        mark: known.mark,
        flags_before,
        action,
        state: EntryState::Pending,
        trouble: String::new(),
        accepted_at: at,
        uid_validity: held.base.facts.uid_validity,
    })
}

fn write(
    connection: &mut rusqlite::Connection,
    mailbox: &crate::protocol::types::MailboxName,
    uid_validity: Option<u32>,
    keywords: &Keywords,
    mut drafts: Vec<JournalEntry>,
) -> Result<Vec<JournalEntry>, StoreError> {
    let transaction = connection.transaction()?;
    for entry in &mut drafts {
        entry.id = journal::insert(
            &transaction,
            &Draft {
                mailbox,
                uid_validity,
                keywords,
                message: entry.message,
                mark: entry.mark,
                flags_before: entry.flags_before,
                action: &entry.action,
                accepted_at: entry.accepted_at,
            },
        )?;
    }
    transaction.commit()?;
    Ok(drafts)
}
