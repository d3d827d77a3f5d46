//! Our own reading is not the user's: marks that a read may set are noted before it and taken off after it.
//!
//! The note is durable before the first octet is asked for. Whatever interrupts us, the next pass takes the mark off before
//! it believes any flag. Unread by mistake is better than read by mistake.

use std::collections::BTreeMap;

use super::error::PassError;
use crate::id::{MailboxId, MessageId};
use crate::journal::Mark;
use crate::mirror::{Access, MessageState, Observation, Step};
use crate::protocol::types::FlagSet;
use crate::store::{PassInput, Store, StoreError, UnseenNote};
use crate::upstream::{Selected, UpstreamError};

/// Takes off what an earlier connection may have left, and observes again.
pub(super) async fn restore(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
    input: &PassInput,
    seen: Observation,
    dry_run: bool,
) -> Result<Observation, PassError> {
    let notes = store.unseen_notes(mailbox).await?;
    if notes.is_empty() || dry_run || seen.facts.access == Access::ReadOnly {
        return Ok(seen);
    }
    let mut marked = Vec::new();
    for UnseenNote { message, mark } in &notes {
        if input
            .base
            .messages
            .binary_search_by_key(message, |known| known.id)
            .is_err()
        {
            selected.bind_mark(*message, mark);
        }
        if selected
            .shown_flags(*message)
            .is_some_and(|flags| flags.contains(FlagSet::SEEN))
        {
            marked.push(*message);
        }
    }
    let states: BTreeMap<MessageId, MessageState> =
        selected.clear_seen(&marked).await?.into_iter().collect();
    if !marked.is_empty() {
        selected.checkpoint().await?;
    }
    let settled = notes
        .iter()
        .map(|note| note.message)
        .filter(|message| is_unread(states.get(message)));
    store.drop_unseen(mailbox, settled.collect()).await?;
    selected.observed().ok_or_else(|| {
        UpstreamError::Desynchronised {
            problem: "the listing has gaps",
        }
        .into()
    })
}

/// The messages that a step may mark as read although nobody read them: below IMAP4, COPY does.
pub(super) fn at_risk(selected: &Selected<'_>, step: &Step) -> Vec<MessageId> {
    match step {
        Step::Copy { message, .. } if !selected.peeks() => {
            unread_of(selected, std::slice::from_ref(message))
        }
        Step::Copy { .. } | Step::StoreFlags { .. } | Step::Expunge { .. } => Vec::new(),
    }
}

/// Those of the messages that were last shown unread.
pub(super) fn unread_of(selected: &Selected<'_>, messages: &[MessageId]) -> Vec<MessageId> {
    let unread = |message: &&MessageId| {
        selected
            .shown_flags(**message)
            .is_some_and(|flags| !flags.contains(FlagSet::SEEN))
    };
    messages.iter().filter(unread).copied().collect()
}

/// Notes messages before they are read.
pub(super) async fn note(
    store: &Store,
    mailbox: MailboxId,
    marks: &BTreeMap<MessageId, Mark>,
    messages: &[MessageId],
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let note = |message: &MessageId| {
        Some(UnseenNote {
            message: *message,
            mark: *marks.get(message)?,
        })
    };
    store
        .note_unseen(mailbox, messages.iter().filter_map(note).collect())
        .await
}

/// Takes the marks off after the read, and forgets the notes of those that were seen unread. Gives what was seen.
pub(super) async fn clear(
    store: &Store,
    mailbox: MailboxId,
    selected: &mut Selected<'_>,
    messages: &[MessageId],
) -> Result<Vec<(MessageId, MessageState)>, PassError> {
    if messages.is_empty() || selected.facts().access == Access::ReadOnly {
        return Ok(Vec::new());
    }
    let states = selected.clear_seen(messages).await?;
    let settled = states
        .iter()
        .filter(|(_, state)| is_unread(Some(state)))
        .map(|(message, _)| *message);
    store.drop_unseen(mailbox, settled.collect()).await?;
    Ok(states)
}

/// Nothing is left to restore: the message is unread, or gone.
fn is_unread(state: Option<&MessageState>) -> bool {
    match state {
        Some(MessageState::Present(flags)) => !flags.contains(FlagSet::SEEN),
        Some(MessageState::Gone) | None => true,
    }
}
