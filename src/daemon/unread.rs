//! Our own reading is not the user's: marks that a read may set are noted before it and taken off after it.
//!
//! The note is durable before the first octet is asked for. Whatever interrupts us, the next pass believes no flag
//! that may be such a mark, and takes it off before anything else is sent ([`super::stray::Noted::put_right`]). Unread by mistake is better than read by mistake.

use super::error::PassError;
use crate::id::{MailboxId, MessageId};
use crate::mirror::{Access, MessageState, Step, StepOutcome};
use crate::protocol::types::{FlagDelta, FlagSet};
use crate::store::{Store, StoreError, in_place_of};
use crate::upstream::Selected;

/// The messages that a step may mark as read although nobody read them: below IMAP4, COPY does.
pub(super) fn at_risk(selected: &Selected<'_>, step: &Step) -> Vec<MessageId> {
    match step {
        Step::Copy { message, .. } if !selected.peeks() => {
            unread_of(selected, std::slice::from_ref(message))
        }
        Step::Copy { .. }
        | Step::Append { .. }
        | Step::StoreFlags { .. }
        | Step::Expunge { .. } => Vec::new(),
    }
}

/// Those of the messages that reading may mark. In a mailbox that is open for reading only nothing can be marked.
pub(super) fn unread_of(selected: &Selected<'_>, messages: &[MessageId]) -> Vec<MessageId> {
    if selected.facts().access == Access::ReadOnly {
        return Vec::new();
    }
    let unread = messages
        .iter()
        .filter(|message| selected.can_be_marked(**message));
    unread.copied().collect()
}

/// Notes messages before they are read.
pub(super) async fn note(
    store: &Store,
    mailbox: MailboxId,
    messages: &[MessageId],
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    store.note_strays(mailbox, marks(messages)).await
}

/// Which of the messages may be marked after a step. Those that were shown unread since are not, and need no note: whoever
/// marks them now has read them. What was refused has marked nothing.
pub(super) async fn marked(
    store: &Store,
    mailbox: MailboxId,
    at_risk: Vec<MessageId>,
    outcome: &StepOutcome,
) -> Result<Vec<MessageId>, StoreError> {
    let is_refused = matches!(outcome, StepOutcome::Refused { .. });
    let is_unread = |message: &MessageId| {
        is_refused || outcome.seen().iter().any(|(seen, state)| {
            seen == message
                && matches!(state, MessageState::Present(flags) if !flags.contains(FlagSet::SEEN))
        })
    };
    let (unread, marked): (Vec<_>, Vec<_>) = at_risk.into_iter().partition(is_unread);
    if !unread.is_empty() {
        store.drop_strays(mailbox, marks(&unread)).await?;
    }
    Ok(marked)
}

/// Takes the marks off after the read, and forgets the notes of those that were seen unread. Says whether all of them were:
/// otherwise the server does not let marks be taken off, and it is better not to make more.
pub(super) async fn clear(
    store: &Store,
    mailbox: MailboxId,
    selected: &mut Selected<'_>,
    messages: &[MessageId],
) -> Result<bool, PassError> {
    if messages.is_empty() {
        return Ok(true);
    }
    selected.clear_seen(messages).await?;
    // What a server only remembers, it forgets with the connection; one that has lost its lock, in any case.
    selected.checkpoint().await?;
    let cleared = selected.cleared(messages);
    let are_all = cleared.len() == messages.len();
    if selected.facts().access != Access::ReadOnly {
        let mut right = marks(&cleared);
        // It was taken off where the text was read, whatever stands there.
        right.extend(
            cleared
                .into_iter()
                .map(in_place_of)
                .map(|id| (id, FlagDelta::UNREAD)),
        );
        store.drop_strays(mailbox, right).await?;
    }
    Ok(are_all)
}

fn marks(messages: &[MessageId]) -> Vec<(MessageId, FlagDelta)> {
    let messages = messages.iter();
    messages
        .map(|message| (*message, FlagDelta::UNREAD))
        .collect()
}
