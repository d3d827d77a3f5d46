//! Rebind: entries whose message was in a cache that was lost, and the messages they mean.

use std::collections::BTreeMap;

use super::view::{Base, BaseMessage};
use crate::id::{EntryId, MessageId};
use crate::journal::{Action, HeaderHash, JournalEntry, Mark, ParkReason};

/// What became of entries without a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebinding {
    /// Entries whose message was found again.
    pub ties: Vec<(EntryId, MessageId)>,
    /// Entries that have nothing left to do: their message is gone.
    pub done: Vec<EntryId>,
    /// Entries for a person, since their message cannot be found, or stands there more than once.
    pub lost: Vec<(EntryId, ParkReason)>,
    /// Entries that wait until more headers were read, and do not say yet why they wait.
    pub open: Vec<EntryId>,
}

/// Finds the messages again whose cache was lost.
///
/// A UID finds its message under the same UIDVALIDITY; otherwise headers decide, and nothing is tied to one of several
/// equals. As long as headers are missing here, what is not found may still be there, and waits.
#[must_use]
pub fn rebind(base: &Base, unbound: &[JournalEntry]) -> Rebinding {
    let known = Known::of(base);
    let mut rebinding = Rebinding::default();
    for entry in unbound.iter().filter(|entry| entry.is_active()) {
        let validity = known.uid_validity.is_some() && known.uid_validity == entry.uid_validity;
        let name = entry.mark.uid.filter(|_| validity);
        let found = match name {
            Some(uid) => known.named(uid, &entry.mark),
            None => known.alike(&entry.mark),
        };
        let is_looked_for = name.is_some() || (known.is_complete && entry.mark.header.is_some());
        match (found.as_slice(), &entry.action) {
            ([only], _) => rebinding.ties.push((entry.id, *only)),
            ([], Action::Expunge) if is_looked_for => rebinding.done.push(entry.id),
            ([], Action::Copy { .. }) if is_looked_for => {
                rebinding.lost.push((entry.id, ParkReason::SourceGone));
            }
            ([], _) if !known.is_complete => {
                let untold = Some(entry.id).filter(|_| entry.trouble.is_empty());
                rebinding.open.extend(untold);
            }
            _ => rebinding.lost.push((entry.id, ParkReason::Unbound)),
        }
    }
    rebinding
}

/// The messages that one of a lost cache can be, by its mark: all that look like it. Nothing as long as headers are missing
/// here, so that more or fewer may.
#[must_use]
pub fn recognise(base: &Base, mark: &Mark) -> Option<Vec<MessageId>> {
    let alike = base.messages.iter().filter(|known| known.mark.agrees(mark));
    let is_read = |known: &BaseMessage| known.mark.header.is_some() || mark.header.is_none();
    alike
        .map(|known| is_read(known).then_some(known.id))
        .collect()
}

/// The messages of a base by what they are found by.
struct Known<'a> {
    /// Under which UIDVALIDITY every message has a UID.
    uid_validity: Option<u32>,
    by_uid: BTreeMap<u32, &'a BaseMessage>,
    by_header: BTreeMap<HeaderHash, Vec<&'a BaseMessage>>,
    /// Whether every header is known.
    is_complete: bool,
}

impl<'a> Known<'a> {
    fn of(base: &'a Base) -> Self {
        let messages = || base.messages.iter();
        let mut by_header: BTreeMap<HeaderHash, Vec<&BaseMessage>> = BTreeMap::new();
        for message in messages() {
            if let Some(header) = message.mark.header {
                by_header.entry(header).or_default().push(message);
            }
        }
        let all_named = messages().all(|message| message.mark.uid.is_some());
        Self {
            uid_validity: base.facts.uid_validity.filter(|_| all_named),
            by_uid: messages()
                .filter_map(|message| Some((message.mark.uid?, message)))
                .collect(),
            by_header,
            is_complete: messages().all(|message| message.mark.header.is_some()),
        }
    }

    fn named(&self, uid: u32, mark: &Mark) -> Vec<MessageId> {
        let found = self.by_uid.get(&uid).into_iter();
        let same = found.filter(|message| message.mark.agrees(mark));
        same.map(|message| message.id).collect()
    }

    fn alike(&self, mark: &Mark) -> Vec<MessageId> {
        let read = mark.header.and_then(|header| self.by_header.get(&header));
        let equal = read
            .into_iter()
            .flatten()
            .filter(|message| message.mark.proves(mark));
        equal.map(|message| message.id).collect()
    }
}

#[cfg(test)]
mod tests;
