//! How closely to look at a mailbox in a pass.

use std::collections::BTreeSet;

use super::pass::PassOptions;
use crate::clock;
use crate::id::{MailboxId, MessageId};
use crate::message;
use crate::protocol::types::Envelope;
use crate::store::{PassInput, Store, StoreError, StrayNote};
use crate::upstream::{Effort, Glance};

/// A glance, where the mailbox is large enough to be worth one and was listed not long ago. What the journal and our own
/// notes speak of is looked at in any case.
pub(super) async fn effort(
    store: &Store,
    mailbox: MailboxId,
    input: &PassInput,
    notes: &[StrayNote],
    options: &PassOptions,
) -> Result<Effort, StoreError> {
    let Some(last) = input.base.messages.last() else {
        return Ok(Effort::List);
    };
    if options.closely || input.base.messages.len() <= options.list_up_to {
        return Ok(Effort::List);
    }
    let listed_at = store.listed_at(mailbox).await?;
    if listed_at <= 0 {
        return Ok(Effort::List);
    }
    let entries = input.entries.iter().map(|entry| entry.message);
    let acted_on: BTreeSet<MessageId> = entries
        .chain(notes.iter().map(|note| note.message))
        .collect();
    let glance = Glance {
        closely: !acted_on.is_empty() || options.chance.is_multiple_of(CLOSE_ONE_IN),
        acted_on,
        last_envelope: envelope(store, last.id).await?,
        chance: options.chance,
    };
    let age = clock::unix_seconds().checked_sub(listed_at);
    let age = age.and_then(|age| u64::try_from(age).ok());
    Ok(match age {
        Some(age) if age < options.list_every.as_secs() => Effort::Glance(glance),
        // It is time, or the clock was turned back.
        Some(_) | None => Effort::Check(glance),
    })
}

async fn envelope(store: &Store, id: MessageId) -> Result<Option<Envelope>, StoreError> {
    let header = store.headers(vec![id]).await?.pop().flatten();
    Ok(header.map(|header| message::envelope(&header)))
}

/// Where nothing is at stake, one glance of so many is a close one.
const CLOSE_ONE_IN: u64 = 4;
