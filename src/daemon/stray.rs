//! What fell on messages that were not meant, and could not be seen to be taken back: what makes a message be lost or be taken
//! for read is taken back however often the line breaks. `\Seen` is noted, as where our own reading marks messages; `\Deleted`
//! is taken back like an action of the user. Other flags are left as they are then: an action of our own beside one that the
//! user means would be weighed against it.

use super::error::PassError;
use crate::id::{MailboxId, MessageId};
use crate::journal::{Action, NewEntry};
use crate::mirror::{Coverage, Settlement};
use crate::protocol::types::{FlagDelta, FlagSet};
use crate::store::Store;
use crate::upstream::{Astray, Selected};

/// Writes down what may still stand there, so that it is taken back.
pub(super) async fn put_right(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
) -> Result<(), PassError> {
    let astray = selected.astray();
    let is_marked = |stray: &&Astray| stray.back.remove.contains(FlagSet::SEEN);
    let marked: Vec<MessageId> = astray
        .iter()
        .filter(is_marked)
        .map(|stray| stray.message)
        .collect();
    if !marked.is_empty() {
        store.note_unseen(mailbox, marked).await?;
    }
    let others: Vec<Astray> = astray.into_iter().filter_map(only_deleted).collect();
    if others.is_empty() {
        return Ok(());
    }
    let base = store.pass_input(mailbox).await?.base;
    let settlement = Settlement {
        facts: base.facts,
        coverage: Coverage::Glance { closely: false },
        flags: others
            .iter()
            .map(|stray| (stray.message, stray.flags))
            .collect(),
        ..Settlement::default()
    };
    let back = |stray: Astray| NewEntry {
        message: stray.message,
        action: Action::Flags(stray.back),
    };
    store.record(mailbox, settlement).await?;
    store
        .accept(mailbox, others.into_iter().map(back).collect())
        .await?;
    Ok(())
}

fn only_deleted(stray: Astray) -> Option<Astray> {
    let remove = stray.back.remove.intersection(FlagSet::DELETED);
    let back = FlagDelta {
        remove,
        ..FlagDelta::NONE
    };
    (!back.is_empty()).then_some(Astray { back, ..stray })
}
