//! Rebind: entries whose message is not in the base, and the messages they mean.

use super::view::Base;
use crate::id::{EntryId, MessageId};
use crate::journal::{Action, JournalEntry};

/// What became of entries without a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebinding {
    /// Entries whose message was found again.
    pub ties: Vec<(EntryId, MessageId)>,
    /// Entries that have nothing left to do: their message is gone.
    pub done: Vec<EntryId>,
    /// Entries whose message cannot be found, or stands there more than once.
    pub lost: Vec<EntryId>,
}

/// Finds the messages again by their marks, in a base whose headers are all known.
///
/// `first` is the first message of this cache. A message from there on was in the base and was recorded as gone, though its
/// entries were not retired with it; to look for another one like it would be to act on a twin. Only the messages of an
/// earlier cache, which was lost, are looked for. Their headers decide, and among equals the UID where both have one under
/// the same UIDVALIDITY; without it nothing is tied to one of several equals.
#[must_use]
pub fn rebind(base: &Base, first: MessageId, unbound: &[JournalEntry]) -> Rebinding {
    let mut rebinding = Rebinding::default();
    for entry in unbound.iter().filter(|entry| entry.is_active()) {
        let seen_to_go = entry.message >= first;
        let named =
            base.facts.uid_validity.is_some() && base.facts.uid_validity == entry.uid_validity;
        let same_name = |uid: Option<u32>| match (uid, entry.mark.uid) {
            (Some(theirs), Some(ours)) if named => theirs == ours,
            (Some(_) | None, Some(_) | None) => true,
        };
        let equal = base.messages.iter().filter(|message| {
            !seen_to_go && message.mark.proves(&entry.mark) && same_name(message.mark.uid)
        });
        let found: Vec<MessageId> = equal.map(|message| message.id).take(2).collect();
        match (found.as_slice(), &entry.action) {
            ([only], _) => rebinding.ties.push((entry.id, *only)),
            ([], Action::Expunge) => rebinding.done.push(entry.id),
            ([], Action::Flags(_)) if seen_to_go => rebinding.done.push(entry.id),
            _ => rebinding.lost.push(entry.id),
        }
    }
    rebinding
}

#[cfg(test)]
mod tests;
