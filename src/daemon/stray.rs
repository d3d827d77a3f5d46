//! What fell on messages that were not meant, and could not be seen to be taken back: it is taken back like any action of the
//! user, however often the line breaks.

use super::error::PassError;
use crate::id::MailboxId;
use crate::journal::{Action, NewEntry};
use crate::mirror::{Coverage, Settlement};
use crate::store::Store;
use crate::upstream::{Astray, Selected};

/// Notes what may still stand there, and has it taken back.
pub(super) async fn put_right(
    selected: &mut Selected<'_>,
    store: &Store,
    mailbox: MailboxId,
) -> Result<(), PassError> {
    let astray = selected.astray();
    if astray.is_empty() {
        return Ok(());
    }
    let shown = |stray: &Astray| (stray.message, stray.flags);
    let base = store.pass_input(mailbox).await?.base;
    let settlement = Settlement {
        facts: base.facts,
        coverage: Coverage::Glance { closely: false },
        flags: astray.iter().map(shown).collect(),
        ..Settlement::default()
    };
    let back = |stray: Astray| NewEntry {
        message: stray.message,
        action: Action::Flags(stray.back),
    };
    store.record(mailbox, settlement).await?;
    store
        .accept(mailbox, astray.into_iter().map(back).collect())
        .await?;
    Ok(())
}
