//! Accepting what a client asks for: durable first, then visible, then the doorbell.

use std::collections::BTreeMap;

use super::doubt::Doubted;
use super::error::StoreError;
use super::file::Fault;
use super::held::Held;
use super::journal::{self, Draft};
use super::{Kind, Store, ring};
use crate::clock;
use crate::id::{ChangeNum, EntryId, MailboxId, MessageId};
use crate::journal::{Action, EntryState, JournalEntry, NewEntry};
use crate::mirror::LocalState;
use crate::protocol::types::{FlagDelta, FlagSet, Keywords};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The first moment at which the mailbox shows it.
    pub change: ChangeNum,
    /// How many actions were new; the others asked for what is so already, or for the removal of what is not there or
    /// no longer `\Deleted`.
    pub accepted_count: usize,
    /// How many removals were left out, since what marks the message may be a mistake that nobody has answered yet.
    pub left_out_count: usize,
}

impl Store {
    /// Accepts actions on messages of one mailbox, all or none. When this returns, they are durable and visible.
    ///
    /// Whatever the caller has seen, the actions meet the mailbox as it is at this moment: nothing that others did comes
    /// between the look and the commit.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was accepted; [`StoreError::MessageGone`] if a message that is to be copied is gone.
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

    /// Accepts actions on messages that may be others than those which the copy shows: they were seen with these flags.
    pub(super) async fn insist(
        &self,
        mailbox: MailboxId,
        wishes: Vec<NewEntry>,
        saw: FlagSet,
    ) -> Result<Accepted, StoreError> {
        self.hold(mailbox).await?;
        self.journalled_as(mailbox, wishes, move |_, _| Some(saw))
            .await
    }

    async fn journalled(
        &self,
        mailbox: MailboxId,
        wishes: Vec<NewEntry>,
    ) -> Result<Accepted, StoreError> {
        self.journalled_as(mailbox, wishes, Held::flags).await
    }

    async fn journalled_as(
        &self,
        mailbox: MailboxId,
        wishes: Vec<NewEntry>,
        flags: impl Fn(&Held, MessageId) -> Option<FlagSet> + Send + 'static,
    ) -> Result<Accepted, StoreError> {
        let inner = self.inner.clone();
        let accept = move |connection: &mut rusqlite::Connection| {
            let at = clock::unix_seconds();
            let mut doubted = Doubted::load(connection, &inner, mailbox, &wishes)?;
            let (wishes, left_out_count) = doubted.sift(wishes);
            let (name, keywords, drafts) = inner.with(mailbox, |held| {
                (
                    held.name.clone(),
                    held.view.keywords.clone(),
                    drafts(held, &wishes, at, &flags),
                )
            })?;
            let entries = write(connection, &name, &keywords, drafts?, &doubted)?;
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
                left_out_count,
            })
        };
        let accepted = self.inner.journal.run(accept).await?;
        if accepted.accepted_count > 0 {
            ring(&self.inner.accepted);
        }
        Ok(accepted)
    }
}

/// The entries that wishes become, each on top of those before it, the first on top of the flags that its message is shown
/// with; what asks for nothing new becomes none.
pub(super) fn drafts(
    held: &Held,
    wishes: &[NewEntry],
    at: i64,
    flags: impl Fn(&Held, MessageId) -> Option<FlagSet>,
) -> Result<Vec<JournalEntry>, StoreError> {
    let mut states: BTreeMap<MessageId, LocalState> = BTreeMap::new();
    let mut drafts = Vec::new();
    for wish in wishes {
        let shown = || flags(held, wish.message).map(LocalState::Present);
        let state = states.get(&wish.message).copied().or_else(shown);
        let known = held.base.find(wish.message);
        let (Some(known), Some(LocalState::Present(flags_before))) = (known, state) else {
            require_no_copy(&wish.action)?;
            continue;
        };
        let Some(action) = what_is_left(&wish.action, flags_before) else {
            continue;
        };
        let before = LocalState::Present(flags_before);
        states.insert(wish.message, before.after(&action));
        drafts.push(JournalEntry {
            id: EntryId::from_raw(0),
            message: wish.message,
            mark: known.mark,
            flags_before,
            action,
            state: EntryState::Pending,
            trouble: String::new(),
            accepted_at: at,
            uid_validity: held.base.facts.uid_validity,
        });
    }
    Ok(drafts)
}

/// Nothing is left to be marked or removed of a message that is gone. A copy of it was wanted, and there will be none.
fn require_no_copy(action: &Action) -> Result<(), StoreError> {
    match action {
        Action::Copy { .. } => Err(StoreError::MessageGone),
        Action::Flags(_) | Action::Expunge | Action::Append { .. } => Ok(()),
    }
}

/// What an action still has to do to a message with these flags. A removal is meant for what is `\Deleted`: if somebody
/// has taken that mark off, it takes nothing away.
fn what_is_left(action: &Action, flags: FlagSet) -> Option<Action> {
    match action {
        Action::Flags(delta) => {
            let change = FlagDelta::between(flags, delta.apply(flags));
            (!change.is_empty()).then_some(Action::Flags(change))
        }
        Action::Expunge => flags.contains(FlagSet::DELETED).then_some(Action::Expunge),
        Action::Copy { .. } | Action::Append { .. } => Some(action.clone()),
    }
}

fn write(
    connection: &mut rusqlite::Connection,
    mailbox: &crate::protocol::types::MailboxName,
    keywords: &Keywords,
    mut drafts: Vec<JournalEntry>,
    doubted: &Doubted,
) -> Result<Vec<JournalEntry>, Fault> {
    let transaction = connection.transaction()?;
    doubted.write(&transaction)?;
    for entry in &mut drafts {
        entry.id = journal::insert(&transaction, &Draft::of(mailbox, keywords, entry))?;
    }
    transaction.commit()?;
    Ok(drafts)
}
