//! Rebind: entries whose message lost its name, because the cache was lost, and the messages they mean.

use super::view::Base;
use crate::id::{EntryId, MessageId};
use crate::journal::{Action, JournalEntry};

/// What became of entries without a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebinding {
    /// Entries whose message was found again.
    pub ties: Vec<(EntryId, MessageId)>,
    /// Removals of messages that are gone.
    pub done: Vec<EntryId>,
    /// Entries whose message is gone, or stands there more than once.
    pub lost: Vec<EntryId>,
}

/// Finds the messages again by their marks, in a base whose headers are all known.
///
/// The headers decide; a UID does too while the UIDVALIDITY is the same. Nothing is tied to one of several equals.
#[must_use]
pub fn rebind(base: &Base, unbound: &[JournalEntry]) -> Rebinding {
    let mut rebinding = Rebinding::default();
    for entry in unbound {
        let equal = base
            .messages
            .iter()
            .filter(|message| message.mark.proves(&entry.mark));
        let found: Vec<MessageId> = equal.map(|message| message.id).take(2).collect();
        match (found.as_slice(), &entry.action) {
            ([only], _) => rebinding.ties.push((entry.id, *only)),
            ([], Action::Expunge) => rebinding.done.push(entry.id),
            _ => rebinding.lost.push(entry.id),
        }
    }
    rebinding
}
