//! What a lost cache has left in the journal: actions and notes, whose messages stand here under other ids now.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{EntryId, MailboxId, MessageId};
use crate::journal::JournalEntry;
use crate::mirror::{Base, Sighting, rebind, recognise};
use crate::store::{Store, StoreError, StrayNote};

/// Finds the messages of entries that have none, or settles them, and ties notes to the messages that they can stand on. Says
/// whether another pass has something to do with what was found.
pub(super) async fn find_again(
    store: &Store,
    mailbox: MailboxId,
    unbound: &[JournalEntry],
    sightings: &BTreeMap<EntryId, Sighting>,
    notes: &[StrayNote],
) -> Result<bool, StoreError> {
    if unbound.is_empty() && notes.is_empty() {
        return Ok(false);
    }
    let input = store.pass_input(mailbox).await?;
    let places = places(&input.base, notes);
    let mut entries = input.entries;
    let unbound: BTreeSet<EntryId> = unbound.iter().map(|entry| entry.id).collect();
    entries.retain(|entry| unbound.contains(&entry.id) && !may_have_come(entry, sightings));
    let rebinding = rebind(&input.base, &entries);
    let is_found = !rebinding.ties.is_empty() || places.iter().any(|(_, on)| !on.is_empty());
    if !entries.is_empty() {
        store.rebind(mailbox, rebinding).await?;
    }
    if !places.is_empty() {
        store.move_strays(mailbox, places).await?;
    }
    Ok(is_found)
}

/// Whether it is a copy that was sent, and its destination could not be looked into.
fn may_have_come(entry: &JournalEntry, sightings: &BTreeMap<EntryId, Sighting>) -> bool {
    entry.is_copy() && entry.may_have_been_sent() && !sightings.contains_key(&entry.id)
}

/// Where notes on messages that are not known can stand, as far as enough headers were read to tell.
fn places(base: &Base, notes: &[StrayNote]) -> Vec<(MessageId, Vec<MessageId>)> {
    let lost = notes.iter().filter(|note| base.has_lost(note.message));
    lost.filter_map(|note| Some((note.message, recognise(base, &note.mark)?)))
        .collect()
}
