//! What fell on messages that were not meant, and could not be seen to be taken back: it is taken back however often the line
//! breaks. `\Seen` is noted, as where our own reading marks messages; anything else is taken back like an action of the user.

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
    let others: Vec<Astray> = astray.into_iter().filter_map(without_seen).collect();
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

fn without_seen(stray: Astray) -> Option<Astray> {
    let back = FlagDelta {
        remove: stray.back.remove.minus(FlagSet::SEEN),
        ..stray.back
    };
    (!back.is_empty()).then_some(Astray { back, ..stray })
}
